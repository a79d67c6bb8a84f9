"""stop_at: a process stands still at exactly the place that was named, and what it had done is seen from outside."""

import os

import pytest

from egress import STOP_AT, Egress
from test_ports import Port, values
from waiting import wait_until


@pytest.fixture
def armed(kafka, prefix, tmp_path, monkeypatch):
    """A process with a transactional producer on a topic of one partition, and what arms it."""
    topic = prefix + "stopped"
    kafka.create(topic, 1)
    worker = Egress(tmp_path / "worker", []).armed()
    for name in ("LD_PRELOAD", "STOP_ARM", "ASAN_OPTIONS"):
        monkeypatch.setenv(name, worker.env[name])
    port = Port(tmp_path / "port.log", "transact", kafka.address, prefix + "id", topic)
    monkeypatch.undo()
    worker.process = port.process
    port.init()
    yield worker, port, topic
    port.end()


@pytest.mark.parametrize("place, committed", [("before_transaction", False), ("in_commit", False),
                                              ("after_commit", True)])
def test_a_process_stands_still_where_it_was_told(armed, kafka, place, committed):
    worker, port, topic = armed
    worker.arm(place, 2)
    assert port.commit(0, "first", 1)[0] == "COMMITTED"
    port.tell("commit", 0, "second", 1)
    worker.wait_until_stopped()
    assert not worker.arm_path.exists() and f'"place":"{place}"' in port.log.read_text()
    assert values(kafka, topic) == (["first", "second"] if committed else ["first"])
    worker.thaw()
    assert port.outcome()[0] == "COMMITTED"
    wait_until(lambda: values(kafka, topic) == ["first", "second"], 20, "the second transaction")


def test_a_process_that_is_not_armed_goes_on(armed, kafka):
    worker, port, topic = armed
    worker.arm("before_send")
    assert port.commit(0, "first", 1)[0] == "COMMITTED" and worker.arm_path.exists()
    worker.disarm()
    assert values(kafka, topic) == ["first"] and os.path.exists(STOP_AT)
