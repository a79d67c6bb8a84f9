"""The limit of an account is never exceeded at the vendor's door, and what it allows is used."""

import os
import random
import time

from commands import dial
from egress import STOP_AT, account
from waiting import wait_until

LONG = os.environ.get("TRUNKLINE_TEST_LONG") == "1"
MARGIN_SECONDS = 0.5
WALL_CLOCK = STOP_AT.with_name("libwall_clock.so")


def assert_within(simulator, requests, seconds):
    """In no window of that length came more to the door, by the times that the simulator wrote down."""
    calls = simulator.calls()
    assert not any(call.exceeded for call in calls), "the vendor counted more than its limit"
    most = simulator.max_in_window(seconds)
    assert most <= requests, f"{most} calls came within {seconds} s, {requests} are allowed"
    return most


def assert_none_twice(simulator, ids):
    """No command was dialled twice, and none that was not submitted; the dialled ones' ids."""
    dialled = [command_of(call) for call in simulator.acted("dialOut")]
    assert len(dialled) == len(set(dialled)), "somebody was dialled twice"
    assert set(dialled) <= set(ids)
    return set(dialled)


def command_of(call):
    """The id of the command that a dial was made for."""
    return call.body["extras"]["_tl"]


def mean_slot_seconds(*workers):
    """From the grant of a slot to the request's end."""
    total = sum(worker.metric("trunkline_slot_seconds_sum") for worker in workers)
    return total / sum(worker.metric("trunkline_slot_seconds_count") for worker in workers)


def test_a_full_queue_uses_the_whole_limit_and_never_more(start_simulator, start_egress, commands, results):
    limit, window, dials = (100, 10, 1000) if LONG else (50, 5, 200)
    moor = start_simulator("7moor", limit=limit, window_ms=window * 1000)
    moor.behave(delay_ms=[0, 200])
    worker = start_egress([account(moor, limit={"requests": limit, "window_seconds": window}, concurrency=limit)])
    ids = commands.submit_many("7moor", "call.dial", [dial() for _ in range(dials)])
    results.assert_one_final_each(ids, 60 + dials / limit * (window + 2))
    assert {results.finals(id)[0]["status"] for id in ids} == {"succeeded"}
    assert_within(moor, limit, window)
    assert assert_none_twice(moor, ids) == set(ids)

    # From each call to the one that is so many rounds of the limit behind it: `rounds` periods of every slot.
    doors = sorted(call.door_ns for call in moor.calls())
    apart = dials - limit
    spans = [(doors[i + apart] - doors[i]) / 1e9 for i in range(dials - apart)]
    period = window + MARGIN_SECONDS + mean_slot_seconds(worker)
    share = apart / (limit * (sum(spans) / len(spans)) / period)
    print(f"share of the limit used: {share:.4f}, mean slot {mean_slot_seconds(worker):.3f} s")
    assert share >= 0.99


def clock_ahead(seconds):
    """The environment of a process whose wall clock is so much ahead; see wall_clock.c."""
    assert WALL_CLOCK.exists(), f"{WALL_CLOCK} is missing: build the target wall_clock"
    return {
        "LD_PRELOAD": f"{WALL_CLOCK}:{os.environ.get('LD_PRELOAD', '')}".rstrip(":"),
        "WALL_CLOCK_AHEAD": str(seconds),
        "ASAN_OPTIONS": f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0".lstrip(":"),
    }


def test_clocks_that_differ_and_calls_that_come_late(start_simulator, start_egress, commands, results):
    """The lane goes to and fro between two workers whose clocks differ, while answers are lost and what they had sent
    is still under way to the vendor."""
    limit, window, straggler, seconds = (20, 10, 200, 300) if LONG else (10, 3, 5, 35)
    moor = start_simulator("7moor", limit=limit, window_ms=window * 1000)
    limits = {"requests": limit, "window_seconds": window, "straggler_seconds": straggler}
    accounts = [account(moor, limit=limits, timeout_seconds=2)]
    changes = {"egress": {"lease_seconds": 1}}
    worker = start_egress(accounts, changes)
    moor.behave(probability=0.4, late_ms=[0, (straggler - 1) * 1000], late="close")
    ids = commands.submit_many("7moor", "call.dial", [dial() for _ in range(60 if LONG else 30)])

    fast = True
    ends = time.monotonic() + seconds
    while not all(results.finals(id) for id in ids):
        if time.monotonic() < ends:
            came = len(moor.calls())
            other = start_egress(accounts, changes, env=clock_ahead(30) if fast else None)
            fast = not fast
            worker.kill9() if random.random() < 0.5 else worker.stop()
            worker = other
            results.wait_until(
                lambda: len(moor.calls()) >= came + limit or all(results.finals(id) for id in ids),
                60 + straggler + window, "calls by the next worker",
            )
        results.poll()
    finals = results.assert_one_final_each(ids, 120 + 2 * seconds)
    owed = {id for id in ids if "is gone" not in finals[id].get("reason", "")}
    wait_until(lambda: owed <= {command_of(call) for call in moor.calls("dialOut")}, straggler + 10, "the last call")
    assert any(call.door_ns - call.read_ns > 100_000_000 for call in moor.calls()), "no call came late"
    assert_within(moor, limit, window)
    assert_none_twice(moor, ids)
