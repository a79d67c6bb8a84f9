"""schemas/asyncapi.yaml: every reference leads somewhere, and it tells all topics and all messages that there are."""

import json
import pathlib
import re

import pytest
import yaml
from jsonschema import Draft202012Validator, RefResolver
from jsonschema.exceptions import RefResolutionError
from schemas import ROOT, SCHEMAS, branches, refuse

PATH = ROOT / "schemas" / "asyncapi.yaml"
DOCUMENT = yaml.safe_load(PATH.read_text())
MESSAGES = DOCUMENT["components"]["messages"]
FILES = {path.as_uri(): json.loads(path.read_text()) for path in ROOT.glob("schemas/*.json")}
EVENTS, COMMANDS, RESULTS = (branches(f"urn:trunkline:schema:{name}:v1") for name in ("event", "command", "command.result"))
TYPES = EVENTS | COMMANDS | RESULTS
BYTES = {"deadletter", "raw"}  # messages whose value is none of ours


def resolver(base, referrer):
    """Knows the document and our schemas, by their files and by their $id, and nothing else."""
    handlers = {scheme: refuse for scheme in ("http", "https", "urn", "file")}
    return RefResolver(base, referrer, store=FILES | SCHEMAS | {PATH.as_uri(): DOCUMENT}, handlers=handlers)


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


def name(message_type):
    return message_type.removeprefix("io.trunkline.").removesuffix(".v1")


def pointed_to(reference, prefix):
    assert reference.startswith(prefix), reference
    return reference.removeprefix(prefix)


def resolves(base, document, reference):
    try:
        resolver(base, document).resolve(reference)
    except RefResolutionError:
        return False
    return True


@pytest.mark.parametrize("base, document", [(PATH.as_uri(), DOCUMENT), *FILES.items()], ids=lambda value: value.rsplit("/", 1)[-1] if isinstance(value, str) else "")
def test_every_reference_leads_somewhere(base, document):
    assert [reference for reference in references(document) if not resolves(base, document, reference)] == []


@pytest.mark.parametrize("reference", ["#/components/messages/nothing", "./nothing.v1.json", "urn:trunkline:schema:nothing:v1"])
def test_a_reference_to_nothing_is_seen(reference):
    assert not resolves(PATH.as_uri(), DOCUMENT, reference)


def test_every_type_has_its_message():
    assert {message["name"] for message in MESSAGES.values() if "name" in message} == set(TYPES)
    assert set(MESSAGES) == {name(message_type) for message_type in TYPES} | BYTES | {"journal"}


@pytest.mark.parametrize("message_type, data", sorted(TYPES.items()))
def test_a_message_has_the_schemas_of_its_type(message_type, data):
    message = MESSAGES[name(message_type)]
    schema = message["payload"]["schema"]
    envelope = "event" if message_type in EVENTS else "command" if message_type in COMMANDS else "command.result"
    assert message["name"] == message_type
    assert schema["properties"]["type"] == {"const": message_type}
    resolved = [resolver(PATH.as_uri(), DOCUMENT).resolve(reference)[1]["$id"] for reference in references(schema)]
    assert resolved == [f"urn:trunkline:schema:{envelope}:v1", data]


def test_every_message_stands_in_one_channel():
    placed = [pointed_to(message["$ref"], "#/components/messages/") for channel in DOCUMENT["channels"].values() for message in channel["messages"].values()]
    assert sorted(placed) == sorted(MESSAGES)


@pytest.mark.parametrize("channel, types", [("commands", COMMANDS), ("results", RESULTS)])
def test_a_channel_has_its_kind_of_messages(channel, types):
    assert set(DOCUMENT["channels"][channel]["messages"]) == {name(message_type) for message_type in types}


def test_every_channel_is_operated():
    operated = {pointed_to(operation["channel"]["$ref"], "#/channels/") for operation in DOCUMENT["operations"].values()}
    assert operated == set(DOCUMENT["channels"])
    assert DOCUMENT["operations"]["carryOut"]["reply"]["channel"] == {"$ref": "#/channels/results"}


def test_channels_are_the_topics_of_the_configuration():
    """The dialog's topics are made already, and nothing is written to them yet."""
    rows = re.findall(r"^\| `topics\.(\w+)` \| text \| `([\w.]+)` \|", (ROOT / "docs" / "configuration.md").read_text(), re.M)
    assert len(rows) == 12
    assert sorted(channel["address"] for channel in DOCUMENT["channels"].values()) == sorted(topic for role, topic in rows if not role.startswith("dialog"))


def test_the_version_is_the_programs():
    (version,) = re.findall(r"^project\(trunkline VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text(), re.M)
    assert DOCUMENT["info"]["version"] == version and DOCUMENT["asyncapi"] == "3.0.0"


def accepting(sample):
    """Names of the messages whose payload the sample can be."""
    schemas = {key: message["payload"]["schema"] for key, message in MESSAGES.items() if "payload" in message}
    ours = resolver(PATH.as_uri(), DOCUMENT)
    return {key for key, schema in schemas.items() if Draft202012Validator(schema, resolver=ours).is_valid(sample)}


def samples():
    golden = pathlib.Path(__file__).resolve().parent
    yield next(event for path in sorted((golden / "golden").glob("7moor/*.events.json")) for event in json.loads(path.read_text()) if event["type"] == "io.trunkline.call.ended.v1")
    yield {"id": "c-1", "type": "io.trunkline.command.call.dial.v1", "account": "7moor", "data": {"agent": "8000", "callee": "13800138000"}}


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: name(sample["type"]))
def test_a_sample_is_that_message_and_no_other(sample):
    assert accepting(sample) == {name(sample["type"])}
