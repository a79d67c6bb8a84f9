"""yeta's token: fetched by one request at a time, replaced when it ends or is revoked, and never told to anybody."""

import json
import os
import re
import time

import pytest

from commands import dial, dial_yeta
from egress import account, stay
from gateway import TOPICS
from waiting import wait_until

LONG = os.environ.get("TRUNKLINE_TEST_LONG") == "1"
CROWD = 2000 if LONG else 500
QUERY = "task.query"


def crowded(simulator, **changes):
    return account(simulator, concurrency=CROWD, timeout_seconds=60, **changes)


def tokens(simulator):
    """Those that were given out, in their order."""
    return [call.answer["result"]["token"] for call in simulator.acted("token")]


def token_of(call):
    return re.search(r"token=([^&]*)", call.target)[1]


def query(number):
    return {"name": f"task {number}"}


def succeed(results, ids, seconds=60):
    """Each once; returns what they say."""
    finals = results.assert_one_final_each(ids, seconds)
    assert {data["status"] for data in finals.values()} == {"succeeded"}
    return finals


def test_a_crowd_asks_for_one_token(start_simulator, start_egress, commands, results):
    yeta = start_simulator("yeta")
    yeta.behave(path="token", delay_ms=500)
    worker = start_egress([crowded(yeta)])
    succeed(results, commands.submit_many("yeta", QUERY, map(query, range(CROWD))))
    assert len(yeta.calls("token")) == 1 and len(yeta.calls("query")) == CROWD
    assert worker.metric("trunkline_token_refreshes_total") == 1


def test_a_token_that_has_ended_is_fetched_once(start_simulator, start_egress, commands, results):
    """The vendor counts its seconds, and so do we: whoever comes when it has ended waits for the new one."""
    seconds = 30 if LONG else 4
    yeta = start_simulator("yeta", token_seconds=seconds)
    worker = start_egress([crowded(yeta)])
    succeed(results, [commands.submit("yeta", QUERY)])
    (first,) = yeta.calls("token")
    yeta.options(token_seconds=3600)
    wait_until(lambda: ended(first, seconds), seconds + 20, "the token to end", 0.1)
    finals = succeed(results, commands.submit_many("yeta", QUERY, map(query, range(CROWD))))
    old, new = tokens(yeta)
    calls = yeta.calls("query")
    assert {token_of(call) for call in calls[1:]} == {new} and {call.code for call in calls} == {"0"}
    assert {data["attempts"] for data in finals.values()} == {1}  # nobody went with the old one
    assert token_of(calls[0]) == old and worker.metric("trunkline_token_refreshes_total") == 2


def ended(call, seconds):
    return time.monotonic_ns() > call.door_ns + seconds * 1_000_000_000


def test_a_token_is_replaced_before_it_ends(start_simulator, start_egress, commands, results):
    """While there is work, the new one comes when half of the old one's time is over, and nobody waits for it."""
    seconds = 20 if LONG else 6
    yeta = start_simulator("yeta", token_seconds=seconds)
    worker = start_egress([crowded(yeta)])
    ids = []

    def enough():
        ids.append(commands.submit("yeta", QUERY))
        return len(yeta.calls("token")) >= 3

    wait_until(enough, 5 * seconds, "the third token", 0.05)
    finals = succeed(results, ids)
    assert {data["attempts"] for data in finals.values()} == {1}
    fetched = yeta.calls("token")
    gaps = [(b.door_ns - a.door_ns) / 1e9 for a, b in zip(fetched, fetched[1:])]
    assert all(seconds / 2 <= gap < seconds for gap in gaps), gaps
    assert {call.code for call in yeta.calls("query")} == {"0"}
    assert worker.metric("trunkline_token_failures_total") == 0


@pytest.mark.parametrize("single", [False, True], ids=["many-tokens", "one-token"])
def test_a_token_revoked_in_mid_flight_costs_one_refresh(start_simulator, start_egress, commands, results, single):
    yeta = start_simulator("yeta", **({"single_token": True} if single else {}))
    worker = start_egress([crowded(yeta)])
    succeed(results, [commands.submit("yeta", QUERY)])
    yeta.revoke()
    yeta.behave(path="query", delay_ms=[0, 1000])
    finals = succeed(results, commands.submit_many("yeta", QUERY, map(query, range(CROWD))))
    assert len(tokens(yeta)) == 2 == worker.metric("trunkline_token_refreshes_total")
    attempts = [data["attempts"] for data in finals.values()]
    assert set(attempts) <= {1, 2} and 2 in attempts
    refused = [call for call in yeta.calls("query") if call.code == "10001"]
    assert len(refused) == attempts.count(2) and {token_of(call) for call in refused} == {tokens(yeta)[0]}


def test_a_dial_is_not_lost_with_its_token(start_simulator, start_egress, commands, results):
    yeta = start_simulator("yeta")
    start_egress([yeta])
    succeed(results, [commands.submit("yeta", "call.dial", dial_yeta("19900000001"))])
    yeta.revoke()
    finals = succeed(results, [commands.submit("yeta", "call.dial", dial_yeta("19900000002"))])
    assert [data["attempts"] for data in finals.values()] == [2]
    rows = [row[0] for call in yeta.acted("callout") for row in call.body["call_list"]]
    assert sorted(rows) == ["19900000001", "19900000002"] and len(tokens(yeta)) == 2


def test_no_dial_is_lost_or_made_twice_when_tokens_are_revoked(start_simulator, start_egress, commands, results):
    yeta = start_simulator("yeta")
    yeta.behave(path="callout", delay_ms=[0, 100])
    start_egress([account(yeta, concurrency=8)])
    numbers = [f"199{number:08}" for number in range(1500)]
    ids = [commands.add("yeta", "call.dial", dial_yeta(number, line=str(index % 5)))
           for index, number in enumerate(numbers)]
    commands.flush()
    for calls in (4, 12):
        yeta.wait_for_calls(calls, "callout")
        yeta.revoke()
    finals = results.assert_one_final_each(ids)
    rows = [row[0] for call in yeta.acted("callout") for row in call.body["call_list"]]
    assert len(rows) == len(set(rows))
    for id, number in zip(ids, numbers, strict=True):
        data = finals[id]
        if data["status"] != "succeeded":  # both refusals hit it: one repeat is all
            assert (data["status"], data["vendor_code"], data["attempts"]) == ("failed", "10001", 2)
        assert (data["status"] == "succeeded") == (number in set(rows))
    assert 2 <= len(tokens(yeta)) <= 3


def test_a_vendor_that_refuses_every_token(start_simulator, start_egress, commands, results):
    """One refresh and one repeat, then the command fails; and the vendor is not asked again and again for tokens."""
    yeta = start_simulator("yeta")
    start_egress([yeta])
    yeta.behave(path="query", code="10001")
    data = results.final(commands.submit("yeta", QUERY))
    told = (data["status"], data["code"], data["vendor_code"], data["attempts"])
    assert told == ("failed", "credentials", "10001", 2)
    assert len(yeta.calls("query")) == 2 and len(yeta.calls("token")) == 2


def test_wrong_credentials_fail_the_commands(start_simulator, start_egress, commands, results):
    yeta = start_simulator("yeta")
    settings = {"app_key": yeta.key, "app_secret": "not-the-secret"}
    worker = start_egress([account(yeta, settings=settings)])
    ids = commands.submit_many("yeta", "call.dial", [dial_yeta(f"1990000{n:04}") for n in range(60)])
    for data in results.assert_one_final_each(ids).values():
        assert (data["status"], data["code"], data["attempts"]) == ("failed", "credentials", 0), data
    assert [call.code for call in yeta.calls()] == ["200101"]
    assert worker.metric("trunkline_token_failures_total") == 1
    results.final(commands.submit("yeta", QUERY))
    stay(1, lambda: len(yeta.calls()) == 1, "the vendor was asked again at once")
    if LONG:  # and when the vendor knows them at last, they are tried again
        port = yeta.url.rpartition(":")[2]
        yeta.stop()
        yeta = start_simulator("yeta", secret="not-the-secret", port=port)

        def taken():
            return results.final(commands.submit("yeta", QUERY))["status"] == "succeeded"

        wait_until(taken, 60, "the credentials to be tried again", 1)


@pytest.mark.parametrize("behaviour", [
    {"code": "10004"}, {"answer": "close"}, {"answer": "refuse"}, {"answer": "html"}, {"status": 500},
    {"status": 429, "retry_after": 1},
], ids=lambda behaviour: "-".join(map(str, behaviour.values())))
def test_a_token_that_does_not_come_at_once_is_asked_for_again(
    start_simulator, start_egress, commands, results, behaviour
):
    yeta = start_simulator("yeta")
    yeta.behave(path="token", next=2 if LONG else 1, **behaviour)
    worker = start_egress([yeta])
    datas = [dial_yeta(f"1990000{number:04}") for number in range(9)]
    finals = succeed(results, commands.submit_many("yeta", "call.dial", datas))
    assert {data["attempts"] for data in finals.values()} == {1}
    failures = 2 if LONG else 1
    assert worker.metric("trunkline_token_failures_total") == failures
    assert len(yeta.calls("token")) == (1 if behaviour.get("answer") == "refuse" else failures + 1)
    assert sum(len(call.body["call_list"]) for call in yeta.acted("callout")) == 9


def test_commands_expire_while_no_token_comes(start_simulator, start_egress, commands, results):
    yeta = start_simulator("yeta")
    yeta.behave(path="token", answer="never")
    start_egress([account(yeta, timeout_seconds=2)])
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3))
    data = results.final(commands.submit("yeta", "call.dial", dial_yeta(), expirytime=at))
    assert (data["status"], data["attempts"]) == ("expired", 0)


# What nobody is to read.

def test_secrets_and_numbers_are_told_to_nobody(kafka, prefix, start_simulator, start_egress, commands, results):
    """With the log at its most talkative, and with everything going wrong once."""
    yeta = start_simulator("yeta", secret="the-app-secret-of-yeta")
    moor = start_simulator("7moor", secret="the-secret-key-of-7moor", limit=0)
    worker = start_egress([account(yeta, timeout_seconds=3), account(moor, limit={"requests": 0}, timeout_seconds=3)],
                          args=["--log-level", "debug"])
    faults = [{"answer": "close"}, {"answer": "half"}, {"answer": "garbage"}, {"answer": "html"}, {"answer": "never"},
              {"status": 500}, {"status": 302}, {"code": "10005"}, {"code": "40000"}]
    for simulator in (yeta, moor):
        for path in ("query", "callout", "dialOut", "webcall", "list"):
            simulator.behave(*({"path": path, "next": 1, **fault} for fault in faults[:6]))
    numbers = [f"1731913{n:04}" for n in range(1000, 1040)]
    ids = []
    for number in numbers:
        ids += [
            commands.add("yeta", "call.dial", dial_yeta(number, row={"备用": "9" + number})),
            commands.add("yeta", QUERY, {"name": number}),
            commands.add("7moor", "call.dial", dial(number, extras={"back": number})),
            commands.add("7moor", "call.bridge", {
                "caller": number, "caller_display_number": number, "callee": number, "callee_kind": "number",
                "callee_display_number": number, "extras": {}}),
            commands.add("7moor", "call.dial", {"agent": number, "callee": [number]}),  # wrong
            commands.add("7moor", "call.dial", {"agent": "1", "callee": number, number: 1}),
        ]
    commands.produce(json.dumps({"callee": numbers[0]}).encode(), b"7moor")
    commands.produce(numbers[0].encode(), b"7moor")
    commands.flush()
    results.wait_for_finals(ids, 90 if LONG else 30)
    yeta.revoke()
    succeed(results, [commands.submit("yeta", QUERY)])
    worker.stop()
    log = worker.log_text() + worker.output()
    ours = [topic for topic in kafka.topics(prefix) if not topic.endswith(TOPICS["commands"])]
    records = [record for topic in ours for record in kafka.read(topic)]
    topics = b"\n".join(part for record in records for part in [
        record.value, record.key or b"", *(value for _, value in record.headers)]).decode()
    assert worker.log("call_failed") and worker.log("vendor_request") and worker.log("vendor_answer")
    assert len(records) > 6 * len(numbers)
    secrets = {yeta.secret, moor.secret, *tokens(yeta)}
    for call in moor.calls():
        secrets |= {call.headers["m7-sign"], call.headers["m7-sign"].rstrip("=")}
    assert len(tokens(yeta)) == 2
    for secret in secrets:
        assert secret not in log, f"{secret} is in the log"
        assert secret not in topics, f"{secret} is in a topic"
        assert json.dumps(secret)[1:-1].replace("/", "\\/") not in topics, f"{secret} is in a topic"
    for number in numbers:
        assert number not in log, [line for line in log.splitlines() if number in line][:3]
