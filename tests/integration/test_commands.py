"""The readers and writers that the worker's tests stand on: they must see what is there, and tell what is wrong."""

import json

import confluent_kafka
import pytest

from commands import Commands, Results, command_type


def result(id, status, account="7moor"):
    data = {"command": id, "command_type": "call.dial", "account": account, "status": status, "attempts": 1}
    event = {"specversion": "1.0", "id": f"{account}/{id}/{status}", "type": command_type(status), "data": data}
    return json.dumps(event).encode(), f"{account}/{id}".encode()


@pytest.fixture
def topic(kafka, prefix):
    kafka.create(prefix + "results", 3)
    return prefix + "results"


@pytest.fixture
def worker(kafka, prefix):
    """A transactional producer that plays the worker's part."""
    settings = {"bootstrap.servers": kafka.address, "transactional.id": prefix, "log_level": 3}
    producer = confluent_kafka.Producer(settings)
    producer.init_transactions(20)
    return producer


def publish(worker, topic, *results, commit=True):
    worker.begin_transaction()
    for value, key in results:
        worker.produce(topic, value=value, key=key)
    worker.commit_transaction(20) if commit else worker.abort_transaction(20)


def test_commands_come_by_account_to_the_partition_that_java_would_take(kafka, prefix):
    kafka.create(prefix + "commands", 3)
    commands = Commands(kafka.address, prefix + "commands")
    ids = commands.submit_many("7moor", "call.dial", [{"callee": str(number)} for number in range(5)], priority="bulk")
    commands.submit_event("yeta", "task.start", {"task": "1"}, id="e1", expirytime="2026-11-21T10:00:00+08:00")
    commands.submit_event("yeta", "task.start", {"task": "1"}, id="e2", binary=True)
    records = kafka.read(prefix + "commands")
    ours = [json.loads(record.value) for record in records if record.key == b"7moor"]
    assert [command["id"] for command in ours] == ids and ours[0]["priority"] == "bulk"
    assert len({record.partition for record in records if record.key == b"7moor"}) == 1
    # Java's murmur2 of the keys, positive, modulo 3, worked out apart from any client.
    expected = {key: murmur2(key) % 3 for key in (b"7moor", b"yeta")}
    assert {record.key: record.partition for record in records} == expected
    structured, binary = (record for record in records if record.key == b"yeta")
    assert json.loads(structured.value)["expirytime"] == "2026-11-21T10:00:00+08:00"
    assert json.loads(binary.value) == {"task": "1"} and binary.header("ce_type") == command_type("task.start")


def murmur2(key):
    mask, mixer = 0xFFFFFFFF, 0x5BD1E995
    state = (0x9747B28C ^ len(key)) & mask
    whole = len(key) - len(key) % 4
    for at in range(0, whole, 4):
        word = int.from_bytes(key[at:at + 4], "little") * mixer & mask
        word = (word ^ word >> 24) * mixer & mask
        state = state * mixer & mask ^ word
    if len(key) > whole:
        state = (state ^ int.from_bytes(key[whole:], "little")) * mixer & mask
    state = (state ^ state >> 13) * mixer & mask
    return (state ^ state >> 15) & 0x7FFFFFFF


def test_only_what_is_committed_is_a_result(kafka, topic, worker):
    results = Results(kafka.address, topic, 3)
    publish(worker, topic, result("c1", "accepted"), result("c2", "failed"), commit=False)
    publish(worker, topic, result("c1", "accepted"), result("c1", "dispatched"), result("c1", "succeeded"))
    assert results.wait_for("c1", "dispatched")["attempts"] == 1
    assert results.final("c1")["status"] == "succeeded"
    assert results.statuses("c1") == ["accepted", "dispatched", "succeeded"]
    assert set(results.all()) == {"c1"} and results["c2"] == []
    results.close()


def test_a_second_final_result_is_noticed(kafka, topic, worker):
    results = Results(kafka.address, topic, 3)
    publish(worker, topic, result("c1", "succeeded"), result("c2", "failed"))
    assert {data["status"] for data in results.assert_one_final_each(["c1", "c2"]).values()} == {"succeeded", "failed"}
    publish(worker, topic, result("c2", "unknown"))
    with pytest.raises(AssertionError, match="c2 has 2 final results"):
        results.assert_one_final_each(["c1", "c2"])
    with pytest.raises(AssertionError, match="in vain"):
        results.wait_for_finals(["c1", "c3"], seconds=0.5)
    results.close()


def test_a_result_of_another_form_is_noticed(kafka, topic, worker):
    results = Results(kafka.address, topic, 3)
    value, _ = result("c1", "succeeded")
    publish(worker, topic, (value, b"another key"))
    with pytest.raises(AssertionError, match="another key"):
        results.all()
    results.close()
