"""What a torn write leaves: the spool of a killed gateway is cut at any byte of its last record, and bits of it are turned.
What was answered before the record that suffered is drained; what cannot be read is told loudly."""

import collections
import json
import shutil

import pytest

import callbacks
import stage as stages
from disk import preloaded
from posting import post
from waiting import wait_until

SOON = 30  # seconds; how long a condition is waited for
CALLS = 12
CUTS = 600 if stages.LONG else 24  # in one start, as orphans that are taken over
STARTS = 25 if stages.LONG else 3  # cuts with a gateway of their own


class Remains:
    """What a killed gateway left: `whole` is its data directory, `names` the calls in it, in their order."""

    def __init__(self, stage):
        self.stage = stage
        self.service = stage.service({"gateway": {"workers": 1}}, name="killed")
        stage.kafka.freeze()
        self.names, number, sizes = [], 0, []
        while len(self.names) < CALLS:
            number += 1
            callback = callbacks.yeta_record(f"{stage.prefix}{number:03d}")
            answer = post(stage, self.service, callback)
            if answer.status == 200 and answer.header("Trunkline-Durability") == "spool":
                self.names.append(callback.call)
                sizes.append(self.wal.stat().st_size)
            assert number < 10 * CALLS
        self.service.kill()
        stage.kafka.thaw()
        assert sizes[-1] > sizes[-2], "the last record lies at the end of the file"
        self.last = range(sizes[-2], sizes[-1])  # the bytes of the last record
        self.end = sizes[-1]
        self.whole = stage.directory / "whole"
        shutil.move(stage.data_dir, self.whole)

    @property
    def wal(self):
        (found,) = (self.stage.data_dir / "killed").glob("spool-*.db-wal")
        return found

    def copy(self, instance):
        """Into the stage's data directory, as what another instance left. Gives the path of its WAL."""
        shutil.copytree(self.whole / "killed", self.stage.data_dir / instance)
        (found,) = (self.stage.data_dir / instance).glob("spool-*.db-wal")
        return found


def count_events(stage):
    """Call -> how often its event is in its topic; each time the same."""
    seen, contents = collections.Counter(), {}
    for record in stage.kafka.read(stage.prefix + callbacks.CALLS, seconds=120):
        event = json.loads(record.value)
        seen[event["subject"]] += 1
        assert contents.setdefault(event["id"], event["data"]) == event["data"], "a record differs from another of its id"
    return seen


@pytest.fixture
def remains(stage):
    return Remains(stage)


def drained(stage, service):
    service.gateway.wait_until_ready(SOON)
    service.wait_until_drained()


def test_cut_anywhere_in_its_last_record(stage, remains):
    """A start after each: all records before the one that was cut are there."""
    usual = count_events(stage)
    length = len(remains.last)
    cuts = [remains.last[number * length // STARTS] for number in range(STARTS)]
    for start, cut in enumerate(cuts, 1):
        wal = remains.copy("killed")
        with open(wal, "r+b") as file:
            file.truncate(cut)
        service = stage.service({"gateway": {"workers": 1}}, name="killed")
        drained(stage, service)
        service.close()
        seen = count_events(stage)
        assert all(seen[name] - usual[name] == start for name in remains.names[:-1]), (cut, seen - usual)
        shutil.rmtree(stage.data_dir)
    assert count_events(stage)[remains.names[-1]] == usual[remains.names[-1]], "a record that was cut is no record"


def test_cut_anywhere_in_its_last_record_and_taken_over(stage, remains):
    """Many copies, each cut at another byte, are taken over by one gateway."""
    usual = count_events(stage)
    length = len(remains.last)
    cuts = [remains.last[number * length // CUTS] for number in range(CUTS)]
    for number, cut in enumerate(cuts):
        with open(remains.copy(f"orphan-{number:04d}"), "r+b") as file:
            file.truncate(cut)
    service = stage.service(name="heir")
    drained(stage, service)
    wait_until(lambda: not list(stage.data_dir.glob("orphan-*/spool-*.db")), 4 * SOON, "the orphans to be taken over")
    drained(stage, service)
    seen = count_events(stage)
    assert {name: seen[name] - usual[name] for name in remains.names[:-1]} == dict.fromkeys(remains.names[:-1], CUTS)
    assert seen[remains.names[-1]] == usual[remains.names[-1]], "a record that was cut is no record"
    stages.figures.append(f"{stage.title}: {CUTS} cuts within the {length} bytes of the last record, none lost but that")
