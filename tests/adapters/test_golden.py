"""Every golden payload becomes exactly its events, they validate against the schemas, and repeats have the same ids."""

import collections
import json
import re

import pytest
from golden import CASES, CONVERTED, EXPECTATIONS, HANDSHAKES, HERE, LATER, REFUSED, UPDATE, exact, kinds, written
from jsonschema import Draft202012Validator
from schemas import OURS, OWN, OWN_ENVELOPE, SCHEMAS, VALIDATORS, branches

ENVELOPE = "urn:trunkline:schema:event:v1"


def validate(event):
    if event["type"].startswith("io.trunkline."):
        VALIDATORS[ENVELOPE].validate(event)
        VALIDATORS[event["dataschema"]].validate(event["data"])
        name = event["type"].removeprefix("io.trunkline.").removesuffix(".v1")
        assert event["dataschema"] == f"urn:trunkline:schema:{name}:v1"
    else:
        VALIDATORS[OWN_ENVELOPE].validate(event)
        assert event["dataschema"] in OWN, f"no *.schema.json has the $id {event['dataschema']}"
        VALIDATORS[event["dataschema"]].validate(event["data"])
    assert event["partitionkey"] == event["subject"]


def named(cases):
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


@named(CONVERTED)
def test_events(case):
    events = case.events()
    expected = case.beside("events")
    if UPDATE and not (expected.exists() and kinds(events) == kinds(exact(expected.read_text()))):
        expected.write_text(written(events) + "\n")
    assert kinds(events) == kinds(exact(expected.read_text()))
    for event in events:
        validate(json.loads(written(event)))


@named(CONVERTED)
def test_a_repeat_has_the_same_ids(case):
    first, later = case.events(verify=False), case.events(LATER, verify=False)
    assert [event["id"] for event in first] == [event["id"] for event in later]
    assert all(event["recordedtime"] == LATER for event in later)


@named(REFUSED)
def test_refusal(case):
    done = case.convert()
    expected = json.loads(case.beside("failure").read_text())["reason"]
    assert (done.returncode, done.stdout) == (1, b"")
    assert re.search(rf"\b{expected}\b", done.stderr.decode()), done.stderr.decode()


@named(HANDSHAKES)
def test_handshake(case):
    done = case.convert()
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == {"handshake": json.loads(case.beside("handshake").read_text())}


def expected_events():
    for case in CONVERTED:
        for event in json.loads(case.beside("events").read_text()):
            yield case, event


def test_no_two_golden_events_share_an_id():
    cases = collections.defaultdict(list)
    for case, event in expected_events():
        cases[event["id"]].append(case.name)
    assert {id: names for id, names in cases.items() if len(names) > 1} == {}


def test_every_event_type_has_a_golden_event():
    assert {event["dataschema"] for _, event in expected_events()} - OWN.keys() == set(branches(ENVELOPE).values())


def test_every_own_schema_has_a_golden_event():
    assert OWN.keys() - {event["dataschema"] for _, event in expected_events()} == set()


def test_every_expectation_has_its_payload():
    beside = {case.beside(what) for case in CASES for what in EXPECTATIONS} | {case.payload for case in CASES}
    others = {*(HERE / "golden").glob("*/source.yaml"), *(HERE / "golden").glob("*/*.schema.json")}
    assert set((HERE / "golden").glob("*/*")) - beside - others == set()


@pytest.mark.parametrize("urn", sorted(OURS | OWN))
def test_schema_is_one(urn):
    Draft202012Validator.check_schema(SCHEMAS[urn])
    assert urn.startswith("urn:trunkline:schema:") == (urn in OURS)


def spoiled():
    """Events that must not pass, so that the schemas are known to refuse anything."""
    event = next(event for _, event in expected_events() if event["type"] == "io.trunkline.call.ended.v1")
    for change in (
        {"subject": "a\nb"},
        {"time": "2017-09-11 14:51:09"},
        {"time": "2017-09-31T24:51:09+08:00"},
        {"time": "2017-13-11T14:51:09+08:00"},
        {"recordedtime": 1505112669},
        {"source": "/trunkline/a b"},
        {"type": "io.trunkline.call.surprise.v1"},
        {"dataschema": "urn:trunkline:schema:call.ringing:v1"},
        {"account": 5},
        {"recovered": "true"},
        {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 and more"},
        {"surprise": 1},
        {"data": event["data"] | {"surprise": 1}},
        {"data": event["data"] | {"record": "full"}},
        {"data": event["data"] | {"call": {"id": ""}}},
        {"data": event["data"] | {"outcome": {"status": "happy"}}},
        {"data": event["data"] | {"durations": {"talk_seconds": "5"}}},
        {"data": {name: member for name, member in event["data"].items() if name != "vendor"}},
    ):
        yield event | change


@pytest.mark.parametrize("event", spoiled())
def test_the_schema_of_events_refuses(event):
    """By itself: it leads to the schema of the data."""
    assert not VALIDATORS[ENVELOPE].is_valid(event)


@pytest.mark.parametrize("event", spoiled())
def test_schemas_refuse(event):
    with pytest.raises(Exception) as refusal:
        validate(event)
    assert type(refusal.value).__name__ == "ValidationError"
