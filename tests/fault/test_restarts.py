"""Rolling restarts under load (SIGTERM, and anew upon the same directory), and kill -9 in the middle of the drain."""

import pytest

from stage import LONG, ROUNDS
from waiting import wait_until

RESTARTS = max(3, ROUNDS) if not LONG else max(6, ROUNDS)
BETWEEN = (9.0, 11.0) if LONG else (0.5, 2.0)  # seconds
BACKLOG = 2000  # records that wait before the drain begins


@pytest.mark.timeout(3600)
def test_rolling_restart(stage):
    """One round is all restarts: clients that repeat lose nothing, and the orderly end owes nothing to anybody."""
    service = stage.service()
    for turn in stage.rounds(1):
        with turn.storm() as storm:
            for _ in range(RESTARTS):
                storm.wait_for_answers(50)
                turn.pause(*BETWEEN)
                assert service.terminate() == 0
                service.start()
            storm.wait_for_answers(50)
        turn.judge()


def test_rolling_restart_while_kafka_is_stopped(stage):
    """What is answered lies in the spool then: each start finds it, each end says that it stays (exit status 3)."""
    service = stage.service()
    for turn in stage.rounds():
        with turn.storm() as storm:
            storm.wait_for_answers(50)
            stage.kafka.freeze()
            try:
                for _ in range(2):
                    storm.wait_for_answers(100)
                    turn.pause(0.0, 1.0)
                    assert service.terminate() == 3
                    service.start()
                storm.wait_for_answers(100)
            finally:
                stage.kafka.thaw()
            storm.wait_for_answers(100)
        turn.judge()


def test_killed_in_the_drain(stage):
    """The drain is slow enough to be met at it, again and again; it goes on where it was."""
    service = stage.service({"spool": {"drain_records_per_second": 500}})
    for turn in stage.rounds():
        with turn.storm() as storm:
            storm.wait_for_answers(20)
            stage.kafka.freeze()
            try:
                wait_until(lambda: service.waiting() >= BACKLOG, 60, f"{BACKLOG} records to wait", 0.1)
            finally:
                stage.kafka.thaw()
            for _ in range(3):
                before = service.waiting()
                wait_until(lambda: service.waiting() < before - 100, 60, "the drain to be at it", 0.01)
                turn.pause(0.0, 0.3)
                service.kill()
                service.start()
        turn.judge()
