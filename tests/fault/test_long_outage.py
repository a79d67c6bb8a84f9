"""Kafka is away for long (ten minutes in the long form) under 500 callbacks a second: everything is accepted at once,
and drained in order afterwards, while new callbacks are answered as quickly as before."""

import time

import pytest

import stage as stages
from pace import Latency, Pace
from waiting import wait_until

RATE = 500  # callbacks a second
OUTAGE_SECONDS = 600 if stages.LONG else 8
USUAL_SECONDS = 30 if stages.LONG else 3
DRAIN_RATE = 1500  # records a second: two cores carry the clients and Kafka, too
PROMISED_MS = 50  # for the median answer in an outage


def freeze(kafka):
    kafka.freeze()
    return kafka.thaw


def crash(kafka):
    kafka.crash()
    return kafka.start_again


@pytest.mark.parametrize("take", [freeze, crash] if stages.THOROUGH else [freeze])
def test_a_long_outage(stage, take):
    service = stage.service({"topics": {"partitions": 12}, "spool": {"drain_records_per_second": DRAIN_RATE}})
    with Pace(service, stage.ledger, "paced", RATE, stages.SEED) as pace:
        time.sleep(2)  # connections, caches
        begun = time.monotonic()
        time.sleep(USUAL_SECONDS)
        taken = time.monotonic()
        give = take(stage.kafka)
        wait_until(lambda: service.waiting() > RATE, 30, "callbacks to be spooled")
        spooling = time.monotonic()
        while time.monotonic() < spooling + OUTAGE_SECONDS:
            time.sleep(1)
            assert service.gateway.ready()
        most = service.waiting()
        ended = time.monotonic()
        give()
        given = time.monotonic()
        service.wait_until_drained(60 + OUTAGE_SECONDS)
        drained = time.monotonic()
        time.sleep(USUAL_SECONDS)
        after = time.monotonic()
    spans = {
        "before": Latency(stage.ledger.entries, begun, taken),
        "Kafka goes": Latency(stage.ledger.entries, taken, spooling),
        "without Kafka": Latency(stage.ledger.entries, spooling, ended),
        "the drain": Latency(stage.ledger.entries, given, drained),
        "after it": Latency(stage.ledger.entries, drained, after),
    }
    title = f"{stage.title}, {RATE} a second for {ended - taken:.0f} s"
    stages.figures += [f"{title}: {name}: {span}" for name, span in spans.items()]
    stages.figures.append(
        f"{title}: {most:.0f} records drained in {drained - given:.1f} s; "
        f"clients late by {1000 * pace.late:.0f} ms at most"
    )
    stage.judge(title)
    for name in ("before", "without Kafka", "the drain", "after it"):
        assert set(spans[name].statuses) == {200}, (name, str(spans[name]))
    assert set(spans["Kafka goes"].statuses) == {200}
    assert spans["without Kafka"].median <= PROMISED_MS
    assert spans["the drain"].median <= 4 * max(spans["before"].median, 3)
