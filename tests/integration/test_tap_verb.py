"""`trunkline tap` against a real Kafka: what it shows, what it hides, and how it ends."""

import contextlib
import datetime
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import time

import confluent_kafka
import confluent_kafka.admin
import pytest
import yaml

from gateway import BINARY, ROOT, SANITIZER, TOPICS, changed, configuration, run
from waiting import wait_until

GOLDEN = [
    event for path in sorted((ROOT / "tests/adapters/golden").glob("*/*.events.json"))
    for event in json.loads(path.read_text())
]
NUMBER = "13800138000"
FORMS = [(), ("--data",), ("--json",)]


def event(key="call-1", **changes):
    """A small event of ours; members of it are replaced by `changes`."""
    return changed({
        "specversion": "1.0", "id": f"7moor-{key}-call.ended", "type": "io.trunkline.call.ended.v1",
        "source": "/trunkline/7moor", "subject": key, "time": "2026-03-01T12:00:00+08:00", "partitionkey": key,
        "vendor": "7moor", "account": "north",
        "data": {"call": {"id": key, "direction": "outbound", "caller": NUMBER}, "vendor": {"statusTime": "1620455987"}},
    }, changes)


def structured(value):
    return {
        "key": value["partitionkey"], "value": json.dumps(value, ensure_ascii=False),
        "headers": [("content-type", b"application/cloudevents+json; charset=utf-8")],
    }


def binary(value):
    headers = [("content-type", b"application/json")]
    headers += [(f"ce_{name}", text.encode()) for name, text in value.items() if name not in ("data", "datacontenttype")]
    return {"key": value["partitionkey"], "value": json.dumps(value["data"], ensure_ascii=False), "headers": headers}


class Tap:
    """One that runs: its lines as they come."""

    def __init__(self, directory, config, *arguments):
        self.out, self.err = directory / "tap.out", directory / "tap.err"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(
                [str(BINARY), "tap", "--config", str(config), *map(str, arguments)], stdout=out, stderr=err
            )

    def lines(self):
        return self.out.read_text().splitlines()

    def told(self):
        return self.err.read_text()

    def wait_for(self, condition, what, seconds=30):
        return wait_until(lambda: self.process.poll() is None and condition(), seconds, f"{what}; {self.told()}")

    def end(self, number=signal.SIGINT, seconds=20):
        self.process.send_signal(number)
        status = self.process.wait(seconds)
        assert not SANITIZER.search(self.told()), self.told()
        return status


@pytest.fixture
def topics(kafka, prefix, tmp_path):
    """topics.config is a configuration's path, topics.produce(record, role) puts one there."""
    class Topics:
        producer = confluent_kafka.Producer({"bootstrap.servers": kafka.address, "linger.ms": 5, "log_level": 3})
        config = tmp_path / "trunkline.yaml"

        def name(self, role="call_events"):
            return prefix + TOPICS[role]

        def produce(self, *records, role="call_events", **keywords):
            for record in records:
                self.producer.produce(self.name(role), **record, **keywords)
            assert self.producer.flush(30) == 0

        def tap(self, *arguments, **keywords):
            return run("tap", "--config", self.config, "--from", "1d", *arguments, **keywords)

        def shown(self, *arguments):
            """What --json tells of all that there is."""
            done = self.tap("--until", now(), "--json", *arguments)
            assert done.returncode == 0, done.stderr
            return [json.loads(line) for line in done.stdout.splitlines()]

    made = Topics()
    made.config.write_text(yaml.safe_dump(configuration(kafka.address, tmp_path / "data", prefix), allow_unicode=True))
    done = run("topics", "create", "--config", made.config)
    assert done.returncode == 0, done.stderr
    return made


@contextlib.contextmanager
def tapping(tmp_path, topics, *arguments):
    tap = Tap(tmp_path, topics.config, *arguments)
    try:
        yield tap
    finally:
        if tap.process.poll() is None:
            tap.process.kill()
            tap.process.wait()


def now():
    """A moment behind all that was produced so far."""
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(milliseconds=2)).isoformat(timespec="milliseconds")


def test_lines_tell_what_happened_in_both_modes(topics):
    topics.produce(structured(event("call-1")), binary(event("call-2")), partition=0)
    done = topics.tap("--count", 2)
    assert done.returncode == 0 and done.stderr == ""
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["2026-03-01T12:00:00+08:00", "call.ended", "7moor", key, "outbound,", "from", "*******8000"]
        for key in ("call-1", "call-2")
    ]
    data = topics.tap("--count", 1, "--data").stdout
    head, _, rest = data.partition("\n")
    assert head == done.stdout.splitlines()[0] and json.loads(rest)["call"]["caller"] == "*******8000"


def test_json_is_the_whole_event_in_either_mode(topics):
    for make in (structured, binary):
        topics.produce(*map(make, GOLDEN))
    shown = topics.shown("--show-numbers")
    assert len(shown) == 2 * len(GOLDEN)
    for expected in GOLDEN:
        found = [each["event"] for each in shown if each["event"]["id"] == expected["id"]]
        assert [changed(each, {"datacontenttype": "application/json"}) for each in found] == [expected] * 2 * (
            len([each for each in GOLDEN if each["id"] == expected["id"]])
        )
    places = {(each["topic"], each["partition"], each["offset"]) for each in shown}
    assert len(places) == len(shown) and {each["topic"] for each in shown} == {topics.name()}


@pytest.mark.parametrize("make", [structured, binary])
def test_no_form_shows_a_number(topics, make):
    """Each number of a call, out of every event that we have an example of, wherever the event repeats it."""
    numbers = {
        text for each in GOLDEN for name, text in each["data"].get("call", {}).items()
        if name in ("caller", "callee", "customer", "display_number", "virtual_number", "trunk_number") and
        len(re.findall(r"\d", text)) >= 7
    }
    assert len(numbers) > 5
    topics.produce(*map(make, GOLDEN))
    letters = [("id", b"0" * 32), ("source", b"7moor"), ("reason", b"not_json"), ("detail", NUMBER.encode()),
               ("query", f"phone={NUMBER}".encode()), ("http.x-phone", b"1234567890")]
    topics.produce({"key": NUMBER, "value": f'{{"mobile": "1234567890", {NUMBER}', "headers": letters}, role="deadletter")
    escaped = "".join(f"\\u{ord(digit):04x}" for digit in NUMBER)
    for mark in ("", "\ufeff"):
        value = f'{mark}{{"text": "{escaped}", "id_card": "11010519491231002X"}}'
        topics.produce({"key": "x", "value": value, "headers": letters}, role="deadletter")
    for form in FORMS:
        done = topics.tap("--all", "--until", now(), *form)
        assert done.returncode == 0 and len(done.stdout.splitlines()) > len(GOLDEN)
        assert escaped[-12:] not in done.stdout and "11010519491231002X" not in done.stdout
        for number in numbers | {NUMBER}:
            assert number not in done.stdout, (form, number)
        assert "*******8000" in done.stdout and "*******2391" in done.stdout


def test_it_begins_now_and_takes_in_what_appears(topics, kafka, tmp_path):
    topics.produce(structured(event("before")))
    new = topics.name() + ".new"
    with tapping(tmp_path, topics, "--topic", topics.name(), "--topic", new, "--json") as tap:
        tap.wait_for(lambda: f"topic {new} does not exist" in tap.told(), "the missing topic to be told")
        topics.produce(structured(event("first")))
        tap.wait_for(lambda: len(tap.lines()) == 1, "the first event")

        kafka.create(new, 1)
        tap.wait_for(lambda: f"topic {new} is there now" in tap.told(), "the new topic to be told")
        topics.producer.produce(new, **structured(event("second")))
        topics.producer.flush(30)
        tap.wait_for(lambda: len(tap.lines()) == 2, "the event of the new topic")

        grown = kafka.admin.create_partitions([confluent_kafka.admin.NewPartitions(new, 2)])
        grown[new].result(timeout=30)
        tap.wait_for(lambda: f"topic {new} has 2 partitions now" in tap.told(), "the new partition to be told")
        later = confluent_kafka.Producer({"bootstrap.servers": kafka.address, "log_level": 3}) # it knows of both
        later.produce(new, **structured(event("third")), partition=1)
        assert later.flush(30) == 0
        tap.wait_for(lambda: len(tap.lines()) == 3, "the event of the new partition")
        assert tap.end() == 0
        assert [json.loads(line)["key"] for line in tap.lines()] == ["first", "second", "third"]
        assert len(tap.told().splitlines()) == 3
    assert "trunkline" not in [group.id for group in kafka.admin.list_groups(timeout=30)]


def test_times_and_counts_end_it(topics, tmp_path):
    begin = (int(time.time()) - 3600) * 1000  # young enough for Kafka not to delete them meanwhile
    stamps = [begin + 1000 * number for number in range(6)]
    for number, stamp in enumerate(stamps):
        topics.produce(structured(event(f"call-{number}")), partition=number % 3, timestamp=stamp)

    def moment(number):
        return datetime.datetime.fromtimestamp(stamps[number] / 1000, datetime.timezone.utc).isoformat()

    def keys(*arguments):
        done = run("tap", "--config", topics.config, "--json", *arguments)
        assert done.returncode == 0, done.stderr
        return sorted(json.loads(line)["key"] for line in done.stdout.splitlines())

    assert keys("--from", moment(1), "--until", moment(4)) == ["call-1", "call-2", "call-3"]
    two = keys("--from", moment(2), "--count", 2)
    assert len(set(two)) == 2 and set(two) < {"call-2", "call-3", "call-4", "call-5"}
    assert keys("--until", now()) == []
    # A time that is still to come: what arrives before then is shown, and then it ends by itself.
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=6)
    with tapping(tmp_path, topics, "--from", moment(5), "--until", until.isoformat()) as tap:
        tap.wait_for(lambda: len(tap.lines()) == 1, "the event of before")
        topics.produce(structured(event("live")))
        tap.wait_for(lambda: len(tap.lines()) == 2, "the event that passes")
        assert tap.process.wait(30) == 0 and datetime.datetime.now(datetime.timezone.utc) >= until


def test_filters(topics):
    topics.produce(
        structured(event("a")), binary(event("b", type="io.trunkline.call.recorded.v1")),
        structured(event("c", source="/trunkline/yeta", account="south", type="com.example.quoted.v1")),
        structured(event(NUMBER, id="odd")), {"key": "d", "value": "no JSON"},
    )

    def keys(*arguments):
        return sorted(each["key"] for each in topics.shown(*arguments))

    assert keys() == ["*******8000", "a", "b", "c", "d"]
    assert keys("--type", "call.ended") == ["*******8000", "a"]
    assert keys("--type", "call.*") == ["*******8000", "a", "b"]
    assert keys("--type", "io.trunkline.call.recorded.v1", "--type", "com.example.*") == ["b", "c"]
    assert keys("--source", "yeta") == ["c"] and keys("--source", "7*") == ["*******8000", "a", "b"]
    assert keys("--account", "south") == ["c"]
    assert keys("--key", "b") == ["b"] and keys("--key", NUMBER) == ["*******8000"]
    assert keys("--id", "odd") == ["*******8000"] and keys("--id", "*-call.ended", "--source", "7moor") == ["a", "b"]
    assert keys("--type", "nothing") == []


def test_nothing_that_a_terminal_obeys_gets_there(topics):
    evil = "".join(map(chr, [*range(1, 32), 127, *range(128, 160), 0x202E, 0x2066, 0x2028, 0x200F]))
    value = event("evil", type=f"x{evil}", source=evil, data={"call": {"direction": evil}, evil: [evil]})
    topics.produce(
        {"key": evil.encode() + b"\xff\x00", "value": json.dumps(value, ensure_ascii=False), "headers": []},
        {"key": b"\x1b]0;x\x07", "value": b"\x1b[2J\xff\x00", "headers": [(evil, evil.encode())]},
        binary(event("evil2", type=evil)),
    )
    letter = [("reason", evil.encode()), ("detail", evil.encode()), ("endpoint", evil.encode())]
    topics.produce({"key": evil, "value": evil, "headers": letter}, role="deadletter")
    for form in FORMS:
        done = topics.tap("--all", "--until", now(), *form)
        assert done.returncode == 0, done.stderr
        found = {character for character in done.stdout if character in evil} - {"\n"}
        assert not found, (form, found)
        if form == ("--json",):
            lines = [json.loads(line) for line in done.stdout.splitlines()]
            assert len(lines) == 4 and evil in [line.get("event", {}).get("source") for line in lines]


def test_what_a_transaction_took_back_is_not_shown(topics, kafka, prefix):
    producer = confluent_kafka.Producer({
        "bootstrap.servers": kafka.address, "transactional.id": prefix + "tap", "log_level": 3,
    })
    producer.init_transactions(30)
    for key, end in (("taken back", producer.abort_transaction), ("kept", producer.commit_transaction)):
        producer.begin_transaction()
        producer.produce(topics.name("results"), **structured(event(key)))
        producer.flush(30)
        end(30)
    shown = topics.shown("--topic", topics.name("results"))
    assert [each["key"] for each in shown] == ["kept"]


def test_while_kafka_is_away_it_says_so_and_goes_on(topics, own_kafka, prefix, tmp_path):
    config = yaml.safe_load(topics.config.read_text())
    config["kafka"]["bootstrap.servers"] = own_kafka.address
    topics.config.write_text(yaml.safe_dump(config, allow_unicode=True))
    done = run("topics", "create", "--config", topics.config)
    assert done.returncode == 0, done.stderr
    producer = confluent_kafka.Producer({"bootstrap.servers": own_kafka.address, "log_level": 3})
    with tapping(tmp_path, topics, "--from", "1d") as tap:
        producer.produce(topics.name(), **structured(event("before")))
        assert producer.flush(30) == 0
        tap.wait_for(lambda: len(tap.lines()) == 1, "the event of before")
        try:
            own_kafka.freeze()
            tap.wait_for(lambda: "does not answer" in tap.told(), "the outage to be told", 60)
        finally:
            own_kafka.thaw()
        tap.wait_for(lambda: "Kafka answers again" in tap.told(), "its end to be told", 60)
        producer.produce(topics.name(), **structured(event("after")))
        assert producer.flush(30) == 0
        tap.wait_for(lambda: len(tap.lines()) == 2, "the event of after", 60)
        assert tap.end(signal.SIGTERM) == 0
        assert len(tap.told().splitlines()) == 2


@pytest.mark.parametrize("brokers, told", [("127.0.0.1:1", "cannot reach Kafka at 127.0.0.1:1"), (None, "does not exist")])
def test_nothing_to_read_is_one_clear_line(topics, brokers, told):
    if brokers:
        config = changed(yaml.safe_load(topics.config.read_text()), {"kafka": {"bootstrap.servers": brokers}})
        topics.config.write_text(yaml.safe_dump(config, allow_unicode=True))
    done = topics.tap("--topic", topics.name() + ".none")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert told in done.stderr


@pytest.mark.parametrize("arguments, told", [
    (["x"], "stands alone"), (["--all", "--topic", "a"], "either --all or --topic"),
    (["--json", "--data"], "either --json or --data"), (["--count", "-1"], "takes a whole number"),
    (["--until", "soon"], "takes a time"), (["--topic"], "a value is missing"), (["--nothing"], "there is no option"),
])
def test_wrong_command_lines(arguments, told):
    done = run("tap", *arguments)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert told in done.stderr


def test_a_reader_that_has_enough_ends_it(topics):
    topics.produce(*[structured(event(f"call-{number}")) for number in range(3000)])
    head = subprocess.run(
        ["/bin/bash", "-c", 'set -o pipefail; "$0" tap --config "$1" --from 1d --json | head -n 1', BINARY, topics.config],
        capture_output=True, text=True, timeout=60,
    )
    assert head.returncode == 0 and head.stderr == "" and len(head.stdout.splitlines()) == 1


def test_a_reader_that_stands_still_costs_little_memory(topics, tmp_path):
    filler = "x" * 4000
    large = [structured(event(f"call-{number}", data={"filler": filler})) for number in range(4000)]
    for _ in range(5):
        topics.produce(*large)
    process = subprocess.Popen(
        [str(BINARY), "tap", "--config", str(topics.config), "--from", "1d", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    try:
        def resident():
            text = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1])

        seen = []

        def settled():
            seen.append(resident())
            return len(seen) > 20 and max(seen[-20:]) - min(seen[-20:]) < 512

        assert process.stdout.readline()
        wait_until(settled, 60, "its memory to stand still", 0.1)
        # 80 MB wait on the topic; 16 MiB of them may wait here.
        assert seen[-1] < 64 * 1024 or "libasan" in pathlib.Path(f"/proc/{process.pid}/maps").read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("variables, coloured", [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_need_a_terminal_and_leave(topics, variables, coloured):
    topics.produce(structured(event()))
    mine, its = pty.openpty()
    environment = {name: text for name, text in os.environ.items() if name != "NO_COLOR"} | variables
    process = subprocess.Popen(
        [str(BINARY), "tap", "--config", str(topics.config), "--from", "1d", "--count", "1"], stdout=its, env=environment
    )
    os.close(its)
    assert process.wait(60) == 0
    shown = os.read(mine, 65536).decode()
    os.close(mine)
    assert "call.ended" in shown and ("\x1b[" in shown) == coloured


def test_it_keeps_up_with_another_reader(topics, kafka):
    """Which has read and parsed the same records just before: starting, masking and writing are no ten times its work."""
    count = 20000
    topics.produce(*[structured(event(f"call-{number}")) for number in range(count)])
    begun = time.monotonic()
    assert len([json.loads(record.value) for record in kafka.read(topics.name())]) == count
    theirs = time.monotonic() - begun
    begun = time.monotonic()
    done = topics.tap("--until", now())
    ours = time.monotonic() - begun
    assert done.returncode == 0 and len(done.stdout.splitlines()) == count
    print(f"tap: {count / ours:.0f} events/s; the other reader: {count / theirs:.0f}")
    assert ours < 10 * theirs
