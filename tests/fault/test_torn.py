"""What a torn write leaves: the spool of a killed gateway is cut at any byte of its last record, and bits of it are
turned. What was answered before the record that suffered is drained; what cannot be read is told loudly."""

import collections
import json
import random
import shutil
import sqlite3

import pytest

import callbacks
import stage as stages
from posting import post
from waiting import wait_until

SOON = 30  # seconds; how long a condition is waited for
CALLS = 12
CUTS = 600 if stages.LONG else 24  # in one start, as orphans that are taken over
FLIPS = 100 if stages.LONG else 4  # of a bit, with a gateway of its own each
STARTS = 25 if stages.LONG else 3  # cuts with a gateway of their own


def frames_end(wal):
    """Where the frames of an SQLite WAL end that are of its present turn: what comes behind is room kept in advance, or
    of an earlier one."""
    data = wal.read_bytes()
    frame = 24 + int.from_bytes(data[8:12], "big")
    salts, end = data[16:24], 32
    while data[end + 8:end + 16] == salts:
        end += frame
    return end


def cut(wal, place):
    """Of two kinds, by turns: the file ends there, or the rest was never written."""
    size = wal.stat().st_size
    with open(wal, "r+b") as file:
        file.truncate(place)
        if place % 2:
            file.truncate(size)


def turn_bit(path, place, bit):
    with open(path, "r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1 << bit]))


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
                sizes.append(frames_end(self.wal))
            assert number < 10 * CALLS
        self.service.kill()
        stage.kafka.thaw()
        assert sizes == sorted(set(sizes)), "each record lies behind the one before"
        self.last = range(sizes[-2], sizes[-1])  # the bytes of the last record
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
        assert contents.setdefault(event["id"], event["data"]) == event["data"], "it differs from another of its id"
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
    for start, place in enumerate(cuts, 1):
        cut(remains.copy("killed"), place)
        service = stage.service({"gateway": {"workers": 1}}, name="killed")
        drained(stage, service)
        service.close()
        seen = count_events(stage)
        assert all(seen[name] - usual[name] >= start for name in remains.names[:-1]), (place, seen - usual)
        shutil.rmtree(stage.data_dir)
    assert count_events(stage)[remains.names[-1]] == usual[remains.names[-1]], "a record that was cut is no record"


def test_cut_anywhere_in_its_last_record_and_taken_over(stage, remains):
    """Many copies, each cut at another byte, are taken over by one gateway."""
    usual = count_events(stage)
    length = len(remains.last)
    cuts = [remains.last[number * length // CUTS] for number in range(CUTS)]
    for number, place in enumerate(cuts):
        cut(remains.copy(f"orphan-{number:04d}"), place)
    service = stage.service(name="heir")
    drained(stage, service)
    wait_until(lambda: not list(stage.data_dir.glob("orphan-*/spool-*.db")), 4 * SOON, "the orphans to be taken over")
    drained(stage, service)
    seen = count_events(stage)
    assert all(seen[name] - usual[name] >= CUTS for name in remains.names[:-1]), seen - usual
    assert seen[remains.names[-1]] == usual[remains.names[-1]], "a record that was cut is no record"
    stages.figures.append(f"{stage.title}: {CUTS} cuts in the {length} bytes of the last record, none lost but that")


def checkpointed(directory):
    """Everything out of the WAL, in the database."""
    (path,) = directory.glob("spool-*.db")
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    database.close()
    return path


@pytest.mark.parametrize("where", ["wal", "database"])
def test_a_bit_turned_anywhere(stage, remains, where):
    """What is drained is what was answered, bit for bit; if anything is not there any more, the log says so, and what
    is left of the file is kept."""
    choose = random.Random(f"{stages.SEED}-{where}")
    usual, lost = count_events(stage), 0
    for _ in range(FLIPS):
        path = remains.copy("killed")
        end = frames_end(path)
        if where == "database":
            path = checkpointed(path.parent)
            end = path.stat().st_size
        place, bit = choose.randrange(remains.last.start if where == "wal" else end), choose.randrange(8)
        turn_bit(path, place, bit)
        service = stage.service({"gateway": {"workers": 1}}, name="killed")
        drained(stage, service)
        errors = [line["event"] for line in service.gateway.log() if line["level"] == "error"]
        told = [event for event in errors if event.startswith("spool")]
        kept = list((stage.data_dir / "killed").glob("*.damaged*"))
        service.close()
        seen = count_events(stage)
        missing = [name for name in remains.names if seen[name] <= usual[name]]
        lost += len(missing)
        assert not missing or (told and kept), f"byte {place}, bit {bit}: {len(missing)} of {CALLS} went without a word"
        usual = seen
        shutil.rmtree(stage.data_dir)
    stages.figures.append(f"{stage.title}: {FLIPS} times; {lost} of {FLIPS * CALLS} records lost, each time told")
