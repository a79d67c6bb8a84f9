"""`trunkline deadletter` against a real Kafka: what it lists, shows and replays, and what it leaves alone."""

import base64
import concurrent.futures
import json
import uuid

import confluent_kafka
import confluent_kafka.admin
import pytest
import yaml

from callbacks import yeta_record, yeta_voice
from commands import command_type
from gateway import TOPICS, changed, configuration, run
from waiting import wait_until

SECRET = "a-secret-of-the-source"
EVENTS = ("call_events", "agent_events", "task_events", "unmapped")
RECEIVED = "2026-03-01T12:00:00.123+08:00"


class Desk:
    """A configuration of its own on the real Kafka, its topics, and dead letters written by the test itself."""

    def __init__(self, kafka, directory, prefix, changes=None):
        self.kafka = kafka
        self.prefix = prefix
        self.path = directory / f"trunkline-{uuid.uuid4().hex[:6]}.yaml"
        config = changed(configuration(kafka.address, directory / "data", prefix), changes or {})
        self.path.write_text(yaml.safe_dump(config, allow_unicode=True))
        made = run("topics", "create", "--config", self.path)
        assert made.returncode == 0, made.stdout + made.stderr
        self.producer = confluent_kafka.Producer({"bootstrap.servers": kafka.address, "linger.ms": 5, "log_level": 3})

    def topic(self, role):
        return self.prefix + TOPICS[role]

    def deadletter(self, what, *arguments):
        return run("deadletter", what, "--config", self.path, *arguments)

    def write(self, body, source="yeta", vendor="yeta", reason="missing_key", partition=0, time=RECEIVED, **members):
        """A dead letter as the gateway writes it."""
        headers = {"id": "0" * 32, "reason": reason, "source": source, "vendor": vendor, "account": source,
                   "recordedtime": time, "method": "POST", "http.host": "gateway", **members}
        self.producer.produce(
            self.topic("deadletter"), body, "key", partition,
            headers=[(name, value) for name, value in headers.items() if value is not None],
        )
        assert self.producer.flush(30) == 0

    def callback(self, callback, **members):
        """The dead letter of a callback that can be converted by now."""
        _, source, *endpoint = callback.path.split("/")
        self.write(callback.body, source=source, vendor=source, endpoint=endpoint[0] if endpoint else None, **members)

    def read(self, *roles):
        return [record for role in roles for record in self.kafka.read(self.topic(role))]

    def places(self):
        return [line.split()[0] for line in self.deadletter("list").stdout.splitlines()]


@pytest.fixture
def desk(kafka, prefix, tmp_path):
    return Desk(kafka, tmp_path, prefix)


def converted(desk, callback, received=RECEIVED):
    """The records that `convert` makes of it."""
    _, source, *endpoint = callback.path.split("/")
    done = run(
        "convert", "--config", desk.path, "--records", "--source", source, "--received", received,
        *(["--endpoint", endpoint[0]] if endpoint else []), stdin=callback.body,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def as_printed(records):
    """Records read from Kafka in the form of `convert --records`."""
    return [
        {"topic": record.topic, "key": record.key.decode(), "headers": {k: v.decode() for k, v in record.headers},
         "value": json.loads(record.value)}
        for record in records
    ]


def objects_of(done):
    """What a verb printed with --json."""
    return [json.loads(line) for line in done.stdout.splitlines()]


def summary(found, replayed, unconvertible=0, unconfigured=0, unpublished=0):
    """Of a replay in which each becomes one record."""
    return (
        f"dead letters: {found}; replayed: {replayed} (records: {replayed}); still no event: {unconvertible}; "
        f"source not configured: {unconfigured}; not published: {unpublished}\n"
    )


def by_id(records):
    return sorted(records, key=lambda record: record["value"]["id"])


# --- list and show


def test_dead_letters_of_a_gateway_are_listed_and_shown(start_gateway, prefix):
    names = ("north", "south")
    gateway = start_gateway({"sources": [{"name": name, "adapter": "7moor", "secrets": [SECRET]} for name in names]})
    config = gateway.directory / "trunkline.yaml"
    broken = b'{"callUniqueId": "c-1", \xff\x00\n}'
    path = f"/callbacks/north/{SECRET}?customer=17319132391"
    assert gateway.post(path, broken, [("X-Origin", "vendor")]).status == 200
    assert gateway.post(f"/callbacks/south/{SECRET}", b'{"pushType":"cdr"}').status == 200

    def both_listed():
        """What waited too long for a Kafka that was slow comes by the spool, behind its answer."""
        told = run("deadletter", "list", "--config", config)
        return told if len(told.stdout.splitlines()) >= len(names) else None

    listed = wait_until(both_listed, 30, "both dead letters to be listed")
    assert listed.returncode == 0 and listed.stderr == "" and "17319132391" not in listed.stdout
    rows = {row[2]: row for row in (line.split() for line in listed.stdout.splitlines())}
    assert {source: (row[3], row[5]) for source, row in rows.items()} == {
        "north": ("not_json", str(len(broken))), "south": ("missing_key", "18"),
    }
    objects = objects_of(run("deadletter", "list", "--json", "--config", config))
    members = ("time", "source", "reason", "id", "bytes")
    assert sorted(rows.values()) == sorted(
        [f"{one['partition']}:{one['offset']}", *(str(one[name]) for name in members)] for one in objects
    )
    for arguments, found in [
        (["--source", "north"], ["north"]), (["--reason", "missing_key"], ["south"]), (["--source", "x"], []),
        (["--source", "north", "--reason", "missing_key"], []), (["--from", "10m"], ["north", "south"]),
        (["--to", "10m"], []), (["--from", "2020-01-01T00:00:00Z", "--to", "2020-01-02T00:00:00Z"], []),
        (["--from", rows["north"][1], "--source", "north"], ["north"]),
        (["--to", rows["north"][1], "--source", "north"], []),
    ]:
        told = run("deadletter", "list", "--config", config, *arguments)
        assert told.returncode == 0, told.stderr
        assert sorted(line.split()[2] for line in told.stdout.splitlines()) == found, arguments

    place = rows["north"][0]
    shown, = objects_of(run("deadletter", "show", "--json", "--config", config, place))
    assert base64.b64decode(shown["body_base64"]) == broken
    headers = {header["name"]: header["value"] for header in shown["headers"]}
    assert (headers["query"], headers["http.x-origin"], headers["method"]) == ("customer=17319132391", "vendor", "POST")
    assert headers["id"] == rows["north"][4] and SECRET not in json.dumps(shown)

    both = run("deadletter", "show", "--config", config, rows["south"][0], rows["south"][0])
    lines = both.stdout.splitlines()
    assert both.returncode == 0 and lines[0] == rows["south"][0] and "reason: missing_key" in lines
    assert lines.count('{"pushType":"cdr"}') == 2 and lines[lines.index('{"pushType":"cdr"}') - 1] == ""
    assert run("deadletter", "show", "--body", "--config", config, rows["south"][0]).stdout == '{"pushType":"cdr"}'


def test_places_that_hold_nothing(desk):
    desk.write(b"{}")
    for place, why in [
        ("0:1", "holds offsets 0 to 0 now, and not 1"), ("1:0", "holds nothing now"),
        ("7:0", "has no partition 7: they are numbered from 0 to 2"),
    ]:
        told = desk.deadletter("show", place)
        assert (told.returncode, told.stdout) == (1, "") and why in told.stderr and len(told.stderr.splitlines()) == 1
    assert desk.deadletter("replay", "1:0").returncode == 1


def test_no_dead_letters_at_all(desk):
    told = desk.deadletter("list")
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")
    told = desk.deadletter("replay")
    assert (told.returncode, told.stdout, told.stderr) == (0, summary(0, 0), "")


def test_letters_of_strangers_do_no_harm(desk):
    """Whoever may write to the topic: nothing that a terminal obeys, no JSON that cannot be read."""
    desk.write(b"\x1b[31m", source="\u001b]0;x\u0007\u009b", vendor=None, reason=b"\xff\xfe", time="yesterday")
    desk.producer.produce(desk.topic("deadletter"), None, None, 1)
    assert desk.producer.flush(30) == 0
    told = desk.deadletter("list")
    assert told.returncode == 0 and len(told.stdout.splitlines()) == 2
    assert "\u001b" not in told.stdout and "\u009b" not in told.stdout
    objects = objects_of(desk.deadletter("list", "--json"))
    assert base64.b64decode(next(one for one in objects if one["partition"] == 0)["reason_base64"]) == b"\xff\xfe"
    assert [one["body"] for one in objects_of(desk.deadletter("show", "--json", "0:0", "1:0"))] == ["\u001b[31m", ""]
    assert desk.deadletter("replay").returncode == 1


# --- replay of callbacks


def test_a_replay_publishes_what_the_gateway_would_have(desk):
    callbacks = [yeta_record("call-1"), yeta_voice("call-1"), yeta_record("call-2")]
    for number, callback in enumerate(callbacks):
        desk.callback(callback, partition=number)
    expected = by_id(record for callback in callbacks for record in converted(desk, callback))
    assert {record["value"]["id"] for record in expected} == {id for callback in callbacks for id in callback.events}
    assert all(record["value"]["recordedtime"] == RECEIVED for record in expected)

    dry = desk.deadletter("replay", "--dry-run")
    assert dry.returncode == 0 and by_id(json.loads(line) for line in dry.stdout.splitlines()) == expected
    assert dry.stderr.startswith("dead letters: 3; would be replayed: 3 (records: 3)")
    assert desk.read(*EVENTS) == []

    told = desk.deadletter("replay")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout == summary(3, 3)
    assert by_id(as_printed(desk.read(*EVENTS))) == expected

    # Once more: duplicates that can be told by their ids, and stand beside the first.
    assert desk.deadletter("replay").returncode == 0
    values = sorted((record.partition, record.value) for record in desk.read("call_events"))
    assert len(values) == 6 and values[::2] == values[1::2]
    assert len(desk.read("deadletter")) == 3 and desk.read("commands") == []


def test_a_replay_goes_by_todays_routes_and_takes_the_request_as_it_came(kafka, prefix, tmp_path):
    routes = [{"types": ["call.recorded"], "sources": ["yeta"], "topics": [prefix + "extra"]}]
    desk = Desk(kafka, tmp_path, prefix, {"routes": routes, "raw": True})
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    # Without its endpoint and its trace it would be another event.
    desk.write(b'{"call_uuid":"call-3"}', endpoint="receiveCallRecord", query="a=1", **{"http.traceparent": trace})
    assert desk.deadletter("replay").returncode == 0
    record, = desk.read("call_events")
    event = json.loads(record.value)
    assert (event["id"], event["traceparent"]) == ("yeta-call-3-call.recorded-basic", trace)
    extra, = kafka.read(prefix + "extra")
    assert extra.value == record.value
    assert desk.kafka.read(desk.topic("raw")) == []


def test_what_kafka_refused_is_replayed_once_it_takes_it(start_gateway, kafka, prefix):
    gateway = start_gateway()
    config = gateway.directory / "trunkline.yaml"
    topic = prefix + TOPICS["call_events"]

    def limit(number):
        resource = confluent_kafka.admin.ConfigResource("topic", topic, set_config={"max.message.bytes": str(number)})
        for future in kafka.admin.alter_configs([resource]).values():
            future.result(timeout=30)

    def letters():
        return objects_of(run("deadletter", "list", "--json", "--config", config))

    def post():
        return gateway.post("/callbacks/yeta/receiveCallRecord", yeta_record("call-4").body)

    limit(300)
    wait_until(lambda: post().status == 200 and letters(), 30, "a dead letter of an event that Kafka refuses")
    kept = letters()
    letter = kept[-1]
    place = f"{letter['partition']}:{letter['offset']}"
    assert letter["reason"] == "refused_by_kafka"
    told = run("deadletter", "replay", "--config", config, place)
    assert (told.returncode, told.stdout) == (1, summary(1, 0, unpublished=1))
    assert f"{place}: Kafka refuses its records" in told.stderr

    limit(1048576)
    before = {record.offset for record in kafka.read(topic)}
    wait_until(lambda: run("deadletter", "replay", "--config", config, place).returncode == 0, 30, "Kafka to take it")
    record, = [record for record in kafka.read(topic) if record.offset not in before]
    event = json.loads(record.value)
    assert (event["id"], event["recordedtime"]) == ("yeta-call-4-call.recorded-full", letter["time"])
    assert letters() == kept  # neither replay has written one


def test_one_that_cannot_be_replayed_does_not_keep_the_others(desk):
    desk.callback(yeta_record("call-5"))
    desk.write(b'{"duration_call": 3}')
    desk.write(b'{"call_uuid":', reason="not_json")
    desk.write(b"{}", source="gone")
    desk.write(b"{}", source="yeta", vendor="7moor")
    desk.callback(yeta_record("call-6"))
    told = desk.deadletter("replay")
    assert (told.returncode, told.stdout) == (1, summary(6, 2, unconvertible=2, unconfigured=2))
    reasons = dict(line.removeprefix("trunkline deadletter: ").split(": ", 1) for line in told.stderr.splitlines())
    assert reasons["0:1"].startswith("still no event: missing_key: ")
    assert reasons["0:2"].startswith("still no event: not_json: ")
    assert reasons["0:3"] == "this source is not in the configuration: gone"
    assert reasons["0:4"].endswith("another vendor's in this configuration, and it came from: 7moor")
    assert len(reasons) == 4
    assert len(desk.read("call_events")) == 2 and len(desk.read("deadletter")) == 6
    assert desk.deadletter("replay", "0:0", "0:5").returncode == 0
    assert len(desk.read("call_events")) == 4
    assert desk.deadletter("replay", "--reason", "not_json").stdout.startswith("dead letters: 1; replayed: 0")


def test_nobody_is_asked_for_a_signature_or_secret_again(kafka, prefix, tmp_path):
    sources = [
        {"name": "airudder", "adapter": "airudder", "settings": {"key": "another-key"}},
        {"name": "yeta", "adapter": "yeta", "secrets": [SECRET], "expect": {"business_id": "1"}},
    ]
    desk = Desk(kafka, tmp_path, prefix, {"sources": sources})
    desk.write(b'{"TaskID":"t-1","Sign":"0123456789abcdef0123456789abcdef"}', source="airudder", vendor="airudder")
    desk.callback(yeta_record("call-7"))
    told = desk.deadletter("replay")
    assert told.returncode == 0, told.stderr
    assert len(desk.read("task_events")) == 1 and len(desk.read("call_events")) == 1


def test_more_than_is_kept_in_memory_at_once(desk):
    """Some 100 letters fill the room for those on their way: the reading waits for Kafka, and goes on."""
    many, filler = 400, "x" * 100_000
    headers = [("reason", "missing_key"), ("source", "yeta"), ("vendor", "yeta"), ("recordedtime", RECEIVED)]
    for number in range(many):
        body = json.dumps({"call_uuid": f"call-{number}", "duration_call": 1, "filler": filler + str(number)})
        desk.producer.produce(desk.topic("deadletter"), body, str(number), headers=headers)
        desk.producer.poll(0)
    assert desk.producer.flush(60) == 0
    told = desk.deadletter("replay")
    assert told.returncode == 0, told.stderr
    assert {json.loads(record.value)["id"] for record in desk.read("call_events")} == {
        f"yeta-call-{number}-call.recorded-basic" for number in range(many)
    }


# --- replay of commands


def test_commands_go_back_to_their_topic_when_asked_for(
    start_egress, simulator_7moor, kafka, commands, prefix, tmp_path
):
    """A worker refused it; by then the account is another vendor's, which has that operation."""
    worker = start_egress([simulator_7moor])
    command = {"id": "c-1", "type": command_type("task.start"), "account": "7moor", "data": {"task": "129"}}
    value = json.dumps(command).encode()
    headers = [("content-type", b"application/json"), ("trunkline-forwarded", b"1"), ("x", b"\xff")]
    commands.produce(value, "7moor", headers)
    commands.produce(b"no command", "7moor")
    commands.flush()
    topic = prefix + TOPICS["deadletter"]
    letters = wait_until(lambda: len(found := kafka.read(topic)) == 2 and found, 30, "the dead letters")
    place = next(f"{letter.partition}:{letter.offset}" for letter in letters if letter.value == value)
    worker.stop()

    still = run("deadletter", "replay", "--config", worker.config_path, place)
    assert still.returncode == 1 and "still no command: 7moor has no operation task.start" in still.stderr

    settings = {"app_key": "K", "app_secret": "S"}
    yeta = {"name": "7moor", "adapter": "yeta", "url": "http://127.0.0.1:9", "settings": settings}
    desk = Desk(kafka, tmp_path, prefix, {"accounts": [yeta]})
    untouched = desk.deadletter("replay")
    assert untouched.returncode == 0 and "commands left out: 2; --source commands replays them" in untouched.stdout
    dry = desk.deadletter("replay", "--dry-run", place)
    record = json.loads(dry.stdout)
    assert record == {
        "topic": prefix + TOPICS["commands"], "key": "7moor", "value": json.loads(value),
        "headers": {"content-type": "application/json", "x_base64": "/w=="},
    }
    assert len(desk.read("commands")) == 2

    told = desk.deadletter("replay", "--source", "commands")
    assert (told.returncode, told.stdout) == (1, summary(2, 1, unconvertible=1))
    first, _, again = sorted(desk.read("commands"), key=lambda record: record.offset)
    assert (again.key, again.value, again.partition) == (first.key, value, first.partition)
    assert again.headers == [("content-type", b"application/json"), ("x", b"\xff")]
    assert len(desk.read("deadletter")) == 2


# --- the command line


@pytest.mark.parametrize("arguments, why", [
    ([], "say what to do first: list, show or replay"),
    (["delete"], "say what to do first"),
    (["list", "0:1"], "takes no operand"),
    (["list", "--dry-run"], "there is no option '--dry-run'"),
    (["list", "--from", "now"], "--from takes a time such as"),
    (["show"], "say which: PARTITION:OFFSET"),
    (["show", "0-1"], "a place is PARTITION:OFFSET"),
    (["show", "0:99999999999999999999"], "a place is PARTITION:OFFSET"),
    (["show", "4294967296:1"], "a place is PARTITION:OFFSET"),
    (["show", "0:"], "a place is PARTITION:OFFSET"),
    (["show", "0:1x"], "a place is PARTITION:OFFSET"),
    (["replay", "--source", "yeta", "0:1"], "either places, or"),
    (["list", "--config", "/nonexistent/trunkline.yaml"], "nonexistent"),
])
def test_a_wrong_command_line(arguments, why):
    told = run("deadletter", *arguments)
    assert (told.returncode, told.stdout) == (2, "")
    assert why in told.stderr and len(told.stderr.splitlines()) == 1


def test_kafka_is_away(tmp_path):
    path = tmp_path / "trunkline.yaml"
    path.write_text(yaml.safe_dump(configuration("127.0.0.1:1", tmp_path / "data")))
    forms = [["list"], ["show", "0:0", "0:1"], ["replay"], ["replay", "--dry-run", "0:0"]]
    with concurrent.futures.ThreadPoolExecutor() as together:
        for told in together.map(lambda form: run("deadletter", form[0], "--config", path, *form[1:]), forms):
            assert (told.returncode, told.stdout.startswith("{")) == (1, False)
            assert "cannot reach Kafka at 127.0.0.1:1" in told.stderr


def test_missing_topics_are_told_before_anything_is_replayed(kafka, prefix, tmp_path):
    path = tmp_path / "trunkline.yaml"
    path.write_text(yaml.safe_dump(configuration(kafka.address, tmp_path / "data", prefix)))
    kafka.create(prefix + TOPICS["deadletter"])
    told = run("deadletter", "replay", "--config", path)
    assert told.returncode == 1 and "`trunkline topics create` makes it" in told.stderr


def test_its_help_tells_that_it_prints_what_came():
    told = run("deadletter", "--help")
    assert told.returncode == 0 and told.stdout.startswith("usage: trunkline deadletter list")
    assert "phone numbers" in told.stdout and "Exit status: 0" in told.stdout
    assert all(len(line) <= 120 for line in told.stdout.splitlines())
