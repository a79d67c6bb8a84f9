"""The wall clock jumps by hours, forth and back, while callbacks are spooled and drained."""

import pytest

from disk import preloaded
from egress import STOP_AT
from waiting import wait_until

WALL_CLOCK = STOP_AT.with_name("libwall_clock.so")
SOON = 30  # seconds; how long a condition is waited for
HOUR = 3600


@pytest.fixture
def wall_clock(stage):
    """A function that sets the gateways' wall clock so many seconds ahead."""
    path = stage.directory / "wall_clock"
    path.write_bytes(bytes(8))
    file = path.open("r+b", buffering=0)

    def ahead(seconds):
        file.seek(0)
        file.write(seconds.to_bytes(8, "little", signed=True))

    ahead.env = preloaded(WALL_CLOCK, WALL_CLOCK_FILE=str(path))
    yield ahead
    file.close()


def failed(service):
    return service.gateway.metric("trunkline_spool_failed_deliveries_total")


def drained(service):
    return service.gateway.metric("trunkline_spool_drained_records_total")


def test_a_clock_that_jumps_while_kafka_is_away(stage, wall_clock):
    service = stage.service(env=wall_clock.env)
    for turn in stage.rounds():
        with turn.storm() as storm:
            storm.wait_for_answers(20)
            stage.kafka.freeze()
            wait_until(lambda: service.waiting() > 50, SOON, "callbacks to be spooled")
            for _ in range(4):
                wall_clock(turn.choose.randrange(-48 * HOUR, 48 * HOUR))
                storm.wait_for_answers(30)
                assert service.gateway.metric("trunkline_spool_oldest_seconds") >= 0
            stage.kafka.thaw()
            wall_clock(turn.choose.randrange(-48 * HOUR, 0))
            storm.wait_for_answers(100)
        turn.judge()
        wall_clock(0)


def test_a_clock_that_jumps_in_the_drain(stage, wall_clock):
    """Kafka takes nothing that was sent more than an hour from now: until the clock is right again, it stays."""
    service = stage.service({"spool": {"drain_records_per_second": 100}}, env=wall_clock.env)
    for turn in stage.rounds():
        with turn.storm() as storm:
            stage.kafka.freeze()
            wait_until(lambda: service.waiting() > 500, 2 * SOON, "callbacks to be spooled")
            stage.kafka.thaw()
            for hours in (-30, 30, -2, 2):
                progress = drained if hours < 0 else failed
                before = progress(service)
                wall_clock(hours * HOUR + turn.choose.randrange(HOUR))
                wait_until(lambda: progress(service) > before, SOON, "the drain to go on, or to be turned away")
                # What is on its way while it jumps to and fro has times of both kinds: nobody can keep that in order.
                turn.pause(1.5, 2.5)
            storm.wait_for_answers(50)
            wall_clock(0)
        turn.judge()


def test_callbacks_with_a_clock_that_kafka_does_not_take(stage, wall_clock):
    service = stage.service(env=wall_clock.env)
    for turn in stage.rounds():
        with turn.storm() as storm:
            storm.wait_for_answers(20)
            wall_clock(30 * HOUR)
            wait_until(lambda: service.waiting() > 20, SOON, "callbacks to be spooled")
            storm.wait_for_answers(50)
            wall_clock(0)
        turn.judge()


def test_a_start_with_a_clock_that_is_behind_what_lies_in_the_spool(stage, wall_clock):
    service = stage.service(env=wall_clock.env)
    for turn in stage.rounds():
        with turn.storm() as storm:
            wall_clock(20 * HOUR)
            stage.kafka.freeze()
            wait_until(lambda: service.waiting() > 50, SOON, "callbacks to be spooled")
            service.kill()
            wall_clock(-20 * HOUR)
            service.start()
            storm.wait_for_answers(50)
            stage.kafka.thaw()
        turn.judge()
        wall_clock(0)
