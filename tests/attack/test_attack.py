"""All that clients can do to the port, one after the other and all at once, while a healthy client goes on: it is always
answered, soon, and what it was answered is on Kafka; memory stays where it is, and descriptors come back.

Attackers are on the same machine, so they are given what processor is left. TRUNKLINE_TEST_LONG=1: minutes of it, and
the bound of the healthy client's 99th percentile is that of a machine that does nothing else; in the short form one
that is busy anyway is held against itself: before the attacks, and at the same time, by how late it wakes a sleeper.
"""

import os
import pathlib
import socket
import time

import callbacks
import pytest

from attacks import NAMES, NOWHERE, post
from gateway import sanitized
from siege import Attack, Healthy, Memory, descriptors, ids_on
from waiting import wait_until

LONG = bool(os.environ.get("TRUNKLINE_TEST_LONG"))
QUIET_SECONDS = 10 if LONG else 2
EACH_SECONDS = 6 if LONG else 0.9  # of each attack
ALL_SECONDS = 120 if LONG else 8  # of all at once
ALL_ROUNDS = 8 if LONG else 2
BOUND_MS = 50 if LONG else 250
HOPS = 5  # client, gateway, Kafka and back: so often an answer waits to be woken
RESIDENT_MIB = 192
SLOPE_MIB = 8  # that memory may grow in the second half of the last attack; the short form is too short for that
SANITIZED = sanitized()

LIMITS = {
    "connections": 600, "head_seconds": 2, "body_seconds": 3, "idle_seconds": 5, "write_seconds": 2,
    "buffered_bytes": 16 << 20,
}
SOURCES = [
    {"name": "besieged", "adapter": "7moor", "open": True},
    {"name": "guarded", "adapter": "yeta", "secrets": ["a-secret-that-nobody-guesses"]},
]
TOPICS = (callbacks.CALLS, callbacks.AGENTS, callbacks.TASKS)
ROW = "{:26} {:>11} {:>9} {:>8} {:>8} {:>8}  {}"


def configuration():
    from gateway import configuration as usual

    return {"sources": usual("", "")["sources"] + SOURCES, "gateway": {"limits": LIMITS}}


def answers(tally):
    return ", ".join(f"{count} × {status}" for status, count in sorted(tally["answers"].items())) or "none"


def row(name, tally, before, peak, after):
    cells = (tally["connections"], tally["requests"], f"{before:.1f}", f"{peak:.1f}", f"{after:.1f}")
    return ROW.format(name, *cells, answers(tally))


def one_after_the_other(gateway, memory):
    """The lines of the table."""
    lines = [ROW.format("attack", "connections", "requests", "MiB", "at most", "after", "answers")]
    for name in NAMES:
        begin, before = time.monotonic(), memory.now
        attack = Attack(gateway, EACH_SECONDS, name).wait()
        gateway.alive()
        lines.append(row(name, attack.tallies[name], before, memory.peak(begin, time.monotonic()), memory.now))
        assert attack.tallies[name]["connections"] > 0, f"{name} has not attacked at all"
    return lines


def all_at_once(gateway, memory):
    begin, before = time.monotonic(), memory.now
    tallies = []
    for _ in range(ALL_ROUNDS):
        tallies += Attack(gateway, ALL_SECONDS / ALL_ROUNDS, *NAMES).wait().tallies.values()
        gateway.alive()
    end = time.monotonic()
    total = {name: sum(tally[name] for tally in tallies) for name in ("connections", "requests")}
    total["answers"] = {}
    for tally in tallies:
        for status, count in tally["answers"].items():
            total["answers"][status] = total["answers"].get(status, 0) + count
    return begin, end, row("all at once", total, before, memory.peak(begin, end), memory.now)


def processor_seconds(gateway):
    fields = pathlib.Path(f"/proc/{gateway.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def processor_share(gateway, seconds):
    before, begun = processor_seconds(gateway), time.monotonic()
    time.sleep(seconds)
    return (processor_seconds(gateway) - before) / (time.monotonic() - begun)


def test_requests_that_nobody_reads_the_answers_of_cost_nothing_while_they_wait(start_gateway):
    gateway = start_gateway({"gateway": {"limits": {**LIMITS, "write_seconds": 60}}})
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(gateway.address)
        client.settimeout(1)
        with pytest.raises(TimeoutError):  # until nothing more is taken
            while True:
                client.sendall(post(NOWHERE) * 200)
        # What was taken may still have to be read; who never comes to rest is at work in every second.
        wait_until(lambda: processor_share(gateway, 1) < 0.15, 15, "it to be at rest")


def test_under_attack_a_healthy_client_is_served_and_memory_stays(start_gateway, kafka, figures):
    gateway = start_gateway(configuration())
    with Memory(gateway.process.pid) as memory, Healthy(gateway) as healthy:
        time.sleep(1)  # connections and caches warm
        descriptors_before = descriptors(gateway)
        quiet_from = time.monotonic()
        time.sleep(QUIET_SECONDS)
        quiet_to = time.monotonic()
        lines = one_after_the_other(gateway, memory)
        begin, end, line = all_at_once(gateway, memory)
        over = time.monotonic()
        wait_until(lambda: descriptors(gateway) <= descriptors_before + 4, 30, "the descriptors to come back")
    quiet, besieged = healthy.latency(quiet_from, quiet_to), healthy.latency(quiet_to, over)
    machine_late = memory.late(quiet_to, over)
    bound = BOUND_MS if LONG else max(BOUND_MS, 3 * quiet.high, HOPS * machine_late)
    grown = memory.slope((begin + end) / 2, end) * (end - begin) / 2
    for each in (*lines, line, f"grown in the second half of it: {grown:+.1f} MiB", f"quiet: {quiet}",
                 f"besieged: {besieged}", f"the client itself was late by {1000 * healthy.late:.0f} ms at most",
                 f"the machine was late by {machine_late:.0f} ms in one of a hundred looks"):
        figures(each)
        print(each)

    assert set(besieged.statuses) == {200}, besieged
    assert besieged.high < bound or SANITIZED, (bound, quiet, besieged)
    assert memory.peak(quiet_from, over) < RESIDENT_MIB or SANITIZED
    assert grown < SLOPE_MIB or SANITIZED or not LONG
    owed = {event for entry in healthy.entries if entry.answered is not None for event in entry.events}
    assert owed and not owed - ids_on(kafka, [gateway.prefix + topic for topic in TOPICS])
