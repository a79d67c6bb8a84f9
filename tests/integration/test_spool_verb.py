"""`trunkline spool`: what waits on disk is told, exported, and sent without a gateway."""

import contextlib
import json
import signal
import sqlite3

import pytest

import callbacks
import spools
from gateway import Gateway, configuration, run
from load import play

NO_BROKER = "127.0.0.1:9"


@pytest.fixture
def spooling(prefix, tmp_path):
    """A gateway without Kafka, and the callbacks that it has spooled."""
    gateway = Gateway.configured(tmp_path / "gateway", configuration(NO_BROKER, tmp_path / "data", prefix))
    gateway.start(ready=False)
    answers = play(gateway.address, callbacks.mixed(60, "waits", 3), 4, depth=1)
    assert {answer.status for answer in answers} == {200}
    yield gateway, [answer.callback for answer in answers]
    if gateway.status is None:
        gateway.kill()


def events_of(sent):
    return {name: topic for callback in sent for name, topic in callback.events.items()}


def configured_for(kafka, gateway, prefix, tmp_path):
    """The same data directory, with a Kafka that is there."""
    path = tmp_path / "tools" / "trunkline.yaml"
    Gateway.configured(path.parent, configuration(kafka.address, tmp_path / "data", prefix))
    return path


def drain(path, *options):
    return run("spool", "drain", *options, "--config", path, seconds=120)


def test_status_tells_what_waits_while_its_gateway_runs_and_afterwards(spooling, tmp_path):
    gateway, sent = spooling
    events = events_of(sent)
    found = spools.status(gateway)["test"]
    assert (found["held"], found["process"], found["files"]) == (True, gateway.process.pid, 1)
    assert (found["records"], found["set_aside"], found["damaged"]) == (len(events), 0, 0)
    assert found["bytes"] == sum(row["bytes"] for row in found["waiting"]) > 0
    assert found["oldest_age_seconds"] >= 0
    per_source = {name: 0 for name in ("7moor", "yeta", "jiuyun", "airudder")}
    for name in events:
        per_source[name.split("-")[0]] += 1
    counted = dict.fromkeys(per_source, 0)
    for row in found["waiting"]:
        counted[row["source"]] += row["records"]
    assert counted == per_source

    text = run("spool", "status", "--config", spools.configuration_of(gateway)).stdout
    assert f"test: its gateway runs, process {gateway.process.pid}" in text
    assert f"  {len(events)} records wait for Kafka" in text and "jiuyun" in text

    gateway.kill()
    found = spools.status(gateway)["test"]
    assert (found["held"], found["records"]) == (False, len(events))
    text = run("spool", "status", "--config", spools.configuration_of(gateway)).stdout
    assert text.startswith("test: no gateway runs\n")


def ageless(record):
    """Without what has changed when it is printed again a second later."""
    return {name: value for name, value in record.items() if name != "age_seconds"}


def test_export_prints_what_kafka_would_get(spooling, kafka, prefix, tmp_path):
    gateway, sent = spooling
    exported = spools.export(gateway)
    assert [record["id"] for record in exported] == sorted({record["id"] for record in exported})
    topics = {json.loads(record["value"])["id"]: record["topic"].removeprefix(prefix) for record in exported}
    assert topics == events_of(sent)
    assert all(record["instance"] == "test" and record["source"] and record["age_seconds"] >= 0 for record in exported)
    assert spools.export(gateway, "--set-aside") == []
    assert list(map(ageless, spools.export(gateway, "--instance", "test"))) == list(map(ageless, exported))
    assert spools.waiting(gateway) == len(exported)  # nothing is changed

    gateway.kill()
    path = configured_for(kafka, gateway, prefix, tmp_path)
    assert run("topics", "create", "--config", path).returncode == 0
    assert drain(path).returncode == 0
    written = [record for topic in (callbacks.CALLS, callbacks.TASKS) for record in kafka.read(prefix + topic)]

    def comparable(topic, key, value, headers):
        return topic, key, value, tuple(headers)

    assert sorted(comparable(r.topic, r.key.decode(), r.value.decode(), [(n, v.decode()) for n, v in r.headers])
                  for r in written) == sorted(
        comparable(r["topic"], r["key"], r["value"], [(h["name"], h["value"]) for h in r["headers"]]) for r in exported)


def test_drain_sends_what_a_dead_gateway_left(spooling, kafka, prefix, tmp_path):
    gateway, sent = spooling
    path = configured_for(kafka, gateway, prefix, tmp_path)
    assert run("topics", "create", "--config", path).returncode == 0

    refused = drain(path, "--instance", "test")
    assert refused.returncode == 1 and f"(process {gateway.process.pid})" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    passed_over = drain(path)
    assert passed_over.returncode == 0 and passed_over.stdout == "test: its gateway runs, and drains it\n"

    gateway.kill()
    count = len(events_of(sent))
    done = drain(path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == f"test: {count} records sent, 0 left"
    written = [record for topic in (callbacks.CALLS, callbacks.TASKS) for record in kafka.read(prefix + topic)]
    assert {json.loads(record.value)["id"] for record in written} == set(events_of(sent))
    assert len(written) == count
    assert spools.waiting(gateway) == 0


def test_drain_without_kafka_gives_up_and_leaves_everything(spooling, tmp_path):
    gateway, sent = spooling
    assert gateway.ready()
    gateway.signal(signal.SIGTERM)
    assert gateway.wait() == 3
    done = drain(spools.configuration_of(gateway), "--patience", "1")
    count = len(events_of(sent))
    assert done.returncode == 3, done.stderr
    line, = done.stderr.splitlines()
    assert f"{count} records stay in {tmp_path / 'data' / 'test'}: Kafka has acknowledged nothing for 1 s; " in line
    assert spools.waiting(gateway) == count


def test_what_kafka_refuses_for_good_is_set_aside_and_can_be_exported(prefix, kafka, tmp_path):
    gateway = Gateway.configured(tmp_path / "gateway", configuration(NO_BROKER, tmp_path / "data", prefix))
    gateway.start(ready=False)
    large = callbacks.yeta_record("large")
    large.body = large.body.replace("18656957753".encode(), b"x" * 20000)
    fine = callbacks.airudder_task("fine")
    for callback in large, fine:
        assert gateway.post("/callbacks" + callback.path, callback.body).status == 200
    gateway.kill()
    path = configured_for(kafka, gateway, prefix, tmp_path)
    kafka.create(prefix + callbacks.CALLS, 1, max_message_bytes=5000)
    kafka.create(prefix + callbacks.TASKS, 1)
    assert drain(path).returncode == 0
    found = spools.status(gateway)["test"]
    assert (found["records"], found["set_aside"]) == (0, 1)
    aside, = spools.export(gateway, "--set-aside")
    assert json.loads(aside["value"])["id"] in large.events and aside["set_aside"]
    text = run("spool", "status", "--config", path).stdout
    assert "1 records are set aside" in text
    assert [json.loads(record.value)["id"] for record in kafka.read(prefix + callbacks.TASKS)] == list(fine.events)


def test_a_damaged_record_is_told_and_left_out(spooling):
    gateway, sent = spooling
    count = len(events_of(sent))
    gateway.kill()
    file, = (gateway.directory.parent / "data" / "test").glob("spool-*.db")
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        (first,) = database.execute("SELECT min(id) FROM record").fetchone()
        assert database.execute("UPDATE record SET spooled_ms = spooled_ms + 1 WHERE id = ?", (first,)).rowcount == 1

    found = spools.status(gateway)["test"]
    assert (found["records"], found["damaged"]) == (count - 1, 1)
    text = run("spool", "status", "--config", spools.configuration_of(gateway)).stdout
    assert "  1 records are damaged" in text
    done = run("spool", "export", "--config", spools.configuration_of(gateway))
    assert done.returncode == 1 and done.stderr == "trunkline spool: 1 records are damaged and were left out\n"
    ids = [json.loads(line)["id"] for line in done.stdout.splitlines()]
    assert len(ids) == count - 1 and first not in ids


def test_faults_are_told_in_one_line(tmp_path):
    gateway = Gateway.configured(tmp_path / "gateway", configuration(NO_BROKER, tmp_path / "data"))
    path = spools.configuration_of(gateway)

    def fault(*arguments):
        done = run("spool", *arguments, "--config", path)
        line, = done.stderr.splitlines()
        return done.returncode, line

    assert fault() == (2, "trunkline spool: say what to do: status, drain or export")
    assert fault("empty")[0] == 2
    assert fault("export", "--json")[0] == 2
    assert fault("status", "--set-aside")[0] == 2
    assert fault("status", "--patience", "3")[0] == 2
    assert fault("drain", "--patience", "soon")[0] == 2
    status, line = fault("status")
    assert status == 1 and str(tmp_path / "data") in line
    (tmp_path / "data").mkdir()
    done = run("spool", "status", "--config", path)
    assert (done.returncode, done.stdout) == (0, f"there is no spool below {tmp_path / 'data'}\n")
    assert "no spool of an instance \"other\"" in fault("status", "--instance", "other")[1]
    assert fault("drain", "--instance", "other")[0] == 1
