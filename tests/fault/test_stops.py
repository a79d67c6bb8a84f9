"""SIGSTOP and SIGCONT of the gateway and of Kafka: for a moment, and for longer than anybody's patience."""

import pytest

from stage import LONG

# Seconds: within everybody's patience; beyond the sources' budgets, so that the breaker opens; beyond Kafka's sessions.
LENGTHS = {"short": (0.1, 0.6), "long": (3.0, 5.0), "session": (11.0, 15.0)}
lengths = pytest.mark.parametrize("length", [name for name in LENGTHS if LONG or name != "session"])


@lengths
def test_gateway_stopped(stage, length):
    service = stage.service()
    for turn in stage.rounds():
        with turn.storm() as storm:
            storm.wait_for_answers(50)
            service.freeze()
            turn.pause(*LENGTHS[length])
            service.thaw()
            storm.wait_for_answers(100)
        turn.judge()


@lengths
def test_kafka_stopped(stage, length):
    stage.service()
    for turn in stage.rounds():
        with turn.storm() as storm:
            storm.wait_for_answers(50)
            stage.kafka.freeze()
            try:
                turn.pause(*LENGTHS[length])
            finally:
                stage.kafka.thaw()
            storm.wait_for_answers(100)
        assert turn.judge_outage().spooled > 0 or length == "short"


def test_gateway_killed_while_kafka_is_stopped(stage):
    """What was spooled is all that is left of the callbacks, and the next start finds it, with Kafka still away."""
    service = stage.service()
    for turn in stage.rounds():
        with turn.storm() as storm:
            storm.wait_for_answers(50)
            stage.kafka.freeze()
            try:
                turn.pause(0.5, 3.0)
                service.kill()
                service.start(ready=False)
                turn.pause(0.0, 3.0)
            finally:
                stage.kafka.thaw()
            storm.wait_for_answers(100)
        turn.judge()
