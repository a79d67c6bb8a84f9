"""The gateway's process around its spool: a start without Kafka, the end with records on disk, what ready means."""

import json
import os
import signal
import sqlite3
import subprocess

import pytest
import yaml

import callbacks
import spools
from gateway import BINARY, Gateway, configuration, run
from load import play
from waiting import wait_until

NO_BROKER = "127.0.0.1:9"


def post(gateway, callback):
    return gateway.post("/callbacks" + callback.path, callback.body)


def ids_on(kafka, prefix):
    topics = [name for name in (prefix + callbacks.CALLS, prefix + callbacks.TASKS) if name in kafka.topics(prefix)]
    return [json.loads(record.value)["id"] for topic in topics for record in kafka.read(topic)]


@pytest.fixture
def launch(tmp_path):
    """Starts a gateway that may end as it likes; what still runs at the end of the test is killed."""
    gateways = []

    def start(config, name="gateway"):
        gateways.append(Gateway.configured(tmp_path / name, config))
        gateways[-1].start(ready=False)
        return gateways[-1]

    yield start
    for gateway in gateways:
        if gateway.status is None:
            gateway.kill()


def end(gateway):
    gateway.signal(signal.SIGTERM)
    return gateway.wait()


def assert_starts_into_the_spool(start_gateway, kafka, prefix, come_back):
    """It serves before its first look at the topics is over, and Kafka has all of it once that is back."""
    gateway = start_gateway(on=kafka, ready=False)
    before, = gateway.log("kafka_not_ready")  # the look itself is still going on, or it would have told, too
    assert "they go to the spool" in before["callbacks"] and kafka.address in str(gateway.log("gateway_started"))

    answers = play(gateway.address, callbacks.mixed(100, "early", 1), 8, depth=1)
    assert {answer.status for answer in answers} == {200}
    answer = post(gateway, callbacks.yeta_record("early"))
    assert (answer.status, answer.header("Trunkline-Durability")) == (200, "spool")
    ready = gateway.management("/readyz")
    assert ready.status == 200 and b"all into the spool" in ready.body, ready.body
    assert f"{spools.waiting(gateway)} records wait" in ready.body.decode()

    come_back()
    spools.wait_until_drained(gateway)
    wait_until(lambda: post(gateway, callbacks.yeta_record("late")).header("Trunkline-Durability") == "kafka", 60,
               "callbacks to go to Kafka", pause=0.2)
    found = ids_on(kafka, prefix)
    for answer in answers:
        assert answer.callback.events.keys() <= set(found)
    wait_until(lambda: b"Kafka is connected" in gateway.management("/readyz").body, 60, "/readyz to tell of Kafka")


def test_a_start_while_kafka_is_down(start_gateway, own_kafka, prefix):
    own_kafka.crash()
    back = []

    def come_back():
        own_kafka.start_again()
        back.append(True)

    try:
        assert_starts_into_the_spool(start_gateway, own_kafka, prefix, come_back)
    finally:
        if not back:
            own_kafka.start_again()


def test_a_start_while_kafka_says_nothing(start_gateway, own_kafka, prefix):
    own_kafka.freeze()
    try:
        assert_starts_into_the_spool(start_gateway, own_kafka, prefix, own_kafka.thaw)
    finally:
        own_kafka.thaw()


def test_an_end_with_records_on_disk_says_so_and_the_next_start_sends_them(launch, kafka, prefix, tmp_path):
    config = configuration(NO_BROKER, tmp_path / "data", prefix)
    gateway = launch(config, "first")
    sent = [callbacks.yeta_record("left"), callbacks.jiuyun_hangup("left")]
    assert [post(gateway, callback).status for callback in sent] == [200, 200]
    assert spools.waiting(gateway) == 3

    assert end(gateway) == 3
    line, = gateway.log("events_undrained")
    assert (line["level"], line["records"], line["directory"]) == ("error", 3, str(tmp_path / "data" / "test"))
    assert gateway.log("gateway_stopped")[0]["status"] == 3

    gateway = launch({**config, "kafka": {"bootstrap.servers": kafka.address}}, "second")
    spools.wait_until_drained(gateway)
    assert sorted(ids_on(kafka, prefix)) == sorted(name for callback in sent for name in callback.events)
    assert end(gateway) == 0


def test_an_end_drains_what_kafka_takes(launch, own_kafka, prefix, tmp_path):
    """At one record a second most of it is still there when the signal comes: the end does not keep to that rate."""
    spool = {"spool": {"drain_records_per_second": 1}}
    config = {**configuration(own_kafka.address, tmp_path / "data", prefix), **spool}
    own_kafka.freeze()
    try:
        gateway = launch(config)
        answers = play(gateway.address, callbacks.mixed(300, "end", 4), 8, depth=1)
        assert {answer.status for answer in answers} == {200}
    finally:
        own_kafka.thaw()
    wait_until(lambda: ids_on(own_kafka, prefix), 60, "the drain to begin", pause=0.2)
    wait_until(lambda: b"Kafka is connected" in gateway.management("/readyz").body, 60, "Kafka to be well", pause=0.1)
    assert spools.waiting(gateway) > 100
    assert end(gateway) == 0
    assert spools.waiting(gateway) == 0
    found = set(ids_on(own_kafka, prefix))
    assert all(answer.callback.events.keys() <= found for answer in answers)


def test_a_spool_that_is_nearly_full_makes_it_unready(launch, tmp_path):
    gateway = launch({**configuration(NO_BROKER, tmp_path / "data"),
                      "spool": {"max_bytes": 100000, "source_share_percent": 100}})
    assert gateway.ready()
    wait_until(lambda: post(gateway, callbacks.jiuyun_hangup(os.urandom(8).hex())).status == 503, 60,
               "the spool to be full", pause=0)
    ready = gateway.management("/readyz")
    assert ready.status == 503 and b"spool" in ready.body, ready.body
    assert end(gateway) == 3


def test_what_lies_in_the_spool_is_sent_also_by_one_that_is_to_have_none(launch, own_kafka, prefix, tmp_path):
    """Who sets max_bytes to 0 still owes what was answered before: it goes first, and nothing is added to it."""
    config = configuration(own_kafka.address, tmp_path / "data", prefix)
    ring, link = (callbacks.sevenmoor_call_event("call", number, event) for number, event in enumerate(("ring", "link")))
    own_kafka.freeze()
    try:
        first = launch(config)
        assert post(first, ring).header("Trunkline-Durability") == "spool"
        first.kill()
        second = launch({**config, "spool": {"max_bytes": 0}}, "second")
        assert second.metric("trunkline_spool_records") == 1
        assert [line["records"] for line in second.log("spool_left")] == [1]
        ready = second.management("/readyz")
        assert ready.status == 503 and b"spool" not in ready.body, ready.body
        assert post(second, link).status == 503
        assert end(second) == 3
        third = launch({**config, "spool": {"max_bytes": 0}}, "third")
    finally:
        own_kafka.thaw()
    spools.wait_until_drained(third)
    third.wait_until_ready()
    wait_until(lambda: post(third, link).status == 200, 30, "the next event to be taken", pause=0.2)
    assert post(third, callbacks.jiuyun_hangup("other")).header("Trunkline-Durability") == "kafka"
    found = ids_on(own_kafka, prefix)
    assert found.index(next(iter(ring.events))) < found.index(next(iter(link.events)))
    assert end(third) == 0


def test_a_topic_that_is_missing_makes_it_unready_with_a_spool_too(launch, kafka, prefix, tmp_path):
    config = configuration(kafka.address, tmp_path / "data", prefix)
    config["topics"]["create"] = False
    gateway = launch(config)
    wait_until(lambda: b"is missing" in gateway.management("/readyz").body, 30, "the reason")
    assert not gateway.ready()
    for name in callbacks.CALLS, callbacks.AGENTS, callbacks.TASKS:
        kafka.create(prefix + name, 3)


def start_fault(config, path, user=None):
    """The reason that a start fails for."""
    path.write_text(yaml.safe_dump(config))
    path.chmod(0o644)
    done = subprocess.run([str(BINARY), "gateway", "--config", str(path)], capture_output=True, text=True, timeout=60,
                          user=user, extra_groups=None if user is None else [])
    assert done.returncode == 1, done.stderr
    line, = [line for line in map(json.loads, done.stderr.splitlines()) if line["event"] == "start_failed"]
    return line["reason"]


def test_a_data_directory_that_cannot_be_written_is_told_at_the_start(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    assert "set data_dir to a directory that this user can write" in start_fault(
        configuration(NO_BROKER, file), tmp_path / "one.yaml")
    assert "set data_dir" in start_fault(configuration(NO_BROKER, "/proc/nothing"), tmp_path / "two.yaml")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_an_instance_directory_that_another_user_owns_is_told_at_the_start(tmp_path):
    """The lock can be taken and the spool's file cannot be made."""
    directory = tmp_path / "data" / "test"
    directory.mkdir(parents=True)
    lock = directory / "lock"
    lock.write_text("")
    lock.chmod(0o666)
    for above in [directory, *directory.parents]:
        if above.is_relative_to("/tmp") and above != above.parent:
            above.chmod(above.stat().st_mode | 0o055)
    reason = start_fault(configuration(NO_BROKER, tmp_path / "data"), tmp_path / "other.yaml", user=65534)
    assert str(directory) in reason, reason


def test_a_spool_of_a_newer_version_is_left_alone(launch, tmp_path):
    config = configuration(NO_BROKER, tmp_path / "data")
    gateway = launch(config)
    assert post(gateway, callbacks.yeta_record("newer")).status == 200
    assert end(gateway) == 3
    file, = (tmp_path / "data" / "test").glob("spool-*.db")
    database = sqlite3.connect(file)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.execute("PRAGMA user_version = 99")
    database.close()

    reason = start_fault(config, tmp_path / "newer.yaml")
    assert "newer" in reason and str(file) in reason
    told = run("spool", "status", "--config", tmp_path / "newer.yaml")
    assert told.returncode == 1 and "newer" in told.stderr
