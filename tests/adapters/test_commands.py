"""The schemas of commands, results and the journal: samples of every type pass, spoiled ones do not."""

import copy
import json
import pathlib

import pytest
from schemas import SCHEMAS, VALIDATORS, branches

HERE = pathlib.Path(__file__).resolve().parent
COMMAND = "urn:trunkline:schema:command:v1"
RESULT = "urn:trunkline:schema:command.result:v1"
JOURNAL = "urn:trunkline:schema:journal:v1"
TIME = "2021-05-08T06:39:49.000+00:00"


def is_valid(urn, sample):
    return VALIDATORS[urn].is_valid(sample)


# --- commands


def commands_of(path):
    """A file with the request that a vendor is to get tells the command, or several, that it comes of."""
    case = json.loads(path.read_text())
    return case.get("commands") or [case["command"]]


REQUESTS = {f"{path.parent.name}/{path.stem}/{i}": command for path in sorted((HERE / "requests").glob("*/*.json")) for i, command in enumerate(commands_of(path))}


def control(name, **members):
    return {"id": "c-1", "type": f"io.trunkline.command.{name}.v1", "account": "7moor"} | members


CONTROLS = [
    control("command.cancel", data={"command": "c-0"}),
    control("account.hold"),
    control("account.hold", data={}),
    control("account.resume", priority="control", expirytime="2026-03-01T12:00:00Z"),
]
DIAL = {"id": "c-1", "type": "io.trunkline.command.call.dial.v1", "account": "7moor", "data": {"agent": "8000", "callee": "13800138000"}}


@pytest.mark.parametrize("command", REQUESTS.values(), ids=REQUESTS.keys())
def test_the_commands_of_the_golden_requests(command):
    VALIDATORS[COMMAND].validate(command)
    VALIDATORS[branches(COMMAND)[command["type"]]].validate(command["data"])


@pytest.mark.parametrize("command", CONTROLS)
def test_control_commands(command):
    VALIDATORS[COMMAND].validate(command)


def test_every_command_type_has_a_sample():
    assert {command["type"] for command in [*REQUESTS.values(), *CONTROLS]} == set(branches(COMMAND))


@pytest.mark.parametrize("command_type, urn", sorted(branches(COMMAND).items()))
def test_the_schema_of_a_type_is_named_by_it(command_type, urn):
    name = command_type.removeprefix("io.trunkline.").removesuffix(".v1")
    assert urn == f"urn:trunkline:schema:{name}:v1"
    assert SCHEMAS[urn]["title"] == command_type


def test_cloudevents_may_have_extensions_and_bare_commands_may_not():
    event = DIAL | {"specversion": "1.0", "source": "/crm", "campaign": 7, "datacontenttype": "application/json"}
    VALIDATORS[COMMAND].validate(event)
    assert not is_valid(COMMAND, event | {"specversion": "0.3"})
    assert not is_valid(COMMAND, event | {"data_base64": "e30="})
    assert not is_valid(COMMAND, event | {"datacontenttype": "text/plain"})
    assert not is_valid(COMMAND, DIAL | {"campaign": 7})


@pytest.mark.parametrize(
    "change",
    [
        {"id": ""},
        {"id": 7},
        {"id": "a\nb"},
        {"account": "x" * 257},
        {"type": "call.dial"},
        {"type": "io.trunkline.command.call.dial.v2"},
        {"priority": "urgent"},
        {"expirytime": "2026-03-01T12:00:00"},
        {"expirytime": 1772337600},
        {"notbefore": "soon"},
        {"data": []},
        {"data": {}},
        {"data": {"agent": "8000"}},
        {"data": {"agent": 8000, "callee": "1"}},
        {"data": {"agent": "8000", "callee": "1", "robot": "r", "line": "l"}},
        {"data": {"agent": "8000", "callee": "1", "options": {"groupRule": "1"}}},
        {"data": {"agent": "8000", "callee": "1", "options": {"agentTimeout": 30}}},
        {"data": {"agent": "8000", "callee": "1", "options": {"surprise": 1}}},
        control("account.hold", data={"for": 1}),
        control("account.hold", notbefore="2026-03-01T12:00:00Z"),
        control("command.cancel"),
        control("command.cancel", data={"command": 7}),
        control("call.records.query", data={"from": "2026-03-01T12:00:00Z"}),
        control("call.bridge", data={"caller": "1", "caller_display_number": "", "callee": "2", "callee_kind": "number"}),
        control("task.add", data={"task": "1", "columns": ["a"], "rows": [["x"]] * 51}),
        control("airudder.request", data={"path": "/service/cloud/other"}),
    ],
)
def test_the_schema_of_commands_refuses(change):
    assert not is_valid(COMMAND, DIAL | change)


@pytest.mark.parametrize("name", ["id", "type", "account", "data"])
def test_what_a_dial_must_have(name):
    assert not is_valid(COMMAND, {member: value for member, value in DIAL.items() if member != name})


# --- results


def result(status, **members):
    return {
        "specversion": "1.0",
        "id": f"7moor/c-1/{status}",
        "source": "/trunkline/egress",
        "type": f"io.trunkline.command.{status}.v1",
        "subject": "c-1",
        "time": TIME,
        "dataschema": f"urn:trunkline:schema:command.{status}:v1",
        "partitionkey": "7moor/c-1",
        "vendor": "7moor",
        "account": "7moor",
        "correlationid": "c-1",
        "datacontenttype": "application/json",
        "data": {"command": "c-1", "command_type": "io.trunkline.command.call.dial.v1", "account": "7moor", "status": status, "attempts": 1} | members,
    }


RESULTS = {
    "accepted": result("accepted", queue={"ahead": 3, "expected_start": TIME}, times={"received": TIME}),
    "dispatched": result("dispatched", times={"received": TIME, "dispatched": TIME}),
    "succeeded": result("succeeded", code="ok", vendor_code="200", vendor_message="成功", item_id="9007199254740993", correlated=False, answer={"success": True}),
    "failed": result("failed", code="id_conflict", reason="the id was used for another command"),
    "expired": result("expired"),
    "cancelled": result("cancelled"),
    "unknown": result("unknown", code="timeout", answer_omitted=600000),
    "late_answer": result("late_answer", code="ok", answer=[1]),
}


@pytest.mark.parametrize("status", RESULTS)
def test_results(status):
    VALIDATORS[RESULT].validate(RESULTS[status])
    VALIDATORS[RESULTS[status]["dataschema"]].validate(RESULTS[status]["data"])


def test_every_result_type_has_a_sample():
    assert {sample["type"]: sample["dataschema"] for sample in RESULTS.values()} == branches(RESULT)


def test_no_type_is_a_command_and_a_result():
    assert set(branches(COMMAND)) & set(branches(RESULT)) == set()


def test_the_result_that_the_reader_is_fuzzed_with():
    sample = json.loads((HERE.parent / "fuzz" / "corpus" / "command" / "result").read_text())
    del sample["data"]["answer_omitted"]
    VALIDATORS[RESULT].validate(sample)


@pytest.mark.parametrize(
    "members, attributes",
    [
        ({"status": "succeeded"}, {}),
        ({"code": "Not a word"}, {}),
        ({"attempts": -1}, {}),
        ({"attempts": "1"}, {}),
        ({"reason": ""}, {}),
        ({"correlated": True}, {}),
        ({"queue": {}}, {}),
        ({"times": {"sent": TIME}}, {}),
        ({"times": {"received": "2021-05-08 06:39:49"}}, {}),
        ({"answer": 1, "answer_omitted": 1}, {}),
        ({"command_type": "call.dial"}, {}),
        ({"surprise": 1}, {}),
        ({}, {"type": "io.trunkline.command.cancelled.v1"}),
        ({}, {"dataschema": "urn:trunkline:schema:command.cancelled:v1"}),
        ({}, {"source": "/trunkline/7moor"}),
        ({}, {"surprise": 1}),
        ({}, {"time": None}),
    ],
)
def test_the_schema_of_results_refuses(members, attributes):
    sample = result("expired")
    assert is_valid(RESULT, sample)
    assert not is_valid(RESULT, sample | {"data": sample["data"] | members} | attributes)


# --- the journal

COMMANDS = [{"id": "c-1", "offset": 17, "content_hash": "0123456789abcdef" * 2}]
ENTRIES = [
    {"v": 1, "kind": "takeover", "partitions": 12, "owner": "egress-0"},
    {"v": 1, "kind": "dispatched", "account": "7moor", "attempt": "4711.1", "operation": "call.dial", "commands": COMMANDS, "tries": 1},
    {"v": 1, "kind": "dispatched", "account": "yeta", "attempt": "0.18446744073709551615", "commands": [], "tries": 1},
    {"v": 1, "kind": "returned", "account": "7moor", "attempt": "4711.1"},
    {"v": 1, "kind": "answered", "account": "7moor", "attempt": "4711.1", "cool_ms": 60500},
    {"v": 1, "kind": "answered", "account": "7moor", "attempt": "4711.1", "cool_ms": 60500, "closed_ms": 60000},
    {"v": 1, "kind": "done", "account": "7moor", "commands": COMMANDS, "status": "cancelled", "result": RESULTS["cancelled"]},
    {"v": 1, "kind": "done", "account": "7moor", "commands": COMMANDS, "status": "succeeded", "target": "c-0"},
    {"v": 1, "kind": "repeated", "offset": 18},
    {"v": 1, "kind": "accepted", "offset": 18},
    {"v": 1, "kind": "hold", "account": "7moor"},
    {"v": 1, "kind": "resume", "account": "7moor"},
]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["kind"])
def test_journal_entries(entry):
    VALIDATORS[JOURNAL].validate(entry)
    for member in set(entry) - {"operation", "closed_ms", "result", "target"}:
        assert not is_valid(JOURNAL, {name: value for name, value in entry.items() if name != member}), member
    assert not is_valid(JOURNAL, entry | {"v": 2})
    assert not is_valid(JOURNAL, entry | {"surprise": 1})


def test_every_kind_of_entry_has_a_sample():
    assert {entry["kind"] for entry in ENTRIES} == {branch["properties"]["kind"]["const"] for branch in SCHEMAS[JOURNAL]["oneOf"]}


def test_the_journal_holds_no_reply_of_a_vendor():
    entry = copy.deepcopy(next(entry for entry in ENTRIES if "result" in entry))
    entry["result"]["data"]["answer"] = {"success": True}
    assert not is_valid(JOURNAL, entry)
