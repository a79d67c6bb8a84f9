"""The line to Kafka fails in all the ways in which lines fail, each for a random time."""

import pytest

FAULTS = {
    "delay": lambda proxy, choose: proxy.delay(choose.uniform(0.05, 0.9)),
    "cut": lambda proxy, choose: proxy.cut(),
    "reset": lambda proxy, choose: proxy.reset(),
    "stall": lambda proxy, choose: proxy.stall(*choose.choice([("up",), ("down",), ()])),
    "swallow": lambda proxy, choose: proxy.swallow(*choose.choice([("up",), ("down",), ()])),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_line(proxied_stage, fault):
    stage = proxied_stage
    stage.service()
    for turn in stage.rounds():
        with turn.storm() as storm:
            storm.wait_for_answers(50)
            FAULTS[fault](stage.proxy, turn.choose)
            turn.pause(0.3, 4.0)
            stage.proxy.heal()
            storm.wait_for_answers(100)
        turn.judge_outage()


def test_line_that_flickers(proxied_stage):
    """One fault after the other with hardly a moment between them."""
    stage = proxied_stage
    stage.service()
    for turn in stage.rounds():
        with turn.storm() as storm:
            storm.wait_for_answers(50)
            for _ in range(8):
                FAULTS[turn.choose.choice(sorted(FAULTS))](stage.proxy, turn.choose)
                turn.pause(0.05, 0.8)
                stage.proxy.heal()
                turn.pause(0.0, 0.4)
            storm.wait_for_answers(100)
        turn.judge_outage()
