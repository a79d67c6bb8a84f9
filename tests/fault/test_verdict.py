"""The test of the tests: the verdict finds what is missing, altered, swapped or strange, and nothing else."""

import copy
import dataclasses
import json
from dataclasses import dataclass

import pytest

import callbacks
from ledger import Entry, Ledger
from verdict import exact, judge, vendor_message

PREFIX = "x-"


@dataclass
class Record:
    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes


def event(callback, name, received="2026-01-01T00:00:00+08:00"):
    """As the gateway would write it, as far as the verdict looks."""
    vendor = callback.body.decode()
    if vendor.startswith("<"):
        vendor = json.dumps(dict(vendor_message(vendor)[1]), ensure_ascii=False)
    source = callback.path.split("/")[1]
    return (
        f'{{"specversion":"1.0","id":{json.dumps(name)},"source":"/trunkline/{source}",'
        f'"subject":{json.dumps(callback.call)},"recordedtime":"{received}",'
        f'"data":{{"call":{{"id":"{callback.call}"}},"vendor":{vendor}}}}}'
    ).encode()


class World:
    """60 callbacks of all vendors, all answered one after the other, all on their topics."""

    def __init__(self):
        self.entries, self.records = [], []
        now, offsets = 1.0, {}
        for story in callbacks.mixed(60, "w", 4):
            for step, callback in enumerate(story):
                self.entries.append(Entry(
                    callback.call, step, callback.path, callback.body.decode(), callback.events, now, [200], now + 0.5,
                    "kafka", "test#1",
                ))
                now += 1.0
                for name, topic in callback.events.items():
                    offset = offsets[topic] = offsets.get(topic, -1) + 1
                    key = callback.call.encode()
                    self.records.append(Record(PREFIX + topic, 0, offset, key, event(callback, name)))

    def judge(self):
        return judge(self.entries, self.records, PREFIX)

    def index(self, text):
        return next(index for index, record in enumerate(self.records) if text in record.value)

    def append(self, record):
        last = max(each.offset for each in self.records if each.topic == record.topic)
        self.records.append(dataclasses.replace(record, offset=last + 1))


@pytest.fixture
def world():
    return World()


def test_all_well(world):
    verdict = world.judge()
    assert not verdict.faults, verdict.text()
    assert verdict.posted == verdict.answered == len(world.entries) and verdict.events == len(world.records)
    assert verdict.duplicates == 0


def test_each_record_that_is_dropped_is_missed(world):
    for index, record in enumerate(world.records):
        poorer = copy.copy(world)
        poorer.records = world.records[:index] + world.records[index + 1:]
        faults = poorer.judge().faults
        assert set(faults) == {"missing"} and len(faults["missing"]) == 1
        assert json.loads(record.value)["id"] in faults["missing"][0]


def test_a_callback_without_an_answer_may_be_missing_or_there(world):
    entry = world.entries[0]
    entry.answered, entry.attempts = None, ["reset"]
    assert not world.judge().faults
    world.records = [record for record in world.records if json.loads(record.value)["id"] not in entry.events]
    assert not world.judge().faults


def test_two_of_a_call_that_are_swapped(world):
    one, other = world.index(b"-0-call.dialing"), world.index(b"-2-call.answered")
    first, second = world.records[one], world.records[other]
    assert first.key == second.key
    world.records[one] = dataclasses.replace(second, offset=first.offset)
    world.records[other] = dataclasses.replace(first, offset=second.offset)
    faults = world.judge().faults
    assert set(faults) == {"disordered"} and len(faults["disordered"]) == 3  # with the one between


def test_neighbours_of_different_calls_may_be_swapped(world):
    calls = [record for record in world.records if record.topic == PREFIX + callbacks.CALLS]
    pairs = [(one, other) for one, other in zip(calls, calls[1:]) if one.key != other.key]
    assert len(pairs) > 10
    for one, other in pairs:
        one.offset, other.offset = other.offset, one.offset
        assert not world.judge().faults
        one.offset, other.offset = other.offset, one.offset


def test_order_holds_from_the_answer_to_the_next_post_only(world):
    """What was posted before the former was answered may overtake it; what another gateway took, too."""
    one, other = world.index(b"-0-call.dialing"), world.index(b"-1-call.ringing")
    first, second = world.records[one], world.records[other]
    world.records[one] = dataclasses.replace(second, offset=first.offset)
    world.records[other] = dataclasses.replace(first, offset=second.offset)
    assert set(world.judge().faults) == {"disordered"}
    steps = {entry.step: entry for entry in world.entries if entry.call == first.key.decode()}
    dialing, ringing = steps[0], steps[1]
    ringing.life = "other#1"
    assert not world.judge().faults
    ringing.life = "test#2"
    assert set(world.judge().faults) == {"disordered"}
    assert not judge(world.entries, world.records, PREFIX, over_starts=False).faults
    dialing.answered = ringing.posted + 0.1
    assert not world.judge().faults


def test_another_partition_is_no_place_for_the_same_call(world):
    world.records[world.index(b"-3-call.ended")].partition = 1
    assert set(world.judge().faults) == {"disordered"}


@pytest.mark.parametrize("was, becomes", [
    (b'"task_data_id":32264888839704576123', b'"task_data_id":32264888839704576000'),
    (b'"agentName":"sc', b'"agentName":"sx'),
    (b'"duration_call":6', b'"duration_call":6.0'),
    (b'"duration_call":6', b'"duration_call":"6"'),
    (b'"callType":"dialout",', b""),
    (b'"robot_id":"1161","task_id":"88785"', b'"task_id":"88785","robot_id":"1161"'),
    (b'"source":"/trunkline/yeta"', b'"source":"/trunkline/7moor"'),
    (b'"subject":"w', b'"subject":"v'),
    (b'"telX": "18643210001"', b'"telX": "18643210002"'),
    (b'{"specversion"', b'{"specversion'),
])
def test_altered_bytes(world, was, becomes):
    record = world.records[world.index(was)]
    record.value = record.value.replace(was, becomes, 1)
    assert "corrupted" in world.judge().faults


def test_another_key_and_another_topic(world):
    world.records[3].key += b"x"
    assert set(world.judge().faults) == {"corrupted"}
    world.records[3].key = world.records[3].key[:-1]
    world.records[4].topic = PREFIX + "trunkline.unmapped"
    assert "corrupted" in world.judge().faults


def test_a_stranger(world):
    world.append(dataclasses.replace(world.records[0], value=world.records[0].value.replace(b'"id":"', b'"id":"y', 1)))
    assert set(world.judge().faults) == {"corrupted"}


def test_duplicates_are_counted_when_they_are_alike(world):
    record = world.records[world.index(b"call.recording.available")]
    again = record.value.replace(b"2026-01-01T00", b"2026-01-01T01")
    assert again != record.value
    world.append(dataclasses.replace(record, value=again))
    verdict = world.judge()
    assert not verdict.faults and verdict.duplicates == 1
    world.append(dataclasses.replace(record, value=again.replace(b'"data":{"call"', b'"data":{"Call"')))
    assert set(world.judge().faults) == {"corrupted"}
    world.records.pop()
    world.append(dataclasses.replace(record, partition=2))
    assert set(world.judge().faults) == {"corrupted"}


def test_a_late_duplicate_does_not_disturb_the_order(world):
    world.append(world.records[world.index(b"-0-call.dialing")])
    verdict = world.judge()
    assert not verdict.faults and verdict.duplicates == 1


def test_answers_that_no_fault_explains(world):
    world.entries[5].attempts = [500, 200]
    assert set(world.judge().faults) == {"odd_answers"}
    world.entries[5].attempts = ["reset", 503, "timeout", "refused", 200]
    assert not world.judge().faults


def test_the_ledger_reads_what_it_wrote(world, tmp_path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for entry in world.entries:
        ledger.write(entry)
    assert Ledger.read(ledger.path) == world.entries  # also before it is closed
    ledger.close()
    assert ledger.answered == len(world.entries)
    assert not judge(Ledger.read(ledger.path), world.records, PREFIX).faults


def test_xml_and_numbers_are_read_exactly():
    message = vendor_message("<?xml version='1.0'?>\n<req><a>x&amp;y</a><b/></req>")
    assert message == ("object", [("a", "x&y"), ("b", "")])
    assert exact('{"a":1.0}') != exact('{"a":1}') != exact('{"a":"1"}')
