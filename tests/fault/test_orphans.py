"""Two gateways below one data directory: what one leaves behind when it is killed for good, the other takes over."""

import pytest

from stage import LONG
from waiting import wait_until


def fill(service):
    wait_until(lambda: service.waiting() > 100, 60, f"records to wait in the spool of {service.name}", 0.05)


def test_orphan_adopted_by_one_that_starts(stage):
    """Both are killed while Kafka stands still; one alone comes back, for both."""
    first, second = stage.service(name="first"), stage.service(name="second")
    for turn in stage.rounds():
        if not first.runs:
            first.start()
        with turn.storm() as storm:
            storm.wait_for_answers(50)
            stage.kafka.freeze()
            try:
                fill(first)
                fill(second)
                turn.pause(0.0, 0.5)
                first.kill()
                second.kill()
                assert stage.left_behind("first")
                second.start(ready=False)
            finally:
                stage.kafka.thaw()
            storm.wait_for_answers(100)
        turn.judge(over_starts=False)
        assert stage.left_behind("first") == []
        assert second.gateway.log("spool_adopted")


@pytest.mark.skipif(not LONG, reason="the others look for orphans every 30 s: in the long form")
def test_orphan_adopted_by_one_that_runs(stage):
    first, second = stage.service(name="first"), stage.service(name="second")
    for turn in stage.rounds():
        if not first.runs:
            first.start()
        with turn.storm() as storm:
            storm.wait_for_answers(50)
            stage.kafka.freeze()
            try:
                fill(first)
                turn.pause(0.0, 0.5)
                first.kill()
            finally:
                stage.kafka.thaw()
            storm.wait_for_answers(100)
        wait_until(lambda: stage.left_behind("first") == [], 60, "the orphan to be adopted", 0.2)
        turn.judge(over_starts=False)
