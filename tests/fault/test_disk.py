"""Disks whose writes and fsyncs fail or hang while Kafka is away: refused is what is not on disk, in words that say so,
and the gateway recovers by itself, with a new file."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import callbacks
import stage as stages
from disk import Disk
from posting import post
from waiting import wait_until

SOON = 30  # seconds; how long a condition is waited for

ONCE = ["sync EIO 1", "write ENOSPC 1"]
FOR_A_WHILE = [["sync EIO 0"], ["sync EIO 0", "write EIO 0", "truncate EIO 0", "open EIO 0"]]
if stages.THOROUGH:
    ONCE += ["write EIO 1", "sync EIO 2", "write EIO 3"]
    FOR_A_WHILE += [["write EIO 0"], ["write ENOSPC 0"], ["write EROFS 0", "open EROFS 0"]]


@pytest.fixture
def disk(stage):
    made = Disk(stage)
    yield made
    made.heal()


def spooling(stage, service, storm):
    """Kafka is taken away; returns when callbacks go to the spool. Thaw it."""
    stage.kafka.freeze()
    wait_until(lambda: service.waiting() > 50, SOON, "callbacks to be spooled")
    storm.wait_for_answers(20)


@pytest.mark.parametrize("fault", ONCE)
def test_a_disk_that_fails_once(stage, disk, fault):
    """A new file is begun, and clients hardly notice."""
    service = stage.service(env=disk.env)
    for turn in stage.rounds():
        with turn.storm() as storm:
            spooling(stage, service, storm)
            turn.pause(0.0, 0.5)
            before = disk.struck(service.gateway)
            disk.fail(fault)
            wait_until(lambda: disk.struck(service.gateway) > before, SOON, "the disk to fail")
            storm.wait_for_answers(100)
            assert service.gateway.ready()
            stage.kafka.thaw()
        turn.judge()


@pytest.mark.parametrize("faults", FOR_A_WHILE, ids=", ".join)
def test_a_disk_that_fails_for_a_while(stage, disk, faults):
    service = stage.service(env=disk.env)
    for turn in stage.rounds():
        with turn.storm() as storm:
            spooling(stage, service, storm)
            disk.fail(*faults)
            wait_until(lambda: not service.gateway.ready(), SOON, "/readyz to say 503")
            reason = service.gateway.management("/readyz").body
            assert b"spool" in reason, reason
            refused = post(stage, service, callbacks.yeta_record(f"probe-{turn.number}"))
            assert refused.status == 503 and int(refused.header("Retry-After")) > 0
            assert service.gateway.management("/livez").status == 200
            turn.pause(0.0, 2.0)
            disk.heal()
            service.gateway.wait_until_ready(SOON)
            storm.wait_for_answers(100)
            stage.kafka.thaw()
        turn.judge()


def test_a_disk_that_fails_while_kafka_is_there_is_nobodys_concern(stage, disk):
    service = stage.service(env=disk.env)
    for turn in stage.rounds():
        disk.fail("sync EIO 0", "write EIO 0")
        with turn.storm() as storm:
            storm.wait_for_answers(200)
        disk.heal()
        turn.judge()


def test_a_disk_that_fails_in_the_drain(stage, disk):
    """What the drain has delivered it cannot remove: recognisable duplicates, nothing more."""
    service = stage.service({"spool": {"drain_records_per_second": 200}}, env=disk.env)
    for turn in stage.rounds():
        with turn.storm() as storm:
            spooling(stage, service, storm)
            wait_until(lambda: service.waiting() > 300, SOON, "more to be spooled")
        stage.kafka.thaw()
        drained = service.gateway.metric("trunkline_spool_drained_records_total")
        wait_until(
            lambda: service.gateway.metric("trunkline_spool_drained_records_total") > drained + 20, SOON, "the drain"
        )
        before = disk.struck(service.gateway)
        disk.fail("sync EIO 2", "write EIO 1")
        wait_until(lambda: disk.struck(service.gateway) > before, SOON, "the disk to fail")
        turn.judge()


def test_an_fsync_that_hangs(stage, disk):
    """No answer before it returns, but 503 in the source's time; the loops stay alive; then everything goes on."""
    service = stage.service(env=disk.env)
    for turn in stage.rounds():
        with turn.storm() as storm:
            spooling(stage, service, storm)
        spooled = service.gateway.metric("trunkline_spool_records_total")
        disk.fail("sync hang 0")
        before, began = disk.struck(service.gateway), time.monotonic()
        with ThreadPoolExecutor(8) as posters:
            hanging = [callbacks.yeta_record(f"hangs-{turn.number}-{number}") for number in range(8)]
            asked = [posters.submit(post, stage, service, callback) for callback in hanging]
            while not all(each.done() for each in asked):
                assert service.gateway.management("/livez").status == 200
                assert time.monotonic() - began < SOON, "clients wait for a disk that hangs"
        answers = [each.result() for each in asked]
        assert disk.struck(service.gateway) > before
        assert [answer.status for answer in answers] == [503] * 8
        assert all(int(answer.header("Retry-After")) > 0 for answer in answers)
        assert service.gateway.metric("trunkline_spool_records_total") == spooled
        disk.heal()
        with turn.storm(name="after") as storm:
            storm.wait_for_answers(100)
            stage.kafka.thaw()
        turn.judge()
