"""Sources that want repeats known: what was made durable is answered and not published again, by any worker and on any
connection; what was not is published, however often it was tried."""

import json
import signal
import time
from collections import Counter

import yaml

import callbacks
import spools
from gateway import changed
from load import play
from waiting import wait_until

COUNT = 1000


def sources(window_seconds, **options):
    """With all patience for a Kafka that is slow: what waits for both Kafka and the spool may get to a topic twice."""
    options = {"open": True, "dedup_window_seconds": window_seconds, "budget_ms": 60000, **options}
    made = [{"name": name, "adapter": name, **options} for name in ("airudder", "jiuyun", "7moor", "yeta")]
    made[0]["settings"] = {"key": "airudder"}
    return {"sources": made}


HOUR = sources(3600)


def post(gateway, callback):
    return gateway.post("/callbacks" + callback.path, callback.body)


def ids_on(kafka, prefix, gateway):
    """Event id -> how many records have it, once all are on the topics: before Kafka is known they go to the spool."""
    spools.wait_until_drained(gateway)
    topics = [name for name in (prefix + callbacks.CALLS, prefix + callbacks.TASKS) if name in kafka.topics(prefix)]
    return Counter(json.loads(record.value)["id"] for topic in topics for record in kafka.read(topic))


def ids_of(stories):
    return Counter(name for story in stories for callback in story for name in callback.events)


def outcome(gateway, name):
    return gateway.metric("trunkline_callbacks_total", outcome=name)


def assert_custody(gateway, durable):
    """It adds up, and repeats have no part in it."""
    accepted, published, spooled, refused = (
        gateway.metric("trunkline_custody_callbacks_total", fate=fate)
        for fate in ("accepted", "published", "spooled", "refused")
    )
    assert (accepted, published + spooled, refused) == (durable, durable, 0)


def bodies(answers):
    return {answer.callback.body: (answer.status, answer.body) for answer in answers}


def test_what_comes_again_is_answered_and_not_published(start_gateway, kafka, prefix):
    gateway = start_gateway(HOUR)
    stories = callbacks.mixed(COUNT, "again", 11)
    posts = sum(map(len, stories))
    first = play(gateway.address, stories, seed=1)
    assert {answer.status for answer in first} == {200}
    logged = len(gateway.log())
    for turn in (2, 3):
        again = play(gateway.address, stories[turn:] + stories[:turn], connections=32, depth=4, seed=turn)
        assert bodies(again) == bodies(first)

    assert ids_on(kafka, prefix, gateway) == ids_of(stories)
    assert outcome(gateway, "accepted") == posts
    assert outcome(gateway, "repeated") == 2 * posts
    assert_custody(gateway, posts)
    assert gateway.metric("trunkline_dedup_ids") == sum(ids_of(stories).values())
    assert gateway.metric("trunkline_events_total") == sum(ids_of(stories).values())
    assert not [line for line in gateway.log()[logged:] if line["event"].startswith("callback")]


def test_one_that_comes_many_times_at_once_adds_up(start_gateway, kafka, prefix):
    """Those under way together may all be published; each is counted as what became of it."""
    gateway = start_gateway(HOUR)
    stories = [[callbacks.yeta_record(f"storm-{number}")] for number in range(50)]
    answers = play(gateway.address, stories * 20, connections=64, depth=4)
    assert {answer.status for answer in answers} == {200} and len(answers) == 1000
    found = ids_on(kafka, prefix, gateway)
    assert found.keys() == ids_of(stories).keys()
    assert outcome(gateway, "accepted") == sum(found.values())
    assert outcome(gateway, "accepted") + outcome(gateway, "repeated") == 1000


def test_the_spool_counts(start_gateway, own_kafka, prefix):
    own_kafka.freeze()
    try:
        gateway = start_gateway(HOUR, on=own_kafka, ready=False)
        stories = callbacks.mixed(COUNT // 4, "spooled", 12)
        for turn in range(2):
            answers = play(gateway.address, stories, connections=16, depth=1, seed=turn)
            assert {answer.status for answer in answers} == {200}
        assert outcome(gateway, "repeated") == len(answers)
        assert_custody(gateway, len(answers))
        repeated = post(gateway, stories[0][0])
        assert (repeated.status, repeated.header("Trunkline-Durability")) == (200, "spool")
    finally:
        own_kafka.thaw()
    spools.wait_until_drained(gateway)
    assert {answer.status for answer in play(gateway.address, stories, connections=16, depth=1)} == {200}
    assert ids_on(own_kafka, prefix, gateway) == ids_of(stories)


def test_what_was_refused_is_published_at_the_next_try(start_gateway, own_kafka, prefix):
    """Unless Kafka has it after all, too late for the answer: then that is known, too."""
    gateway = start_gateway({**sources(3600, budget_ms=500), "spool": {"max_bytes": 0}}, on=own_kafka)
    callback = callbacks.jiuyun_hangup("refused")
    own_kafka.freeze()
    try:
        assert [post(gateway, callback).status for _ in range(3)] == [503] * 3
        assert outcome(gateway, "repeated") == 0
    finally:
        own_kafka.thaw()
    wait_until(lambda: post(gateway, callback).status == 200, 30, "a 200 again")
    wait_until(lambda: gateway.metric("trunkline_buffered_bytes") == 0, 30, "what came too late to have its report")
    found = ids_on(own_kafka, prefix, gateway)
    assert found.keys() == callback.events.keys()
    repeated = outcome(gateway, "repeated")
    assert post(gateway, callback).status == 200
    assert outcome(gateway, "repeated") == repeated + 1
    assert ids_on(own_kafka, prefix, gateway) == found


def test_after_the_window_it_is_published_again(start_gateway, kafka, prefix):
    gateway = start_gateway(sources(1))
    callback = callbacks.yeta_record("late")
    began = time.monotonic()
    assert post(gateway, callback).status == 200

    def published_again():
        assert post(gateway, callback).status == 200
        return outcome(gateway, "accepted") > 1

    wait_until(published_again, 30, "the window to pass", pause=0.05)
    assert time.monotonic() - began >= 1
    assert ids_on(kafka, prefix, gateway) == {name: 2 for name in callback.events}


def test_a_killed_gateway_has_forgotten(start_gateway, kafka, prefix):
    callback = callbacks.airudder_task("0123456789abcdef0123456789abcdef")
    gateway = start_gateway(HOUR)
    assert [post(gateway, callback).status for _ in range(3)] == [200] * 3
    assert ids_on(kafka, prefix, gateway) == Counter(callback.events.keys())
    gateway.kill()
    gateway = start_gateway(HOUR)
    assert [post(gateway, callback).status for _ in range(3)] == [200] * 3
    assert ids_on(kafka, prefix, gateway) == {name: 2 for name in callback.events}


class Reload:
    """Writes a gateway's configuration anew and waits until it is in force."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.path = gateway.directory / "trunkline.yaml"
        self.count = 0

    def __call__(self, changes):
        self.path.write_text(yaml.safe_dump(changed(yaml.safe_load(self.path.read_text()), changes)))
        self.count += 1
        self.gateway.signal(signal.SIGHUP)
        wait_until(lambda: len(self.gateway.log("configuration_reloaded")) == self.count, 20, "the reload")


def test_a_reload_changes_the_window_and_forgets_nothing(start_gateway, kafka, prefix):
    gateway = start_gateway(sources(0))
    reload = Reload(gateway)
    callback = callbacks.yeta_record("reloaded")

    def turn(accepted, repeated):
        assert post(gateway, callback).status == 200
        assert (outcome(gateway, "accepted"), outcome(gateway, "repeated")) == (accepted, repeated)

    turn(1, 0)
    turn(2, 0)  # off: nothing is known again, and nothing is remembered
    reload(HOUR)
    turn(3, 0)
    turn(3, 1)
    reload(HOUR)
    turn(3, 2)
    reload(sources(7200))
    turn(3, 3)
    reload(sources(0))
    turn(4, 3)
    reload(HOUR)
    turn(4, 4)
    assert ids_on(kafka, prefix, gateway) == {name: 4 for name in callback.events}


def test_the_raw_topic_has_it_as_often_as_it_came(start_gateway, kafka, prefix):
    gateway = start_gateway({**HOUR, "raw": True})
    callback = callbacks.jiuyun_hangup("raw")
    answers = [post(gateway, callback) for _ in range(3)]
    assert {(answer.status, answer.body) for answer in answers} == {(200, answers[0].body)}
    assert ids_on(kafka, prefix, gateway) == Counter(callback.events.keys())
    assert [record.value for record in kafka.read(prefix + "trunkline.raw")] == [callback.body] * 3
    assert (outcome(gateway, "accepted"), outcome(gateway, "repeated")) == (1, 2)
    assert_custody(gateway, 3)
