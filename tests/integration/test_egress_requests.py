"""Requests end to end: each golden one is ordered through Kafka, and the vendor gets it as the file has it."""

import base64
import datetime
import hashlib
import hmac
import json
import pathlib
import re
import sys

import pytest

from gateway import TOPICS
from stand_in import StandIn
from waiting import wait_until

ADAPTER_TESTS = pathlib.Path(__file__).resolve().parents[1] / "adapters"
sys.path.insert(0, str(ADAPTER_TESTS))

from schemas import VALIDATORS  # noqa: E402

OURS = {"host", "user-agent", "content-length", "accept"}  # headers of HTTP itself
CHINA = datetime.timezone(datetime.timedelta(hours=8))
MINUTE_NS = 60_000_000_000


def golden(vendor):
    """Name -> case, in the order of the vendor's document."""
    paths = (ADAPTER_TESTS / "requests" / vendor).glob("*.json")
    number = lambda path: [int(part) for part in re.findall(r"\d+", path.name.partition("-")[0])]  # noqa: E731
    return {path.stem: json.loads(path.read_text()) for path in sorted(paths, key=number)}


def replaced(value, texts):
    """The value with whole texts in it exchanged."""
    if isinstance(value, dict):
        return {name: replaced(member, texts) for name, member in value.items()}
    if isinstance(value, list):
        return [replaced(element, texts) for element in value]
    return texts.get(value, value) if isinstance(value, str) else value


def commands_of(case):
    return case.get("commands") or [case["command"]]


def own_ids(name, case):
    """The case with ids that no other file has."""
    ids = {command["id"] for command in commands_of(case)}
    return replaced(case, {id: f"{name.partition('-')[0]}-{id}" for id in ids})


def produce(commands, case):
    for command in commands_of(case):
        commands.produce(json.dumps(command, ensure_ascii=False).encode(), command["account"].encode())
    commands.flush()
    return [command["id"] for command in commands_of(case)]


def assert_results(results, case, vendor_code, answer, fields=()):
    """Its commands have succeeded, and all their results are what the schemas say."""
    for index, command in enumerate(commands_of(case)):
        data = results.final(command["id"])
        assert results.statuses(command["id"]) == ["accepted", "dispatched", "succeeded"], data
        assert (data["code"], data["vendor_code"], data["attempts"]) == ("ok", vendor_code, 1)
        assert data["answer"] == answer
        times = [data["times"][name] for name in ("received", "dispatched", "answered")]
        assert times == sorted(times)
        for name, values in dict(fields).items():
            assert data[name] == values[index]
        for event in results[command["id"]]:
            VALIDATORS["urn:trunkline:schema:command.result:v1"].validate(event)
            VALIDATORS[event["dataschema"]].validate(event["data"])
            assert event["data"]["command_type"] == command["type"] and event["account"] == command["account"]


def assert_request(call, expected, target):
    """Method, path, the names of the headers and the body's JSON."""
    assert (call.method, call.target) == (expected["method"], target)
    assert set(call.headers) - OURS == set(expected["headers"])
    assert call.body == expected["body"]
    assert call.headers["content-type"].startswith("application/json")


def assert_journal(kafka, prefix):
    """Every entry is what the schema says; by kind."""
    entries = [json.loads(record.value) for record in kafka.read(prefix + TOPICS["journal"])]
    for entry in entries:
        VALIDATORS["urn:trunkline:schema:journal:v1"].validate(entry)
    return [entry["kind"] for entry in entries]


def test_every_operation_of_7moor(kafka, prefix, start_simulator, start_egress, commands, results):
    moor = start_simulator("7moor", limit=0)
    worker = start_egress([{
        "name": "7moor", "adapter": "7moor", "url": moor.url, "limit": {"requests": 0},
        "settings": {"appkey": moor.key, "secret": moor.secret},
    }])
    cases = {name: own_ids(name, case) for name, case in golden("7moor").items()}
    assert len(cases) == 18
    for case in cases.values():
        produce(commands, case)
    results.wait_for_finals(command["id"] for case in cases.values() for command in commands_of(case))
    calls = moor.calls()
    assert len(calls) == len(cases) and worker.metric("trunkline_command_results_total", status="succeeded") == 18
    for name, case in cases.items():
        (call,) = [call for call in calls if call.path == case["request"]["path"]]
        assert_request(call, case["request"], case["request"]["path"])
        told = {header: value for header, value in call.answer.items() if header != "requestInfo"}
        assert_results(results, case, "200", told)
        assert_signed(call, moor)
    assert len({call.headers["m7-nonce"] for call in calls}) > 1
    kinds = assert_journal(kafka, prefix)
    assert [kinds.count(kind) for kind in ("dispatched", "answered", "done")] == [18, 18, 18]


def assert_signed(call, moor):
    """As the vendor's page on signatures says, computed here by itself."""
    key, time, nonce = (call.headers[f"m7-{name}"] for name in ("appkey", "timestamp", "nonce"))
    assert key == moor.key and re.fullmatch(r"\d{10}", time) and re.fullmatch(r"\d{6}", nonce)
    assert abs(int(time) * 1_000_000_000 - call.wall_ns) < MINUTE_NS
    digest = hmac.new(moor.secret.encode(), (key + time + nonce).encode(), hashlib.sha256).digest()
    assert call.headers["m7-sign"] == base64.b64encode(digest).decode()


def test_every_operation_of_yeta(kafka, prefix, start_simulator, start_egress, commands, results):
    yeta = start_simulator("yeta")
    worker = start_egress([yeta])
    yesterday = (datetime.datetime.now(CHINA) - datetime.timedelta(days=1)).strftime("%Y-%m-%d")
    cases = {name: own_ids(name, case) for name, case in golden("yeta").items()}
    assert len(cases) == 9
    texts = {"2018-12-10": yesterday}
    for name, case in cases.items():
        case = replaced(case, texts)
        ids = order_together(commands, results, case) if "commands" in case else produce(commands, case)
        results.wait_for_finals(ids)
        token, *calls = yeta.calls()
        call = calls[-1]
        expected = case["request"]
        assert_request(call, expected, expected["path"].replace(case["token"], token.answer["result"]["token"]))
        assert_results(results, case, "0", call.answer, item_ids_of(call))
        if name.endswith("task.create"):
            texts["129"] = call.answer["result"]["task_id"]
    assert token.operation == "token" and token.body == {"app_key": yeta.key, "app_secret": yeta.secret}
    assert len(calls) == len(cases) and worker.metric("trunkline_token_refreshes_total") == 1
    kinds = assert_journal(kafka, prefix)
    assert kinds.count("dispatched") == kinds.count("answered") == 10  # the token's request among them


def item_ids_of(call):
    """What each row of a callout is called; a number that no double holds comes as text."""
    if call.operation != "callout":
        return {}
    return {"item_id": [str(number) for number in call.answer["result"]["task_data_ids"]]}


def order_together(commands, results, case):
    """While the account is held, so that they go in one request."""
    account = commands_of(case)[0]["account"]
    results.final(commands.submit(account, "account.hold"))
    ids = produce(commands, case)
    for id in ids:
        results.wait_for(id, "accepted")
    assert not any(results.finals(id) for id in ids)
    commands.submit(account, "account.resume")
    return ids


def test_every_request_of_airudder(kafka, prefix, start_egress, commands, results):
    """There is no simulator of this vendor: its token's path and the paths that may be asked are served here."""
    token = "3Ksb9EkFDQHBhAbv+Q/aQ=="
    answers = {
        "/service/cloud/auth": {"data": {"token": token}, "status": "OK", "code": 200},
        None: {"data": {"TaskID": "t-1"}, "status": "OK", "code": 200},
    }
    with StandIn(answers) as airudder:
        worker = start_egress([{"name": "airudder", "adapter": "airudder", "url": airudder.url,
                                "settings": {"app_key": "key-of-airudder", "app_secret": "secret-of-airudder"}}])
        cases = {name: own_ids(name, case) for name, case in golden_airudder().items()}
        assert len(cases) == 3
        for case in cases.values():
            results.wait_for_finals(produce(commands, case))
        (_, target, _, asked), *calls = airudder.calls
        assert target == "/service/cloud/auth"
        assert json.loads(asked) == {"APPKey": "key-of-airudder", "APPSecret": "secret-of-airudder"}
        for case, (method, target, headers, body) in zip(cases.values(), calls, strict=True):
            expected = case["request"]
            assert (method, target) == (expected["method"], expected["path"])
            assert set(headers) - OURS == set(expected["headers"]) and headers["authorization"] == "Token " + token
            assert (json.loads(body) if body else None) == expected.get("body")
            assert_results(results, case, "200", answers[None])
        assert token not in worker.log_text()
        assert token.encode() not in b"".join(record.value for record in kafka.read(prefix + TOPICS["journal"]))


def golden_airudder():
    return {path.stem: json.loads(path.read_text()) for path in sorted((ADAPTER_TESTS / "requests/airudder").glob("*"))}


@pytest.mark.parametrize("vendor, path", [("7moor", "dialOut"), ("yeta", "callout")])
def test_the_events_of_a_call_tell_its_command(
    kafka, prefix, start_gateway, start_simulator, start_egress, commands, results, vendor, path
):
    gateway = start_gateway({"gateway": {"workers": 1}})
    simulator = start_simulator(vendor, push_url=f"{gateway.url}/callbacks/{vendor}", push_step_ms=1)
    start_egress([simulator])
    data = {
        "7moor": {"agent": "6000", "callee": "17319132391", "extras": {"mine": 1}},
        "yeta": {"callee": "19900000001", "robot": "719", "line": "69101338"},
    }
    id = commands.submit(vendor, "call.dial", data[vendor])
    result = results.final(id)
    assert result["status"] == "succeeded" and len(simulator.calls(path)) == 1
    assert "correlated" not in result
    if vendor == "7moor":
        events = await_events(kafka, prefix, lambda event: event.get("correlationid") == id, 4)
        types = [event["type"].removeprefix("io.trunkline.").removesuffix(".v1") for event in events]
        assert types == ["call.ringing", "call.answered", "call.ended", "call.recorded"]
        assert all(event["data"]["extras"] == {"mine": 1} for event in events if "extras" in event["data"])
        assert simulator.calls(path)[0].body["extras"] == {"mine": 1, "_tl": id}
    else:
        of_row = lambda event: event["data"].get("task", {}).get("item_id") == result["item_id"]  # noqa: E731
        assert await_events(kafka, prefix, of_row, 1)


def await_events(kafka, prefix, fits, count):
    """At least so many, from the topic of call events."""
    def found():
        records = kafka.read(prefix + TOPICS["call_events"])
        events = [event for event in (json.loads(record.value) for record in records) if fits(event)]
        return events if len(events) >= count else None

    return wait_until(found, 30, f"{count} events", 0.2)
