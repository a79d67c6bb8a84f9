"""What vendors and networks do to a request, and what becomes of its command: the code, whether the vendor may have
acted, whether it is asked again. A dial is never made twice; what is safe to repeat is repeated."""

import os
import re
import socket
import time

import pytest

from commands import dial, dial_yeta
from egress import account
from stand_in import Authority, StandIn
from waiting import wait_until

LONG = os.environ.get("TRUNKLINE_TEST_LONG") == "1"
WINDOW = 10 if LONG else 2  # seconds; of those accounts that have a limit here

# What the simulator does, and then of a dial: its vendor_code, status, code, and whether it came to the vendor's door.
CUTS = {
    "close": ({"answer": "close"}, None, "unknown", "timeout", True),
    "half": ({"answer": "half"}, None, "unknown", "internal", True),
    "never": ({"answer": "never"}, None, "unknown", "timeout", True),
    "refuse": ({"answer": "refuse"}, None, "unknown", "timeout", False),
    "garbage": ({"answer": "garbage"}, None, "unknown", "internal", True),
    "html": ({"answer": "html"}, None, "unknown", "internal", True),
    "empty": ({"answer": "empty"}, None, "unknown", "internal", True),
    "huge": ({"answer": "huge"}, None, "unknown", "internal", True),
    "deep": ({"answer": "deep"}, None, "unknown", "internal", True),
    "slow": ({"delay_ms": 60000}, None, "unknown", "timeout", True),
    "500": ({"status": 500, "act": True}, "http_500", "unknown", "internal", True),
    "503": ({"status": 503}, "http_503", "unknown", "internal", True),
    "redirect": ({"status": 302}, "http_302", "unknown", "internal", True),
    "50007": ({"code": "50007"}, "50007", "unknown", "unavailable", True),
    "6700": ({"code": "6700"}, "6700", "unknown", "unavailable", True),
    "6728": ({"code": "6728"}, "6728", "unknown", "refused", True),
    "77777": ({"code": "77777"}, "77777", "unknown", "internal", True),
}
REFUSALS = {
    "50002": "credentials", "50016": "credentials", "6717": "credentials", "50001": "internal", "40000": "invalid",
    "6725": "invalid", "6701": "refused", "2020": "refused", "6712": "busy",
}
# Of those above, what is no refusal that stays one, and is not answered so late that it makes this test slow.
REPEATED = ["close", "half", "never", "refuse", "garbage", "html", "empty", "huge", "deep", "500", "503", "50007",
            "6700", "77777"]


def agent_of(name):
    return "7" + str(sorted([*CUTS, *REFUSALS]).index(name)).zfill(3)


def behave_for(simulator, name, behaviour, **more):
    simulator.behave(body=f'"agentNumber":"{agent_of(name)}"', **behaviour, **more)


def calls_of(simulator, name):
    return [call for call in simulator.calls() if call.body["agentNumber"] == agent_of(name)]


def unlimited(simulator, **changes):
    return account(simulator, limit={"requests": 0}, connect_seconds=2, timeout_seconds=3, **changes)


def test_a_dial_is_never_made_twice(start_simulator, start_egress, commands, results):
    moor = start_simulator("7moor", limit=0)
    worker = start_egress([unlimited(moor)])
    for name, (behaviour, *_) in CUTS.items():
        behave_for(moor, name, behaviour)
    for code in REFUSALS:
        behave_for(moor, code, {"code": code})
    ids = {name: commands.add("7moor", "call.dial", dial(agent=agent_of(name))) for name in [*CUTS, *REFUSALS]}
    commands.flush()
    finals = results.assert_one_final_each(ids.values())
    for name, (_, vendor_code, status, code, comes) in CUTS.items():
        data, calls = finals[ids[name]], calls_of(moor, name)
        told = (data["status"], data["code"], data["attempts"], len(calls))
        assert told == (status, code, 1, int(comes)), f"{name}: {data}"
        assert data.get("vendor_code") == vendor_code, data
        assert {"reason", "vendor_message", "vendor_code"} & set(data), f"{name} says nothing of why: {data}"
    for name, code in REFUSALS.items():
        data, calls = finals[ids[name]], calls_of(moor, name)
        told = (data["status"], data["code"], data["vendor_code"], data["attempts"], len(calls))
        assert told == ("failed", code, name, 1, 1), data
    for code in {row[3] for row in CUTS.values()} | set(REFUSALS.values()):
        expected = [row[3] for row in CUTS.values()].count(code) + list(REFUSALS.values()).count(code)
        assert worker.metric("trunkline_vendor_requests_total", vendor="7moor", code=code) == expected, code
    assert worker.metric("trunkline_command_results_total", status="unknown") == len(CUTS)
    assert worker.metric("trunkline_command_results_total", status="failed") == len(REFUSALS)
    assert worker.metric("trunkline_commands_unfinished") == worker.metric("trunkline_vendor_calls") == 0


def test_what_is_safe_to_repeat_is_repeated(start_simulator, start_egress, commands, results):
    moor = start_simulator("7moor", limit=0)
    start_egress([unlimited(moor)])
    for name in REPEATED:
        behave_for(moor, name, CUTS[name][0], next=1)
    ids = {name: commands.add("7moor", "agent.busy", {"agent": agent_of(name)}) for name in REPEATED}
    commands.flush()
    finals = results.assert_one_final_each(ids.values())
    for name in REPEATED:
        data, calls = finals[ids[name]], calls_of(moor, name)
        assert (data["status"], data["code"], data["attempts"]) == ("succeeded", "ok", 2), f"{name}: {data}"
        assert len(calls) == (2 if CUTS[name][4] else 1), name
        assert results.statuses(ids[name]) == ["accepted", "dispatched", "dispatched", "succeeded"]
        nonces = {call.headers["m7-nonce"] for call in calls}
        signs = {call.headers["m7-sign"] for call in calls}
        assert len(nonces) == len(signs) == len(calls)


def test_a_stale_signature_is_made_anew_once(start_simulator, start_egress, commands, results):
    moor = start_simulator("7moor", limit=0)
    start_egress([unlimited(moor)])
    moor.behave(next=1, code="50014")
    id = commands.submit("7moor", "call.dial", dial())
    data = results.final(id)
    assert (data["status"], data["attempts"]) == ("succeeded", 2)
    first, second = moor.calls()
    assert first.headers["m7-sign"] != second.headers["m7-sign"] and first.body == second.body
    moor.behave(code="50014")
    data = results.final(commands.submit("7moor", "call.dial", dial()))
    told = (data["status"], data["code"], data["vendor_code"], data["attempts"])
    assert told == ("failed", "credentials", "50014", 2)
    assert len(moor.calls()) == 4


@pytest.mark.parametrize("behaviour, least", [
    ({"code": "50010"}, WINDOW), ({"code": "50020"}, WINDOW), ({"status": 429}, WINDOW),
    ({"status": 429, "retry_after": 2 * WINDOW}, 2 * WINDOW),
])
def test_a_spent_limit_closes_the_account(start_simulator, start_egress, commands, results, behaviour, least):
    moor = start_simulator("7moor", limit=0)
    limit = {"requests": 20, "window_seconds": WINDOW, "straggler_seconds": 0}
    worker = start_egress([unlimited(moor) | {"limit": limit}])
    moor.behave(path="dialOut", next=1, **behaviour)
    first = commands.submit("7moor", "call.dial", dial())
    wait_until(lambda: worker.metric("trunkline_limit_refusals_total") == 1, 20, "the refusal")
    assert worker.metric("trunkline_accounts_closed") == 1
    second = commands.submit("7moor", "agent.busy", {"agent": "6000"})  # anything else waits as well
    data = results.final(first)
    assert (data["status"], data["attempts"]) == ("succeeded", 2)
    assert results.final(second)["status"] == "succeeded"
    refused, *later = moor.calls()
    assert len(later) == 2 and min(call.door_ns for call in later) - refused.door_ns >= least * 1_000_000_000
    assert worker.metric("trunkline_limit_refusals_total") == 1
    wait_until(lambda: worker.metric("trunkline_accounts_closed") == 0, 20, "the account to be open")


def test_an_account_without_a_limit_of_ours_is_closed_as_well(start_simulator, start_egress, commands, results):
    yeta = start_simulator("yeta")
    worker = start_egress([yeta])
    yeta.behave(path="callout", next=1, status=429, retry_after=2)
    data = results.final(commands.submit("yeta", "call.dial", dial_yeta()))
    assert (data["status"], data["attempts"]) == ("succeeded", 2)
    refused, made = yeta.calls("callout")
    assert made.door_ns - refused.door_ns >= 2_000_000_000
    assert worker.metric("trunkline_limit_refusals_total") == 1


def test_what_yeta_answers(start_simulator, start_egress, commands, results):
    yeta = start_simulator("yeta")
    start_egress([account(yeta, connect_seconds=2, timeout_seconds=3, concurrency=30)])
    results.final(commands.submit("yeta", "account.resources.query"))  # there is a token now
    cases = {
        "close": ({"answer": "close"}, "unknown", "timeout"), "half": ({"answer": "half"}, "unknown", "internal"),
        "html": ({"answer": "html"}, "unknown", "internal"), "500": ({"status": 500}, "unknown", "internal"),
        "77777": ({"code": "77777"}, "unknown", "internal"), "10002": ({"code": "10002"}, "failed", "credentials"),
        "10005": ({"code": "10005"}, "failed", "invalid"), "10021": ({"code": "10021"}, "failed", "refused"),
        "200209": ({"code": "200209"}, "failed", "refused"), "3030002": ({"code": "3030002"}, "failed", "busy"),
        "200203": ({"code": "200203"}, "failed", "invalid"),
    }
    lines = {name: str(1000 + number) for number, name in enumerate(cases)}
    for name, (behaviour, *_) in cases.items():
        yeta.behave(body=f'"line_num":"{lines[name]}"', **behaviour)
    ids = {name: commands.add("yeta", "call.dial", dial_yeta(line=lines[name])) for name in cases}
    yeta.behave(path="callout", body='"line_num":"2000"', next=2, code="10004")
    ids["10004"] = commands.add("yeta", "call.dial", dial_yeta(line="2000"))
    commands.flush()
    finals = results.assert_one_final_each(ids.values())
    for name, (_, status, code) in cases.items():
        data = finals[ids[name]]
        assert (data["status"], data["code"], data["attempts"]) == (status, code, 1), f"{name}: {data}"
        assert len([call for call in yeta.calls("callout") if call.body["line_num"] == lines[name]]) == 1
    assert (finals[ids["10004"]]["status"], finals[ids["10004"]]["attempts"]) == ("succeeded", 3)
    assert len([call for call in yeta.acted("callout") if call.body["line_num"] == "2000"]) == 1


# Provably not sent.

def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def closed_account(url, name="7moor", **changes):
    settings = {"appkey": "2000103", "secret": "simulated-secret"}
    return {"name": name, "adapter": "7moor", "url": url, "settings": settings, "limit": {"requests": 0},
            "connect_seconds": 2, "timeout_seconds": 3, **changes}


def rfc3339(seconds_from_now):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds_from_now))


def assert_expired_unsent(data):
    assert (data["status"], data["attempts"]) == ("expired", 0), data


def test_a_vendor_that_is_down_gets_the_dial_when_it_is_up(start_simulator, start_egress, commands, results):
    port = free_port()
    worker = start_egress([closed_account(f"http://127.0.0.1:{port}"),
                           closed_account("http://nobody.invalid", "nowhere",
                                          settings={"appkey": "2", "secret": "another"})])
    dials = [commands.submit("7moor", "call.dial", dial()) for _ in range(2)]
    hopeless = [commands.submit(name, "call.dial", dial(), expirytime=rfc3339(4)) for name in ("7moor", "nowhere")]
    for id in hopeless:
        assert_expired_unsent(results.final(id))
        assert results.statuses(id).count("dispatched") >= 2  # it was tried, and tried again
    failed = [line for line in worker.log("call_failed") if line["account"] in ("7moor", "nowhere")]
    assert {line["end"] for line in failed} == {"not_sent"} and {line["code"] for line in failed} == {"unavailable"}
    moor = start_simulator("7moor", limit=0, port=port)
    for data in results.assert_one_final_each(dials).values():
        assert (data["status"], data["attempts"]) == ("succeeded", 1), data
    assert len(moor.calls()) == 2
    assert worker.metric("trunkline_vendor_requests_total", code="unavailable") == len(worker.log("call_failed"))


def test_a_vendor_with_a_wrong_certificate_gets_nothing(tmp_path, start_egress, commands, results):
    ours, others = (Authority(directory) for directory in (tmp_path / "ours", tmp_path / "others"))
    taken = {"success": True, "code": "200", "message": "requestSuccess", "data": {"code": 200}}
    certificates = {
        "good": ours.certificate(address="127.0.0.1"), "stranger": others.certificate(address="127.0.0.1"),
        "host": ours.certificate(host="other.example"), "old": ours.certificate(address="127.0.0.1", days=-1),
    }
    servers = {name: StandIn({None: taken}, certificate) for name, certificate in certificates.items()}
    accounts = [closed_account(server.url, name, settings={"appkey": name, "secret": "s-" + name})
                for name, server in servers.items()]
    with servers["good"], servers["stranger"], servers["host"], servers["old"]:
        start_egress(accounts, {"egress": {"ca_file": str(ours.ca_file)}})
        ids = {name: commands.add(name, "call.dial", dial(), expirytime=rfc3339(4 if name != "good" else 60))
               for name in servers}
        commands.flush()
        finals = results.assert_one_final_each(ids.values())
        assert finals[ids["good"]]["status"] == "succeeded" and len(servers["good"].calls) == 1
        for name in ("stranger", "host", "old"):
            assert_expired_unsent(finals[ids[name]])
            assert servers[name].calls == []


def test_the_systems_certificates_do_not_vouch_for_a_stranger(tmp_path, start_egress, commands, results):
    server = StandIn({None: {}}, Authority(tmp_path / "ours").certificate(address="127.0.0.1"))
    with server:
        worker = start_egress([closed_account(server.url)])
        assert_expired_unsent(results.final(commands.submit("7moor", "call.dial", dial(), expirytime=rfc3339(2))))
        assert server.calls == []
        reasons = {line["reason"] for line in worker.log("call_failed")}
        assert any(re.search("certificate", reason) for reason in reasons), reasons
