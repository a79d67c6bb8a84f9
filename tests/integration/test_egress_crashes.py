"""Workers come, go and are killed while commands are carried out: nobody is dialled twice, every command has one end,
and limits hold."""

import os
import random
import time
from datetime import datetime

import pytest

from commands import dial
from egress import account
from test_egress_limits import assert_none_twice, assert_within

LONG = os.environ.get("TRUNKLINE_TEST_LONG") == "1"
# Each on a partition of its own.
NAMES = ["7moor", "first", "third"]
# The window is longer than it takes until another worker is at work: what the one before it sent still counts.
LIMIT, WINDOW, STRAGGLER, TIMEOUT, LEASE = (100, 12, 5, 5, 5) if LONG else (20, 10, 1, 2, 1)
DIALS = 1000 if LONG else 60
SLOW_MS = 500  # a vendor's answer, at most
# From the moment an intent is written down until its outcome is committed, on a machine that is busy.
UNDER_WAY_SECONDS = SLOW_MS / 1000 + 3


class Crew:
    """Workers of one group, and what befalls them."""

    def __init__(self, start, accounts):
        self.start, self.accounts = start, accounts
        self.workers = []
        self.kills = []  # wall times, when it was still there and when it was not any more
        self.joins = self.leaves = 0

    def join(self, ready=False):
        self.workers.append(self.start(self.accounts, {"egress": {"lease_seconds": LEASE}}, ready=ready))
        self.joins += 1

    def one(self):
        return self.workers.pop(random.randrange(len(self.workers)))

    def busy_one(self, seconds=3):
        """One that has requests under way, if there is any so soon."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            for worker in self.workers:
                if worker.metric("trunkline_vendor_calls") > 0:
                    self.workers.remove(worker)
                    return worker
        return self.one()

    def leave(self):
        self.one().stop()
        self.leaves += 1

    def kill(self):
        worker = self.busy_one() if random.random() < 0.7 else self.one()
        before = time.time()
        worker.kill9()
        self.kills.append((before, time.time()))

    def disturb(self, kills):
        """Something happens to one of them; never is the last one gone."""
        if len(self.workers) < 2:
            self.join()
        elif random.random() < 0.5 and kills > len(self.kills):
            self.kill()
        elif len(self.workers) < 4 and random.random() < 0.5:
            self.join()
        else:
            self.leave()

    def killed_at(self, wall):
        """Whether one was killed while what it wrote down at that time could be under way."""
        return any(wall <= after and before - wall <= UNDER_WAY_SECONDS for before, after in self.kills)


@pytest.fixture
def vendors(start_simulator):
    """One for each account."""
    vendors = {}
    for name in NAMES:
        vendors[name] = start_simulator("7moor", key="key-" + name, limit=LIMIT, window_ms=WINDOW * 1000)
        vendors[name].behave(delay_ms=[0, SLOW_MS])
    return vendors


@pytest.fixture
def crew(vendors, start_egress):
    """Three at work."""
    limit = {"requests": LIMIT, "window_seconds": WINDOW, "straggler_seconds": STRAGGLER}
    crew = Crew(start_egress, [
        account(vendor, name, limit=dict(limit), timeout_seconds=TIMEOUT, concurrency=LIMIT)
        for name, vendor in vendors.items()
    ])
    for _ in range(3):
        crew.join(ready=True)
    return crew


def wall(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def run(crew, commands, results, dials, kills):
    """Lets things happen to the crew until all is done; account -> ids."""
    ids = {name: commands.submit_many(name, "call.dial", [dial() for _ in range(dials)]) for name in NAMES}
    left = {id for each in ids.values() for id in each}
    ends = time.monotonic() + 600
    while left:
        assert time.monotonic() < ends, f"{len(left)} commands have no end"
        pause = time.monotonic() + random.uniform(0.5, 3)
        while left and time.monotonic() < pause:
            results.poll()
            left = {id for id in left if not results.finals(id)}
        if left:
            crew.disturb(kills)
    print(f"{crew.joins} joined, {crew.leaves} left, {len(crew.kills)} were killed")
    return ids


def check(vendors, results, ids):
    """What must be true whatever happened; id -> final result."""
    finals = results.assert_one_final_each([id for each in ids.values() for id in each])
    for name, vendor in vendors.items():
        most = assert_within(vendor, LIMIT, WINDOW)
        dialled = assert_none_twice(vendor, ids[name])
        statuses = {id: finals[id]["status"] for id in ids[name]}
        counts = {status: list(statuses.values()).count(status) for status in sorted(set(statuses.values()))}
        print(f"{name}: {counts}, at most {most} of {LIMIT} in a window, {len(dialled)} dialled")
        assert set(statuses.values()) <= {"succeeded", "unknown"}
        assert {id for id, status in statuses.items() if status == "succeeded"} <= dialled
    return finals


def test_good_order_loses_nothing(vendors, crew, commands, results):
    ids = run(crew, commands, results, 2 * DIALS // 3, kills=0)
    assert crew.leaves > 0 and not crew.kills
    assert {final["status"] for final in check(vendors, results, ids).values()} == {"succeeded"}


def test_kills_at_any_moment(vendors, crew, commands, results):
    ids = run(crew, commands, results, DIALS, kills=20 if LONG else 3)
    assert crew.kills
    unknown = [id for id, final in check(vendors, results, ids).items() if final["status"] == "unknown"]
    for id in unknown:
        (dispatched,) = [event["data"] for event in results[id] if event["data"]["status"] == "dispatched"]
        assert crew.killed_at(wall(dispatched["times"]["dispatched"])), f"nobody was killed with {id} under way"
