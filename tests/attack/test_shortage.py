"""Memory and descriptors run short while callbacks come in: the gateway lives, loses nothing that it has answered with a
success, and is itself again when there is enough."""

import os
import resource
import struct
import time

import callbacks
import pytest

from gateway import BINARY
from raw_client import ConnectionEnded
from siege import Attack, Healthy, descriptors, ids_on
from test_attack import LIMITS, SANITIZED, SOURCES, TOPICS
from waiting import wait_until

LIBRARY = BINARY.parent / "tests" / "libscarce_memory.so"
LONG = bool(os.environ.get("TRUNKLINE_TEST_LONG"))
SECONDS = 30 if LONG else 2  # of each shortage


def usual_sources():
    from gateway import configuration

    return configuration("", "")["sources"] + SOURCES


def is_on_kafka(kafka, gateway, entries):
    owed = {event for entry in entries if entry.answered is not None for event in entry.events}
    assert owed and not owed - ids_on(kafka, [gateway.prefix + topic for topic in TOPICS])


def serves(gateway, name):
    record = callbacks.yeta_record(name)
    try:
        return gateway.post(f"/callbacks{record.path}", record.body).status == 200
    except ConnectionEnded:
        return False


class Scarcity:
    """What scarce_memory.c is told: one of so many allocations fails."""

    def __init__(self, path):
        self.path = path
        self.tell(0)

    def tell(self, one_in):
        if not self.path.exists():
            self.path.write_bytes(struct.pack("II", 0, 0))
        with open(self.path, "r+b") as file:
            file.write(struct.pack("I", one_in))

    @property
    def failed(self):
        return struct.unpack("II", self.path.read_bytes())[1]


@pytest.mark.skipif(SANITIZED, reason="a sanitizer has an allocator of its own")
def test_allocations_fail_and_nothing_that_was_answered_is_lost(start_gateway, kafka, tmp_path, figures):
    scarcity = Scarcity(tmp_path / "scarcity")
    env = {"LD_PRELOAD": str(LIBRARY), "SCARCE_MEMORY": str(scarcity.path)}
    gateway = start_gateway({"sources": usual_sources(), "gateway": {"limits": LIMITS}}, env=env)
    assert serves(gateway, "before")
    before = descriptors(gateway)
    attacks = ("floods", "slow_bodies", "one_byte_chunks", "storms_of_404", "new_connections_of_404", "resets")
    with Healthy(gateway) as healthy:
        for one_in in (1000, 100, 20, 5):
            failed = scarcity.failed
            scarcity.tell(one_in)
            Attack(gateway, SECONDS, *attacks).wait()
            gateway.alive()
            assert scarcity.failed > failed, "no allocation failed"
        scarcity.tell(0)
        wait_until(lambda: serves(gateway, f"after-{time.monotonic()}"), 10, "an answer when there is memory again")
        recovered = time.monotonic()
        time.sleep(SECONDS)
    wait_until(lambda: descriptors(gateway) <= before + 8, 20, "the descriptors to come back")
    after = healthy.latency(recovered + 0.5, time.monotonic())
    figures(f"{scarcity.failed} allocations failed; meanwhile {healthy.latency(0, recovered).statuses}; then {after}")
    wrong = {status for status in healthy.latency(0, recovered).statuses if str(status).startswith("4")}
    assert not wrong, "good callbacks were refused as if they were not"
    assert set(after.statuses) == {200}, after
    is_on_kafka(kafka, gateway, healthy.entries)


def test_without_descriptors_for_clients_kafka_and_the_spool_have_theirs(start_gateway, kafka, figures):
    """The limit is lowered under load, below what clients want; Kafka's connections and the spool's files stay possible."""
    gateway = start_gateway({"sources": usual_sources(), "gateway": {"limits": {**LIMITS, "connections": 10000}}})
    assert serves(gateway, "before")
    usual = resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE)
    before = descriptors(gateway)
    limit = before + 400  # a quarter of which, or 128, is kept
    with Healthy(gateway) as healthy:
        resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (limit, usual[1]))
        crowd = Attack(gateway, 2 * SECONDS + 2, "crowds", "new_connections_of_404")
        wait_until(lambda: descriptors(gateway) > before + 150, 20, "a crowd")
        most, until = 0, time.monotonic() + 2 * SECONDS
        while time.monotonic() < until:
            most = max(most, descriptors(gateway))
            time.sleep(0.02)
        # A new connection that has not been heard yet when room is made may be the one that goes.
        wait_until(lambda: serves(gateway, "amid the crowd"), 2, "an answer amid the crowd")
        crowd.wait()
        resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, usual)
    wait_until(lambda: descriptors(gateway) <= before + 8, 20, "the descriptors to come back")
    statuses = healthy.latency(0, time.monotonic()).statuses
    figures(f"of {limit} descriptors at most {most} were taken, {before} before the crowd; meanwhile {statuses}")
    assert most <= limit - 40, "too little was kept"
    assert not gateway.log("accept_failed")
    is_on_kafka(kafka, gateway, healthy.entries)
