"""A partition without a leader: its records are spooled one by one, the others go on as usual, and order is kept when
it is back."""

import statistics

import confluent_kafka.admin
import pytest

import callbacks
import stage as stages
from gateway import TOPICS
from kafka import Kafka
from waiting import wait_until

SOON = 30  # seconds; how long a condition is waited for
SHORT_SESSION = ("--set", "broker.session.timeout.ms=3000", "--set", "broker.heartbeat.interval.ms=500")
LONE = 1  # the partition of the call events that the second broker alone has


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    """The other tests' Kafka remains alone."""
    broker = Kafka.start(tmp_path_factory.mktemp("kafka"), *SHORT_SESSION)
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="module")
def second(kafka, tmp_path_factory):
    """A second broker beside kafka."""
    broker = Kafka.start(tmp_path_factory.mktemp("second"), "--join", str(kafka.directory), *SHORT_SESSION)
    try:
        yield broker
    finally:
        broker.stop()


def make_topics(stage):
    """Everything on the first broker, but for one partition."""
    topics = []
    for name in TOPICS.values():
        replicas = [[2] if name == callbacks.CALLS and number == LONE else [1] for number in range(3)]
        topics.append(confluent_kafka.admin.NewTopic(stage.prefix + name, 3, replica_assignment=replicas))
    for future in stage.kafka.admin.create_topics(topics, operation_timeout=20).values():
        future.result(timeout=30)


def leader(stage):
    name = stage.prefix + callbacks.CALLS
    return stage.kafka.admin.list_topics(name, timeout=20).topics[name].partitions[LONE].leader


def by_partition(stage, entries):
    """(those whose events are in the lone partition, those whose are elsewhere)."""
    lone = {
        record.key.decode() for record in stage.kafka.read(stage.prefix + callbacks.CALLS) if record.partition == LONE
    }
    return [entry for entry in entries if entry.call in lone], [entry for entry in entries if entry.call not in lone]


def median_ms(entries):
    return 1000 * statistics.median(entry.answered - entry.posted for entry in entries)


def test_a_partition_without_a_leader(stage, second):
    make_topics(stage)
    service = stage.service()
    for turn in stage.rounds():
        with turn.storm(clients=24) as storm:
            storm.wait_for_answers(100)
            before = len(stage.ledger.entries)
            second.crash()
            wait_until(lambda: service.waiting() > 0, SOON, "records of the lone partition to be spooled")
            begun = len(stage.ledger.entries)
            storm.wait_for_answers(100)
            if stages.LONG or turn.number == 1:
                wait_until(lambda: leader(stage) == -1, SOON, "the controller to miss the broker")
                storm.wait_for_answers(100)
            ended = len(stage.ledger.entries)
            assert service.gateway.ready()
            second.start_again()
            storm.wait_for_answers(100)
        turn.judge()
        lone, others = by_partition(stage, stage.ledger.entries[begun:ended])
        _, usual = by_partition(stage, stage.ledger.entries[:before])
        answered = [entry for entry in lone if entry.answered is not None]
        assert answered and {entry.durability for entry in answered} == {"spool"}
        first_time = [entry for entry in others if entry.attempts == [200]]
        of_kafka = [entry for entry in first_time if entry.durability == "kafka"]
        assert len(of_kafka) >= 0.9 * len(others), "the other partitions have their leader"
        was, became = median_ms([entry for entry in usual if entry.attempts == [200]]), median_ms(of_kafka)
        stages.figures.append(
            f"{turn.title}: {len(lone)} callbacks of the partition without a leader spooled; "
            f"the others' median {became:.1f} ms, before {was:.1f} ms"
        )
        assert became <= 5 * max(was, 2)
        assert service.gateway.metric("trunkline_breaker_openings_total") == 0
