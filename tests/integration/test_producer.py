"""What the gateway's producer promises, against the real Kafka: durable, ordered, on the partition that Java would choose."""

import json
import time

import pytest

from waiting import wait_until

CALLS = "trunkline.call.events"
NO_SPOOL = {"spool": {"max_bytes": 0}}


def murmur2(data):
    """Kafka's hash of keys, as the Java client documents it."""
    mask, factor = 0xFFFFFFFF, 0x5BD1E995
    value = 0x9747B28C ^ len(data)
    whole = len(data) // 4 * 4
    for start in range(0, whole, 4):
        part = int.from_bytes(data[start:start + 4], "little") * factor & mask
        part = (part ^ part >> 24) * factor & mask
        value = (value * factor & mask) ^ part
    rest = data[whole:]
    if rest:
        value = (value ^ int.from_bytes(rest, "little")) * factor & mask
    value = (value ^ value >> 13) * factor & mask
    return value ^ value >> 15


def push(call, number=0):
    body = {"call_uuid": call, "duration_call": 28 + number, "direction": 1, "time_hangup": 1527737784829}
    return json.dumps(body).encode()


def events(kafka, prefix):
    return kafka.read(prefix + CALLS)


def test_partitions_are_those_of_java(kafka, prefix, gateway):
    calls = [f"call-{number}-{'x' * number}" for number in range(40)]
    with gateway.client() as client:
        for call in calls:
            client.post("/callbacks/yeta/receiveCallRecord", push(call))
            assert client.response().status == 200
    records = events(kafka, prefix)
    assert sorted(record.key.decode() for record in records) == sorted(calls)
    for record in records:
        assert record.partition == (murmur2(record.key) & 0x7FFFFFFF) % 3
        assert record.header("content-type") == "application/cloudevents+json"
    assert gateway.metric("trunkline_records_total", topic=prefix + CALLS, result="acknowledged") == len(calls)
    assert gateway.metric("trunkline_kafka_queue_messages") == 0
    assert gateway.metric("trunkline_kafka_queue_bytes") == 0
    assert gateway.metric("trunkline_kafka_round_trip_seconds_count") == len(calls)
    wait_until(lambda: gateway.metric("trunkline_kafka_brokers_up") >= 1, 5, "the brokers' metric")


@pytest.mark.timeout(120)
def test_order_and_durability_outlive_a_frozen_broker(own_kafka, prefix, start_gateway):
    """Without a spool nobody gets a 2xx while the broker is frozen; what was taken is there afterwards, in order, once."""
    gateway = start_gateway(NO_SPOOL, on=own_kafka)
    path = "/callbacks/yeta/receiveCallRecord"
    with gateway.client() as client:
        client.post(path, push("before"))
        assert client.response().status == 200
        own_kafka.freeze()
        try:
            began = time.monotonic()
            for number in range(3):
                client.post(path, push(f"during-{number}"))
                response = client.response()
                assert response.status == 503 and response.header("Retry-After")
            assert time.monotonic() - began < 3 * 1.5 + 1.5  # yeta's budget is 1.5 s
            assert gateway.metric("trunkline_kafka_queue_messages") == 3
        finally:
            own_kafka.thaw()
        wait_until(lambda: gateway.metric("trunkline_kafka_queue_messages") == 0, 20, "the late records' reports")
        client.post(path, push("after"))
        assert client.response().status == 200
    keys = [record.key.decode() for record in events(own_kafka, prefix)]
    assert sorted(keys) == ["after", "before", "during-0", "during-1", "during-2"]


def test_starts_before_kafka_and_says_so(start_gateway):
    gateway = start_gateway({**NO_SPOOL, "kafka": {"bootstrap.servers": "127.0.0.1:1"}}, ready=False)
    wait_until(lambda: gateway.log("kafka_not_ready"), 15, "the log to say that Kafka is away")
    assert "cannot reach Kafka at 127.0.0.1:1" in gateway.log("kafka_not_ready")[0]["reason"]
    page = gateway.management("/readyz")
    assert page.status == 503 and b"Kafka" in page.body
