"""Callbacks while Kafka does not take them: the spool answers, in no time, and drains in the order of every call."""

import json
import signal
import statistics
import threading
import time

import callbacks
import spools
from load import play
from waiting import wait_until

YETA = b'{"call_uuid":"%s","duration_call":1}'


def custody(gateway, unit):
    """Fate -> how many, of callbacks or records, at a moment when nothing is under way."""
    fates = ("accepted", "published", "spooled", "refused")
    found = {fate: gateway.metric(f"trunkline_custody_{unit}_total", fate=fate) for fate in fates}
    assert gateway.metric(f"trunkline_custody_{unit}_in_flight") == 0
    assert found["accepted"] == found["published"] + found["spooled"] + found["refused"], found
    return found


def durability(gateway, call):
    answer = gateway.post("/callbacks/yeta", YETA % call.encode())
    assert answer.status == 200, answer
    return answer.header("Trunkline-Durability")


def wait_for_kafka(gateway, seconds=60):
    """Until callbacks go to Kafka again and nothing waits in the spool."""
    def well():
        return gateway.metric("trunkline_breaker_open") == 0 and spools.waiting(gateway) == 0

    wait_until(well, seconds, "the spool to be empty", pause=0.1)
    wait_until(
        lambda: durability(gateway, f"probe-{time.monotonic_ns()}") == "kafka", seconds, "callbacks to go to Kafka", 0.1
    )


def first_places(kafka, prefix):
    """Event id -> its first record."""
    places = {}
    for topic in (callbacks.CALLS, callbacks.TASKS, callbacks.AGENTS):
        for record in kafka.read(prefix + topic, seconds=60):
            places.setdefault(json.loads(record.value)["id"], record)
    return places


def assert_whole_and_in_order(kafka, prefix, answers, stories):
    """Whatever got a 2xx is there, and the events of a call stand in the order of their answers."""
    places = first_places(kafka, prefix)
    missing = [a.callback.events for a in answers if a.status == 200 and not a.callback.events.keys() <= places.keys()]
    assert missing == []
    for story in stories:
        found = [places[event] for callback in story for event in callback.events if event in places]
        assert len({(place.topic, place.partition) for place in found}) <= 1
        assert [place.offset for place in found] == sorted(place.offset for place in found), story[0].call


def test_a_frozen_kafka_costs_nobody_an_answer(start_gateway, own_kafka, prefix):
    gateway = start_gateway(on=own_kafka)
    wait_for_kafka(gateway)
    stories = [callbacks.mixed(640, name, seed) for name, seed in (("before", 1), ("during", 2), ("after", 3))]
    answers = play(gateway.address, stories[0])

    own_kafka.freeze()
    try:
        answers += play(gateway.address, stories[1], connections=16, depth=1)
        assert gateway.metric("trunkline_breaker_open") == 1
        assert durability(gateway, "meanwhile") == "spool"
        took = []
        for number in range(200):
            began = time.monotonic()
            assert durability(gateway, f"quick-{number}") == "spool"
            took.append(time.monotonic() - began)
        assert statistics.median(took) < 0.25  # of budgets of half a second and more: nobody waits for Kafka
        assert spools.waiting(gateway) > 600
        assert gateway.ready()
    finally:
        own_kafka.thaw()
    wait_for_kafka(gateway)
    answers += play(gateway.address, stories[2])

    assert {answer.status for answer in answers} == {200}
    assert_whole_and_in_order(own_kafka, prefix, answers, sum(stories, []))
    found = custody(gateway, "callbacks")
    assert found["refused"] == 0 and found["spooled"] > 600
    assert custody(gateway, "records")["accepted"] >= found["accepted"]


def test_a_kafka_that_dies_under_load_and_comes_back(start_gateway, own_kafka, prefix):
    """Clients post all the while and never repeat anything: no answer but 2xx, and every event is there, in order."""
    gateway = start_gateway(on=own_kafka)
    wait_for_kafka(gateway)
    stories = callbacks.mixed(6000, "storm", 5)
    answers = []
    poster = threading.Thread(target=lambda: answers.extend(play(gateway.address, stories, depth=2)))
    poster.start()
    try:
        wait_until(lambda: gateway.metric("trunkline_callbacks_total", outcome="accepted") > 500, 30, "the load to run")
        own_kafka.crash()
        wait_until(lambda: gateway.metric("trunkline_custody_callbacks_total", fate="spooled") > 300, 30, "the spool")
    finally:
        own_kafka.start_again()
        poster.join(120)
    assert not poster.is_alive()
    wait_for_kafka(gateway)

    assert {answer.status for answer in answers} == {200}
    assert_whole_and_in_order(own_kafka, prefix, answers, stories)
    assert custody(gateway, "callbacks")["refused"] == 0
    assert custody(gateway, "records")["refused"] == 0


def test_short_freezes_again_and_again(start_gateway, own_kafka, prefix):
    """Reports that come late, while the spool is at work: the copy goes, or is drained as a recognisable duplicate."""
    gateway = start_gateway(on=own_kafka)
    wait_for_kafka(gateway)
    stories = callbacks.mixed(6000, "again", 7)
    answers = []
    poster = threading.Thread(target=lambda: answers.extend(play(gateway.address, stories, depth=1)))
    poster.start()
    for _ in range(5):
        spooled = gateway.metric("trunkline_custody_callbacks_total", fate="spooled")
        own_kafka.freeze()
        try:
            wait_until(
                lambda: gateway.metric("trunkline_custody_callbacks_total", fate="spooled") > spooled + 20
                or not poster.is_alive(), 30, "callbacks to be spooled"
            )
        finally:
            own_kafka.thaw()
        wait_until(
            lambda: gateway.metric("trunkline_breaker_open") == 0 or not poster.is_alive(), 30, "the breaker to close"
        )
    poster.join(120)
    assert not poster.is_alive()
    wait_for_kafka(gateway)
    assert {answer.status for answer in answers} == {200}
    assert_whole_and_in_order(own_kafka, prefix, answers, stories)
    assert custody(gateway, "callbacks")["refused"] == 0


def test_a_full_spool_refuses_and_takes_again(start_gateway, own_kafka):
    gateway = start_gateway({"spool": {"max_bytes": 100000, "source_share_percent": 100}}, on=own_kafka)
    wait_for_kafka(gateway)
    own_kafka.freeze()
    try:
        wait_until(
            lambda: gateway.post("/callbacks/yeta", YETA % b"x").status == 503, 60, "the spool to be full", pause=0
        )
        refused = gateway.post("/callbacks/yeta", YETA % b"y")
        assert refused.status == 503 and int(refused.header("Retry-After")) > 0
        assert b"spool" in refused.body and b"success" not in refused.body.lower()
        assert refused.header("Trunkline-Durability") is None
        found = custody(gateway, "callbacks")
        assert found["refused"] >= 2 and found["spooled"] > 10
    finally:
        own_kafka.thaw()
    wait_for_kafka(gateway)


def test_what_waits_for_kafka_at_a_stop_goes_to_the_spool(start_gateway, own_kafka, prefix):
    """A budget that is longer than the stop: who waits when it is over is answered by the spool."""
    changes = {"gateway": {"shutdown_seconds": 2}, "sources": [
        {"name": "yeta", "adapter": "yeta", "open": True, "budget_ms": 30000}
    ]}
    gateway = start_gateway(changes, on=own_kafka)
    wait_for_kafka(gateway)
    calls = [f"waiting-{number}" for number in range(20)]
    clients = [gateway.client(30) for _ in calls]
    own_kafka.freeze()
    try:
        for client, call in zip(clients, calls):
            client.post("/callbacks/yeta/receiveCallRecord", YETA % call.encode())
        wait_until(
            lambda: gateway.metric("trunkline_custody_callbacks_in_flight") == len(calls), 20, "all of them to wait"
        )
        gateway.signal(signal.SIGTERM)
        answers = [client.response() for client in clients]
        assert {answer.status for answer in answers} == {200}
        assert {answer.header("Trunkline-Durability") for answer in answers} == {"spool"}
        assert gateway.wait(30) == 3
    finally:
        own_kafka.thaw()
    wait_for_kafka(start_gateway({**changes, "data_dir": str(gateway.directory / "data")}, on=own_kafka))
    places = first_places(own_kafka, prefix)
    assert {f"yeta-{call}-call.recorded-basic" for call in calls} <= places.keys()
