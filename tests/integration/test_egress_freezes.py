"""A worker that stands still for longer than its session lasts, at the worst of places, does no harm afterwards."""

import os

import pytest

from commands import Commands, Results, dial
from egress import Egress, account, egress_configuration
from gateway import TOPICS, changed
from simulators import Simulator
from test_egress_limits import assert_none_twice, assert_within, command_of
from waiting import wait_until

LIMIT, WINDOW, STRAGGLER, LEASE = 5, 2, 1, 2
# A frozen worker's answer is taken when it goes on before that is over; by then the other one has begun its work.
TIMEOUT = 60 if os.environ.get("TRUNKLINE_TEST_LONG") == "1" else 20

# Where it stands still; what becomes of the command that was on its way: its end, and how often it came to the vendor.
PLACES = {
    "before_transaction": ("succeeded", 1),  # nobody meant to send it yet: the other worker does
    "in_commit": ("succeeded", 1),
    "after_commit": ("unknown", 0),  # the intent is there; who can tell whether it was sent?
    "before_send": ("unknown", 0),
    "call": ("unknown", 1),
}


class Freeze:
    """A worker that freezes at a place, the worker that takes over from it, and their vendor."""

    def __init__(self, place, kafka, prefix, directory):
        self.place, self.directory = place, directory
        self.vendor = Simulator("7moor", directory / "simulator", limit=LIMIT, window_ms=WINDOW * 1000)
        self.vendor.start()
        limit = {"requests": LIMIT, "window_seconds": WINDOW, "straggler_seconds": STRAGGLER}
        accounts = [account(self.vendor, limit=limit, timeout_seconds=TIMEOUT)]
        config = egress_configuration(kafka.address, directory / "data", prefix, accounts)
        config = changed(config, {"egress": {"lease_seconds": LEASE}})
        self.first, self.second = (
            Egress.configured(directory / name, changed(config, {"data_dir": str(directory / name / "data")}))
            for name in ("first", "second")
        )
        self.first.make_topics()
        self.commands = Commands(kafka.address, prefix + TOPICS["commands"])
        self.results = Results(kafka.address, prefix + TOPICS["results"], 3)
        self.ids = []

    def stop(self):
        self.results.close()
        for worker in (self.second, self.first):
            worker.stop()
        self.vendor.stop()

    def kill(self):
        for worker in (self.second, self.first):
            if worker.process is not None and worker.status is None and worker.process.poll() is None:
                worker.kill9()

    def submit(self, count):
        self.ids += self.commands.submit_many("7moor", "call.dial", [dial() for _ in range(count)])

    # Step by step; each waits for what the one before it began.

    def freeze(self):
        """The first worker stands still with a command on its way."""
        self.first.armed().start()
        if self.place == "call":
            self.vendor.behave(path="dialOut", next=1, delay_ms=1000)
            self.submit(1)
            self.vendor.wait_for_calls(1)
            self.first.freeze()
        else:
            self.first.arm(self.place)
            self.submit(1)
            self.first.wait_until_stopped()
        self.id = self.ids[0]

    def begin_takeover(self):
        self.second.start(ready=False)
        self.submit(2 * LIMIT)

    def take_over(self):
        """The second worker dials what was submitted since."""
        wait_until(
            lambda: self.second.alive() and len(self.second.log("lane_working")) == 3, 60, "the second worker to work"
        )
        self.vendor.wait_for_calls(LIMIT)
        assert self.first.stopped()

    def thaw(self):
        self.first.thaw()
        self.submit(LIMIT)

    def finish(self):
        """The first has found out, and everything has an end."""
        def found_out():
            lost = {line["partition"] for event in ("partition_lost", "lane_failed") for line in self.first.log(event)}
            return self.first.alive() and len(lost) == 3

        wait_until(found_out, 60, "the first worker to find that it has lost its lanes")
        self.finals = self.results.assert_one_final_each(self.ids, 60 + TIMEOUT)


@pytest.fixture(scope="module")
def freezes(kafka, new_prefix, tmp_path_factory):
    """All of them go through it together: most of it is waiting for sessions and time-outs to end."""
    freezes = {}
    try:
        for place in PLACES:
            freezes[place] = Freeze(place, kafka, new_prefix(), tmp_path_factory.mktemp(place))
        for step in (Freeze.freeze, Freeze.begin_takeover, Freeze.take_over, Freeze.thaw, Freeze.finish):
            for freeze in freezes.values():
                step(freeze)
        yield freezes
        for freeze in freezes.values():
            freeze.stop()
    finally:
        for freeze in freezes.values():
            freeze.kill()
            freeze.vendor.stop()


@pytest.mark.parametrize("place", PLACES)
def test_the_command_on_its_way_has_its_one_end(freezes, place):
    freeze, (status, calls) = freezes[place], PLACES[place]
    assert freeze.finals[freeze.id]["status"] == status
    assert [command_of(call) for call in freeze.vendor.calls("dialOut")].count(freeze.id) == calls


@pytest.mark.parametrize("place", PLACES)
def test_the_other_commands_are_carried_out_within_the_limit(freezes, place):
    freeze = freezes[place]
    assert {freeze.finals[id]["status"] for id in freeze.ids[1:]} == {"succeeded"}
    assert assert_none_twice(freeze.vendor, freeze.ids) >= set(freeze.ids[1:])
    assert_within(freeze.vendor, LIMIT, WINDOW)


@pytest.mark.parametrize("place", PLACES)
def test_only_an_answer_that_there_was_is_published_late(freezes, place):
    freeze = freezes[place]
    late = {
        id: [event["data"] for event in events if event["data"]["status"] == "late_answer"]
        for id, events in freeze.results.all().items()
    }
    assert [id for id in late if late[id]] == ([freeze.id] if place == "call" else [])
    if place == "call":
        (answer,) = late[freeze.id]
        assert answer["code"] == "ok" and answer["vendor_code"] == "200" and answer["account"] == "7moor"
        assert answer["times"]["dispatched"] < answer["times"]["answered"]
