"""Kafka that does not answer, and no spool: no 2xx without a delivery report, 503 within the budget, and all well
afterwards."""

import json
import threading
import time

import callbacks
from load import play
from waiting import wait_until

BUDGETS = {"airudder": 2.0, "jiuyun": 0.5, "7moor": 1.0, "yeta": 1.5}  # seconds, the defaults
NO_SPOOL = {"spool": {"max_bytes": 0}}
NOISE = 1.0  # what this machine may take to run client and gateway at all


def test_a_frozen_kafka_means_503_within_the_budget(start_gateway, own_kafka, prefix):
    gateway = start_gateway(NO_SPOOL, on=own_kafka)

    def well():
        probes = play(gateway.address, [[callbacks.yeta_record(f"probe-{n}")] for n in range(32)], 32, depth=1)
        return {probe.status for probe in probes} == {200}

    # A broker that has just made the topics may take longer than 玖云's half second for the first records.
    wait_until(well, 30, "every worker to accept", pause=0.2)
    before = play(gateway.address, callbacks.mixed(640, "before", 1))
    assert {answer.status for answer in before} == {200}

    own_kafka.freeze()
    try:
        during = play(gateway.address, callbacks.mixed(1000, "during", 2), connections=64, depth=1)
        assert {answer.status for answer in during} == {503}
        for answer in during:
            budget = BUDGETS[answer.callback.path.split("/")[1]]
            assert answer.answered - answer.sent < budget + NOISE
        refused = gateway.post("/callbacks/yeta", b'{"call_uuid":"x","duration_call":1}')
        assert refused.status == 503 and int(refused.header("Retry-After")) > 0
    finally:
        own_kafka.thaw()

    wait_until(well, 30, "every worker to accept again", pause=0.2)
    after = []

    def all_accepted():
        after[:] = play(gateway.address, callbacks.mixed(640, f"after-{time.monotonic_ns()}", 3))
        return {answer.status for answer in after} == {200}

    # A broker that works off what came while it stood still may be slow for a moment yet.
    wait_until(all_accepted, 30, "everything to be accepted again", pause=0.2)

    found = set()
    for topic in (callbacks.CALLS, callbacks.TASKS):
        found |= {json.loads(record.value)["id"] for record in own_kafka.read(prefix + topic)}
    for answer in before + after:
        assert answer.callback.events.keys() <= found


def test_what_was_answered_while_kafka_froze_is_in_kafka(start_gateway, own_kafka, prefix):
    """64 clients post all the while; whatever got a 2xx, before, during or after, must be found."""
    gateway = start_gateway(NO_SPOOL, on=own_kafka)
    stories = callbacks.mixed(6000, "storm", 5)
    answers = []
    poster = threading.Thread(target=lambda: answers.extend(play(gateway.address, stories, depth=2)))
    poster.start()
    try:
        wait_until(lambda: gateway.metric("trunkline_callbacks_total", outcome="accepted") > 500, 30, "the load to run")
        own_kafka.freeze()
        refused = gateway.metric("trunkline_callbacks_total", outcome="unavailable")
        wait_until(
            lambda: gateway.metric("trunkline_callbacks_total", outcome="unavailable") > refused + 64, 30, "refusals"
        )
    finally:
        own_kafka.thaw()
        poster.join(120)
    assert not poster.is_alive()

    statuses = {status: sum(answer.status == status for answer in answers) for status in {a.status for a in answers}}
    assert set(statuses) == {200, 503}, statuses
    found = set()
    for topic in (callbacks.CALLS, callbacks.TASKS):
        found |= {json.loads(record.value)["id"] for record in own_kafka.read(prefix + topic)}
    missing = [a.callback.events for a in answers if a.status == 200 and not a.callback.events.keys() <= found]
    assert missing == []


def test_start_without_kafka_waits_and_says_so(start_gateway, own_kafka):
    own_kafka.freeze()
    try:
        gateway = start_gateway(NO_SPOOL, on=own_kafka, ready=False)
        answer = gateway.management("/readyz")
        assert answer.status == 503 and b"Kafka" in answer.body
        assert gateway.management("/livez").status == 200
    finally:
        own_kafka.thaw()
    gateway.wait_until_ready(60)


def test_a_topic_that_is_deleted_makes_it_unready(start_gateway, kafka, prefix):
    gateway = start_gateway(NO_SPOOL)
    kafka.delete(prefix + callbacks.CALLS)
    wait_until(lambda: not gateway.ready(), 30, "the gateway to miss the topic")
    answer = gateway.management("/readyz")
    assert (prefix + callbacks.CALLS).encode() in answer.body
    assert gateway.post("/callbacks/yeta", b'{"call_uuid":"x","duration_call":1}').status == 503
    kafka.create(prefix + callbacks.CALLS, 3)
    gateway.wait_until_ready(30)
    wait_until(
        lambda: gateway.post("/callbacks/yeta", b'{"call_uuid":"x","duration_call":1}').status == 200, 15, "a 200 again"
    )


def test_a_topic_too_small_for_our_records_is_no_place_to_start(start_gateway, kafka, prefix):
    kafka.create(prefix + callbacks.TASKS, 3, max_message_bytes=100000)
    gateway = start_gateway(ready=False)
    wait_until(lambda: b"max.message.bytes is 100000" in gateway.management("/readyz").body, 30, "the reason")
    assert not gateway.ready()
