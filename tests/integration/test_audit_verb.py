"""`trunkline audit` against a real Kafka: ledgers of clients, and what the topics hold of them."""

import concurrent.futures
import json
import pathlib
import re
import subprocess
import time

import confluent_kafka
import pytest
import yaml

from callbacks import jiuyun_hangup, mixed, sevenmoor_call_event, yeta_record
from gateway import BINARY, TOPICS, changed, configuration, run, sanitized

COUNTS = (
    "lines", "ids", "found", "missing", "incomplete", "corrupted", "records", "duplicates", "unknown", "unreadable",
)


def audit(config, ledger, *arguments):
    """(exit status, what --json tells); the ledger is a list of lines."""
    lines = "".join(f"{line}\n" for line in ledger)
    told = run("audit", "--config", config, "--ledger", "-", "--json", *arguments, stdin=lines.encode())
    assert told.returncode in (0, 1) and told.stderr == "", told.stderr
    return told.returncode, json.loads(told.stdout)


def counts(told, **expected):
    """Whether it tells these numbers, and no others but 0."""
    assert {name: told[name] for name in COUNTS if told[name] or name in expected} == expected
    return True


@pytest.fixture
def topics(kafka, prefix, tmp_path):
    """Topics without a gateway: topics(changes) gives a configuration's path and a function that produces."""
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.address, "linger.ms": 5, "log_level": 3})

    def make(changes=None):
        path = tmp_path / "trunkline.yaml"
        config = changed(configuration(kafka.address, tmp_path / "data", prefix), changes or {})
        path.write_text(yaml.safe_dump(config, allow_unicode=True))
        made = run("topics", "create", "--config", path)
        assert made.returncode == 0, made.stderr

        def produce(record, role="call_events", **keywords):
            value = record["value"] if isinstance(record["value"], bytes) else json.dumps(record["value"])
            headers = list(record["headers"].items())
            producer.produce(prefix + TOPICS[role], value, record["key"], headers=headers, **keywords)
            assert producer.flush(30) == 0

        return path, produce

    return make


def converted(config, callback, *arguments):
    _, source, *endpoint = callback.path.split("/")
    done = run("convert", "--config", config, "--records", "--source", source, *arguments,
               *(["--endpoint", endpoint[0]] if endpoint else []), stdin=callback.body)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_everything_that_a_gateway_accepted_is_found(start_gateway, mode):
    gateway = start_gateway({"events": {"mode": mode}})
    config = gateway.directory / "trunkline.yaml"
    ledger = []
    for story in mixed(60, "call-", 7):
        for callback in story:
            assert gateway.post("/callbacks" + callback.path, callback.body).status == 200
            source = callback.path.split("/")[1]
            form = "{source}\t{event}" if len(ledger) % 2 else "{event}\t200\t{source}"
            ledger += [form.format(source=source, event=event) for event in callback.events]
    # A vendor that repeats a callback makes a duplicate.
    callback = yeta_record("call-again")
    for _ in range(2):
        assert gateway.post("/callbacks" + callback.path, callback.body).status == 200
        ledger += callback.events

    ids = len(ledger) - 1
    status, told = audit(config, ledger)
    assert status == 0 and counts(told, lines=len(ledger), ids=ids, found=ids, records=ids + 1, duplicates=1)
    status, told = audit(config, ledger[: ids // 2])
    assert status == 0 and told["found"] == told["ids"] == ids // 2 and told["unknown"] == ids + 1 - ids // 2

    never, elsewhere = "yeta-never-call.recorded-full", "yeta-call-again-call.recorded-full"
    status, told = audit(config, [*ledger, never, f"north\t{elsewhere}"])
    assert status == 1 and told["missing"] == 2
    assert told["missing_ids"] == [never, elsewhere]
    two = b"yeta-x-call.ended\nyeta-y-call.ended\n"
    text = run("audit", "--config", config, "--ledger", "-", "--limit", 1, stdin=two)
    assert text.returncode == 1 and text.stdout.splitlines()[:2] == [
        "missing\tyeta-x-call.ended", "ids: 2 (2 lines); found: 0; missing: 2; incomplete: 0; corrupted: 0",
    ]


def test_duplicates_that_differ_are_corrupted(topics):
    config, produce = topics()
    first, = converted(config, yeta_record("call-1"), "--received", "2026-03-01T12:00:00+08:00")
    again, = converted(config, yeta_record("call-1"), "--received", "2026-03-01T13:00:00+08:00")
    other, = converted(config, yeta_record("call-2"))
    for record in (first, other, again):
        produce(record, partition=1)
    ledger = [record["value"]["id"] for record in (first, other)]
    status, told = audit(config, ledger)
    # The time at which it was received is no part of what is compared.
    assert status == 0 and counts(told, lines=2, ids=2, found=2, records=3, duplicates=1)

    other["value"]["data"]["call"]["caller"] = "055196866002"
    produce(other, partition=2)
    status, told = audit(config, ledger)
    assert status == 1 and told["corrupted_ids"] == [ledger[1]]
    assert counts(told, lines=2, ids=2, found=2, records=4, duplicates=2, corrupted=1)


def test_an_event_must_be_on_every_topic_of_its_route(topics, prefix):
    route = {"types": ["call.ended"], "sources": ["jiuyun"], "topics": [prefix + "extra"]}
    config, produce = topics({"routes": [route]})
    ended, extra, available = converted(config, jiuyun_hangup("call-1"))
    assert extra["topic"] == prefix + "extra"
    ledger = sorted({ended["value"]["id"], available["value"]["id"]})
    produce(ended)
    produce(available)
    status, told = audit(config, ledger)
    assert status == 1 and told["incomplete_ids"] == [ended["value"]["id"]]
    text = run("audit", "--config", config, "--ledger", "-", stdin="\n".join(ledger).encode()).stdout
    assert text.splitlines()[0] == f"incomplete\t{ended['value']['id']}\t{prefix}extra"
    # Of a topic that is not looked at nothing is asked.
    status, told = audit(config, ledger, "--topic", prefix + TOPICS["call_events"])
    assert status == 0 and counts(told, lines=2, ids=2, found=2, records=2)
    status, told = audit(config, ledger, "--topic", prefix + "extra", "--topic", prefix + "extra")
    assert status == 1 and counts(told, lines=2, ids=2, missing=2)


def test_the_range_is_that_of_kafkas_times(topics):
    config, produce = topics()
    records = [converted(config, sevenmoor_call_event("call-1", number, "ring"))[0] for number in range(3)]
    for hour, record in enumerate(records):
        produce(record, partition=0, timestamp=1_780_000_000_000 + hour * 3_600_000)
    ledger = [record["value"]["id"] for record in records]
    assert audit(config, ledger)[0] == 0
    for arguments, found in [
        (["--from", "2026-05-28T20:26:40Z"], [0, 1, 2]), (["--from", "2026-05-28T20:26:40.001Z"], [1, 2]),
        (["--to", "2026-05-28T22:26:40Z"], [0, 1]), (["--to", "2020-01-01T00:00:00Z"], []),
        (["--from", "2026-05-28T21:00:00Z", "--to", "2026-05-28T22:00:00Z"], [1]),
        (["--from", "2039-01-01T00:00:00Z"], []),
    ]:
        status, told = audit(config, ledger, *arguments)
        assert told["missing_ids"] == [id for number, id in enumerate(ledger) if number not in found], arguments
        assert status == (0 if len(found) == 3 else 1) and told["records"] == len(found)


def test_what_is_no_event_is_counted_and_no_more(topics):
    config, produce = topics()
    record, = converted(config, yeta_record("call-1"))
    produce(record)
    numbered, untyped = b'{"id": 1, "source": "/trunkline/yeta", "type": "x"}', b'{"id":"a","source":"b"}'
    for value in (b"", b"\xff\x00", b"[]", b"{}", numbered, untyped):
        produce({"key": "k", "value": value, "headers": {}})
    status, told = audit(config, [record["value"]["id"]])
    assert status == 0 and counts(told, lines=1, ids=1, found=1, records=7, unreadable=6)


def test_the_largest_message_is_read(topics):
    """An event's tree is larger than its message's, which may be as large as any."""
    config, produce = topics()
    body = {"call_uuid": "call-1", "duration_call": 1, "deep": None, "many": [0] * 49_900}
    for _ in range(25):
        body["deep"] = {"deep": body["deep"]}
    done = run("convert", "--config", config, "--records", "--source", "yeta", stdin=json.dumps(body).encode())
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    produce(record)
    assert audit(config, [record["value"]["id"]])[0] == 0


def test_a_ledger_in_a_file_or_none(topics, tmp_path):
    config, _ = topics()
    ledger = tmp_path / "ledger.tsv"
    ledger.write_text("")
    told = run("audit", "--config", config, "--ledger", ledger)
    assert told.returncode == 0 and told.stdout.startswith("ids: 0 (0 lines); found: 0; missing: 0")
    ledger.write_text("yeta-1-call.ended\n13800138000\n")
    told = run("audit", "--config", config, "--ledger", ledger)
    assert (told.returncode, told.stdout) == (2, "") and f"{ledger}, line 2: there is no event id" in told.stderr
    assert "13800138000" not in told.stderr and len(told.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments, why", [
    ([], "--ledger FILE is needed"),
    (["--ledger"], "a value is missing behind '--ledger'"),
    (["--ledger", "x", "y"], "and no operand"),
    (["--ledger", "x", "--from", "soon"], "--from takes a time such as"),
    (["--ledger", "x", "--limit", "x"], "--limit takes a whole number"),
    (["--nonsense"], "there is no option '--nonsense'"),
])
def test_a_wrong_command_line(arguments, why):
    told = run("audit", *arguments)
    assert (told.returncode, told.stdout) == (2, "") and why in told.stderr and len(told.stderr.splitlines()) == 1


def test_kafka_is_away_or_has_no_such_topic(kafka, prefix, tmp_path):
    def told(brokers):
        path = tmp_path / f"{brokers.replace(':', '-')}.yaml"
        path.write_text(yaml.safe_dump(configuration(brokers, tmp_path / "data", prefix)))
        missing = run("audit", "--config", path, "--ledger", "/nonexistent/ledger")
        assert missing.returncode == 2 and "cannot open /nonexistent/ledger" in missing.stderr
        return run("audit", "--config", path, "--ledger", "-")

    with concurrent.futures.ThreadPoolExecutor() as together:
        away, topicless = together.map(told, ("127.0.0.1:1", kafka.address))
    assert (away.returncode, away.stdout) == (1, "") and "cannot reach Kafka at 127.0.0.1:1" in away.stderr
    assert topicless.returncode == 1 and "does not exist; `trunkline topics create` makes it" in topicless.stderr


def test_the_memory_of_a_million_ids(topics):
    config, _ = topics()
    if sanitized():
        pytest.skip("a sanitizer's memory says nothing")
    command = [str(BINARY), "audit", "--config", str(config), "--ledger", "-", "--limit", "1"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for number in range(1_000_000):
        process.stdin.write(b"7moor-3f2504e0-4f89-41d3-9a0c-0305e82c%07d-call.answered\n" % number)
    process.stdin.close()
    status, peak = pathlib.Path(f"/proc/{process.pid}/status"), 0
    while process.poll() is None:  # what wait4 tells begins with the memory of this process, which has forked
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        peak = int(found[1]) if found else peak
        time.sleep(0.005)
    assert process.returncode == 1 and b"missing: 1000000" in process.stdout.read()
    print(f"a million ids took {peak // 1024} MiB")
    assert 0 < peak < 140 * 1024


def test_its_help_tells_of_spools_and_memory():
    told = run("audit", "--help")
    assert told.returncode == 0 and told.stdout.startswith("usage: trunkline audit --ledger")
    assert "trunkline spool status" in told.stdout and "100 MB for a million ids" in told.stdout
    assert all(len(line) <= 120 for line in told.stdout.splitlines())
