"""Commands in the worker: their order, what holds them back, what ends them early, and what a producer is told."""

import datetime
import hashlib
import json
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import time
import uuid

import confluent_kafka.admin
import pytest

from commands import FINAL, Commands, dial, dial_yeta
from egress import account, stay
from gateway import BINARY, TOPICS, run
from stand_in import StandIn
from waiting import wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "adapters"))

from schemas import VALIDATORS  # noqa: E402

CHINA = datetime.timezone(datetime.timedelta(hours=8))
FREE = {"requests": 0}
OK_7MOOR = {"code": "200", "message": "ok", "success": True, "data": {}}


def in_seconds(seconds):
    """RFC 3339"""
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).isoformat()


def moment(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def hold(commands, results, name):
    data = results.final(commands.submit(name, "account.hold"))
    assert (data["status"], data["code"]) == ("succeeded", "ok")


def resume(commands, results, name):
    assert results.final(commands.submit(name, "account.resume"))["status"] == "succeeded"


def wait_accepted(results, ids, seconds=60):
    results.wait_until(
        lambda: all("accepted" in results.statuses(id) for id in ids), seconds, f"{len(ids)} commands to be accepted"
    )


# --- order


def test_a_hangup_overtakes_a_thousand_dials(start_simulator, start_egress, commands, results):
    moor = start_simulator("7moor", limit=10, window_ms=4000)
    start_egress([account(moor, limit={"requests": 10, "window_seconds": 4, "straggler_seconds": 1})])
    dials = commands.submit_many("7moor", "call.dial", [dial()] * 1000)
    wait_accepted(results, dials)
    for _ in range(5):
        # Right behind a burst, so that it is there in time before the next one.
        since = len(moor.wait_for_calls(len(moor.calls()) + 10))
        hangup = commands.submit("7moor", "call.hangup", {"agent": "6000"})
        accepted = results.wait_for(hangup, "accepted")
        told = time.time_ns()
        call = moor.wait_for_calls(since + 1)[since]
        if told < call.wall_ns:
            break
    else:
        pytest.fail("the hangup never came before the next slot was free")
    assert accepted["queue"]["ahead"] == 0 and call.operation == "hangup"
    assert results.final(hangup)["status"] == "succeeded"
    assert results[dials[-1]][0]["data"]["queue"]["ahead"] > 900
    assert moor.max_in_window(4) <= 10


def test_priority_and_deadline_make_the_order(start_simulator, start_egress, commands, results):
    moor = start_simulator("7moor", limit=0)
    start_egress([account(moor, limit=FREE, concurrency=1)])
    hold(commands, results, "7moor")
    ids = [
        commands.submit("7moor", "call.dial", dial(agent=agent), **members)
        for agent, members in [
            ("4", {"priority": "bulk"}), ("3", {}), ("2", {"expirytime": in_seconds(3600)}), ("5", {"priority": "idle"}),
            ("1", {"expirytime": in_seconds(600)}), ("0", {"priority": "control"}),
        ]
    ]
    wait_accepted(results, ids)
    ahead = [results[id][0]["data"]["queue"]["ahead"] for id in ids]
    assert ahead == [0, 0, 0, 3, 0, 0]
    resume(commands, results, "7moor")
    results.wait_for_finals(ids)
    assert [call.body["agentNumber"] for call in moor.calls()] == ["0", "1", "2", "3", "4", "5"]


def latencies(results, ids):
    """Seconds from `accepted` to the end."""
    found = []
    for id in ids:
        accepted, final = (next(e for e in results[id] if e["data"]["status"] == s) for s in ("accepted", "succeeded"))
        found.append(moment(final["time"]) - moment(accepted["time"]))
    return found


def test_one_blocked_vendor_delays_no_other_account(start_simulator, start_egress, commands, results):
    silent = start_simulator("7moor", limit=0, key="silent")
    silent.behave(answer="never")
    names = [f"a{number}" for number in range(198)]
    with StandIn({None: OK_7MOOR}) as vendor, socket.create_server(("127.0.0.1", 0), backlog=0) as hole:
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(hole.getsockname())
        start_egress([
            account(silent, "silent", limit=FREE, concurrency=200),
            {"name": "hole", "adapter": "7moor", "url": "http://127.0.0.1:%d" % hole.getsockname()[1],
             "settings": {"appkey": "hole", "secret": "s"}, "limit": FREE},
            *({"name": name, "adapter": "7moor", "url": vendor.url, "settings": {"appkey": name, "secret": "s"}}
              for name in names),
        ])

        def rounds(count=3):
            took = []
            for _ in range(count):
                ids = [commands.add(name, "call.dial", dial()) for name in names]
                commands.flush()
                ends = results.wait_for_finals(ids)
                assert all(end["status"] == "succeeded" for end in ends.values())
                took += latencies(results, ids)
            return took

        rounds(1)
        alone = rounds()
        blocked = commands.submit_many("silent", "call.dial", [dial()] * 500)
        blocked += commands.submit_many("hole", "call.dial", [dial()] * 200)
        wait_until(lambda: len(silent.calls()) >= 200, 30, "the silent vendor to have all that may be under way")
        beside = rounds()
        assert not any(results.finals(id) for id in blocked)
        figures = [statistics.median(alone), statistics.median(beside), max(alone), max(beside)]
        print("median and worst seconds alone and beside: %.3f %.3f %.3f %.3f" % tuple(figures))
        assert figures[1] < 2.5 * figures[0] + 0.05 and figures[3] < 2.5 * figures[2] + 0.2, figures
        for filler in fillers:
            filler.close()


# --- hold and resume


def test_a_held_account_sends_nothing(start_simulator, start_egress, commands, results):
    moor, yeta = start_simulator("7moor", limit=0), start_simulator("yeta")
    other = start_simulator("7moor", limit=0, key="other")
    accounts = [account(moor, limit=FREE), account(yeta), account(other, "other", limit=FREE)]
    worker = start_egress(accounts)
    again = results.final(commands.submit("7moor", "account.resume"))
    assert again["status"] == "succeeded" and "not held" in again["reason"]
    for name in ("7moor", "yeta"):
        hold(commands, results, name)
    assert worker.metric("trunkline_accounts_held") == 2
    ids = commands.submit_many("7moor", "call.dial", [dial()] * 20)
    ids += commands.submit_many("yeta", "call.dial", [dial_yeta()] * 20)
    ids.append(commands.submit("7moor", "call.hangup", {"agent": "6000"}))
    wait_accepted(results, ids)
    assert all("expected_start" not in results[id][0]["data"]["queue"] for id in ids)

    def nothing_came():
        for _ in range(3):
            assert results.final(commands.submit("other", "call.dial", dial()))["status"] == "succeeded"
        assert moor.calls() == [] and yeta.calls() == []

    nothing_came()
    worker.stop()
    worker = start_egress(accounts)
    nothing_came()
    worker.kill9()
    worker = start_egress(accounts)
    nothing_came()
    assert worker.metric("trunkline_accounts_held") == 2
    resume(commands, results, "7moor")
    resume(commands, results, "yeta")
    ends = results.assert_one_final_each(ids)
    assert {end["status"] for end in ends.values()} == {"succeeded"}
    assert len(moor.calls()) == 21 and yeta.calls()[0].operation == "token"
    assert worker.metric("trunkline_accounts_held") == 0


# --- cancel


def cancel(commands, results, name, target):
    return results.final(commands.submit(name, "command.cancel", {"command": target}))


def test_cancel_of_what_is_queued(start_simulator, start_egress, commands, results):
    moor = start_simulator("7moor", limit=0)
    start_egress([account(moor, limit=FREE)])
    hold(commands, results, "7moor")
    first, second = commands.submit_many("7moor", "call.dial", [dial()] * 2)
    later = commands.submit("7moor", "call.dial", dial(), notbefore=in_seconds(3600))
    wait_accepted(results, [first, second, later])
    for target in (first, later):
        assert cancel(commands, results, "7moor", target)["status"] == "succeeded"
        data = results.final(target)
        assert (data["status"], data["attempts"]) == ("cancelled", 0) and "before it was sent" in data["reason"]
    again = cancel(commands, results, "7moor", first)
    assert (again["status"], again["code"]) == ("failed", "refused") and "finished" in again["reason"]
    resume(commands, results, "7moor")
    assert results.final(second)["status"] == "succeeded"
    assert len(moor.calls()) == 1


def test_cancel_of_what_has_not_come_yet(start_simulator, start_egress, commands, results):
    moor = start_simulator("7moor", limit=0)
    worker = start_egress([account(moor, limit=FREE)])
    for restart in (False, True):
        id = uuid.uuid4().hex
        for _ in range(2):
            early = cancel(commands, results, "7moor", id)
            assert early["status"] == "succeeded" and "not come yet" in early["reason"]
        if restart:
            worker.kill9()
            worker = start_egress([account(moor, limit=FREE)])
        commands.submit("7moor", "call.dial", dial(), id=id)
        data = results.final(id)
        assert (data["status"], data["attempts"]) == ("cancelled", 0) and "before it came" in data["reason"]
    assert moor.calls() == []


def test_cancel_of_what_is_finished_or_under_way(start_simulator, start_egress, commands, results):
    moor = start_simulator("7moor", limit=0)
    start_egress([account(moor, limit=FREE)])
    done = commands.submit("7moor", "call.dial", dial())
    assert results.final(done)["status"] == "succeeded"
    data = cancel(commands, results, "7moor", done)
    assert (data["status"], data["code"]) == ("failed", "refused") and "finished" in data["reason"]
    moor.behave(path="dialOut", delay_ms=3000)
    going = commands.submit("7moor", "call.dial", dial())
    moor.wait_for_calls(2)
    data = cancel(commands, results, "7moor", going)
    assert (data["status"], data["code"]) == ("failed", "busy") and "under way" in data["reason"]
    assert results.final(going)["status"] == "succeeded"
    itself = uuid.uuid4().hex
    commands.submit("7moor", "command.cancel", {"command": itself}, id=itself)
    assert results.final(itself)["code"] == "invalid"
    assert len(moor.calls()) == 2


@pytest.mark.parametrize("why", ["its vendor is not there", "its vendor's limit is spent"])
def test_cancel_of_what_waits_to_be_tried_again(start_simulator, start_egress, commands, results, why):
    moor = start_simulator("7moor", limit=0)
    start_egress([account(moor, limit={"requests": 20, "window_seconds": 60})])
    if "limit" in why:
        moor.behave(answer="code", code="50010")
    else:
        moor.stop()
    id = commands.submit("7moor", "call.dial", dial())
    results.wait_for(id, "dispatched")
    # Its first try may still be going on.
    wait_until(lambda: cancel(commands, results, "7moor", id)["status"] == "succeeded", 20, "it to be cancelled", 0.3)
    assert results.final(id)["status"] == "cancelled"
    assert "limit" not in why or len(moor.calls()) == 1


# --- time


def test_what_expires_costs_no_slot(start_simulator, start_egress, commands, results):
    moor = start_simulator("7moor", limit=0)
    start_egress([account(moor, limit=FREE), account(moor, "other", settings={"appkey": "other", "secret": "s"})])
    late = commands.submit("7moor", "call.dial", dial(), expirytime=in_seconds(-1))
    data = results.final(late)
    assert (data["status"], data["attempts"]) == ("expired", 0) and results.statuses(late) == ["expired"]
    hold(commands, results, "7moor")
    soon = commands.submit("7moor", "call.dial", dial(), expirytime=in_seconds(2))
    waiting = commands.submit("7moor", "call.dial", dial(), expirytime=in_seconds(2), notbefore=in_seconds(3600))
    for id in (soon, waiting):
        data = results.final(id)
        assert (data["status"], data["attempts"]) == ("expired", 0)
        assert results.statuses(id) == ["accepted", "expired"]
    resume(commands, results, "7moor")
    assert moor.calls() == []


def test_what_is_not_to_go_before_a_time(start_simulator, start_egress, commands, results):
    moor = start_simulator("7moor", limit=0)
    worker = start_egress([account(moor, limit=FREE)])
    at = in_seconds(4)
    id = commands.submit("7moor", "call.dial", dial(), notbefore=at)
    accepted = results.wait_for(id, "accepted")
    assert abs(moment(accepted["queue"]["expected_start"]) - moment(at)) < 0.01
    worker.stop()
    start_egress([account(moor, limit=FREE)])
    assert results.final(id)["status"] == "succeeded"
    (call,) = moor.calls()
    assert call.wall_ns / 1e9 >= moment(at) - 0.001
    assert results.statuses(id).count("accepted") == 1


def hours(*minutes):
    """Calling hours from and to so many minutes from now, in China."""
    now = datetime.datetime.now(CHINA)
    return "-".join((now + datetime.timedelta(minutes=m)).strftime("%H:%M") for m in minutes)


def test_customers_are_called_in_the_accounts_hours(start_simulator, start_egress, commands, results):
    moor, other = start_simulator("7moor", limit=0), start_simulator("7moor", limit=0, key="other")
    start_egress([
        account(moor, limit=FREE, hours=[hours(120, 180)]),
        account(other, "other", limit=FREE, hours=[hours(-120, 120), hours(240, 300)]),
    ])
    ids = commands.submit_many("7moor", "call.dial", [dial()] * 5)
    wait_accepted(results, ids)
    hangup = commands.submit("7moor", "call.hangup", {"agent": "6000"})
    assert results.final(hangup)["status"] == "succeeded"
    assert results.final(commands.submit("other", "call.dial", dial()))["status"] == "succeeded"
    assert results.final(commands.submit("7moor", "agent.busy", {"agent": "1"}))["status"] == "succeeded"
    assert moor.calls("dialOut") == []
    assert cancel(commands, results, "7moor", ids[0])["status"] == "succeeded"
    assert results.final(ids[0])["status"] == "cancelled"


# --- room


def test_a_full_queue(start_simulator, start_egress, commands, results):
    moor = start_simulator("7moor", limit=0)
    accounts = [account(moor, limit={"requests": 20, "window_seconds": 4, "straggler_seconds": 1}, queue_max=5)]
    worker = start_egress(accounts)
    moor.behave(answer="code", code="50010", next=1)
    ids = [commands.submit("7moor", "call.dial", dial())]
    wait_until(lambda: worker.metric("trunkline_accounts_closed") == 1, 20, "the account to be closed")
    hold(commands, results, "7moor")
    ids += commands.submit_many("7moor", "call.dial", [dial()] * 5)
    wait_accepted(results, ids)
    over = commands.submit_many("7moor", "call.dial", [dial()] * 2)
    for id in over:
        data = results.final(id)
        assert (data["status"], data["code"], data["attempts"]) == ("failed", "queue_full", 0)
        assert "5 unfinished commands" in data["reason"] and results.statuses(id) == ["failed"]
    hangup = commands.submit("7moor", "call.hangup", {"agent": "6000"})
    wait_accepted(results, [hangup])
    # What has been accepted keeps its place, whatever else it stood beside.
    worker.stop()
    start_egress(accounts)
    resume(commands, results, "7moor")
    ends = results.assert_one_final_each([*ids, hangup])
    assert {end["status"] for end in ends.values()} == {"succeeded"}


# --- who, and what


def test_an_unknown_account_is_waited_for(start_simulator, start_egress, commands, results):
    moor = start_simulator("7moor", limit=0)
    known = account(moor, limit=FREE)
    worker = start_egress([known], {"egress": {"unknown_account_seconds": 2}})
    id = commands.submit("nobody", "call.dial", dial())
    data = results.final(id)
    assert (data["status"], data["code"]) == ("failed", "unknown_account")
    late, taken = moment(results[id][-1]["time"]), moment(data["times"]["received"])
    assert 1.9 < late - taken < 20
    worker.stop()
    worker = start_egress([known])
    id = commands.submit("new", "call.dial", dial())
    worker.wait_for_log("account_unknown")
    assert stay(1, lambda: results.poll(0.05) == 0, "a result came") is None
    worker.stop()
    start_egress([account(moor, "new", limit=FREE)])
    assert results.final(id)["status"] == "succeeded"


INVALID = {
    "type unknown": ({"type": "io.trunkline.command.call.sing.v1"}, "type"),
    "another vendor's": ({"type": "io.trunkline.command.task.create.v1", "data": {}}, "has no operation task.create"),
    "member missing": ({"data": {"agent": "6000"}}, "callee"),
    "member of the wrong type": ({"data": {"agent": 6000, "callee": "1"}}, "agent"),
    "priority": ({"priority": "urgent"}, "priority"),
    "expirytime": ({"expirytime": "tomorrow"}, "expirytime"),
    "unknown member": ({"callee": "1"}, "callee"),
    "unknown option": ({"data": {**dial(), "options": {"sing": 1}}}, "sing"),
    "extras too long": ({"data": {**dial(), "extras": {"a": "x" * 300}}}, "extras"),
}


def test_what_is_no_valid_command(kafka, prefix, start_simulator, start_egress, commands, results):
    moor = start_simulator("7moor", limit=0)
    worker = start_egress([account(moor, limit=FREE)])
    values = {}
    for name, (members, _) in INVALID.items():
        command = {"id": uuid.uuid4().hex, "type": "io.trunkline.command.call.dial.v1", "account": "7moor",
                   "data": dial(), **members}
        values[command["id"]] = (name, json.dumps(command).encode())
        commands.produce(values[command["id"]][1], b"7moor")
    nameless = [b"no JSON", b"", b"[]", b"{}", b'{"id": ""}', b"\xff\xfe", None, b"{" * 5000,
                json.dumps({"type": "io.trunkline.command.call.dial.v1", "account": "7moor", "data": dial()}).encode(),
                json.dumps({"id": "x" * 5000, "type": "io.trunkline.command.call.dial.v1", "account": "7moor"}).encode(),
                json.dumps({"id": "a", "type": "io.trunkline.command.call.dial.v1", "data": dial()}).encode()]
    for value in nameless:
        commands.produce(value, b"7moor")
    commands.flush()
    for id, (name, _) in values.items():
        data = results.final(id)
        assert (data["status"], data["code"]) == ("failed", "invalid"), name
        assert INVALID[name][1] in data["reason"] and results.statuses(id) == ["failed"], (name, data["reason"])
        for event in results[id]:
            VALIDATORS["urn:trunkline:schema:command.result:v1"].validate(event)
            VALIDATORS[event["dataschema"]].validate(event["data"])

    def dead():
        letters = kafka.read(prefix + TOPICS["deadletter"])
        return letters if len(letters) >= len(values) + len(nameless) else None

    letters = wait_until(dead, 30, "the dead letters", 0.2)
    expected = [value for _, value in values.values()] + [value or b"" for value in nameless]
    assert sorted(letter.value for letter in letters) == sorted(expected)
    for letter in letters:
        assert letter.header("reason") == "invalid_command" and letter.header("detail")
        assert letter.header("source") == "commands" and letter.key.decode() == hashlib.sha256(letter.value).hexdigest()[:32]
    assert set(results.by_id) == set(values) and moor.calls() == []
    # It is over with them: they are committed, and not read again.
    worker.stop()
    start_egress([account(moor, limit=FREE)])
    assert results.final(commands.submit("7moor", "call.dial", dial()))["status"] == "succeeded"
    assert len(kafka.read(prefix + TOPICS["deadletter"])) == len(letters)


def test_three_forms_of_a_command(kafka, prefix, start_simulator, start_egress, commands, results):
    moor = start_simulator("7moor", limit=0)
    start_egress([account(moor, limit=FREE)])
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    ids = [
        commands.submit("7moor", "call.dial", dial(), correlationid="order-7"),
        commands.submit_event("7moor", "call.dial", dial(), correlationid="order-7", traceparent=trace),
        commands.submit_event("7moor", "call.dial", dial(), binary=True, correlationid="order-7", traceparent=trace),
    ]
    results.wait_for_finals(ids)
    bodies = [{**call.body, "extras": {**call.body["extras"], "_tl": None}} for call in moor.calls()]
    assert len(bodies) == 3 and bodies[0] == bodies[1] == bodies[2]
    for id in ids:
        assert results.statuses(id) == ["accepted", "dispatched", "succeeded"]
        for event in results[id]:
            VALIDATORS["urn:trunkline:schema:command.result:v1"].validate(event)
            VALIDATORS[event["dataschema"]].validate(event["data"])
            assert event["correlationid"] == "order-7" and event.get("traceparent") == (None if id == ids[0] else trace)
            assert event["account"] == "7moor" and event["vendor"] == "7moor"
    accepted, dispatched, final = (event["data"] for event in results[ids[0]])
    assert accepted["queue"]["ahead"] == 0 and accepted["queue"]["expected_start"]
    assert set(accepted["times"]) == {"received"} and set(dispatched["times"]) == {"received", "dispatched"}
    assert set(final["times"]) == {"received", "dispatched", "answered"} and final["attempts"] == 1
    for record in kafka.read(prefix + TOPICS["results"]):
        assert record.header("content-type").startswith("application/cloudevents+json")


# --- the same id again


def test_the_same_command_twice(start_simulator, start_egress, commands, results):
    moor = start_simulator("7moor", limit=0)
    worker = start_egress([account(moor, limit=FREE)])
    hold(commands, results, "7moor")
    id = commands.submit("7moor", "call.dial", dial())
    commands.submit("7moor", "call.dial", dial(), id=id)
    marker = commands.submit("7moor", "call.dial", dial(agent="1"))
    wait_accepted(results, [marker])
    resume(commands, results, "7moor")
    first = results.final(id)
    results.final(marker)
    assert results.statuses(id) == ["accepted", "dispatched", "succeeded"], "one result is for both"

    def again(count):
        commands.submit("7moor", "call.dial", dial(), id=id)
        results.wait_until(lambda: len(results.finals(id)) == count, 30, "the earlier result")
        told = results.finals(id)[-1]
        assert {**told, "answer": 0, "answer_omitted": 0} == {**first, "answer": 0, "answer_omitted": 0}
        assert results[id][-1]["time"] == results[id][2]["time"]

    again(2)
    # In one batch: the second one finds a result that is not committed yet.
    both = commands.add("7moor", "call.dial", dial(agent="2"), expirytime=in_seconds(-5))
    commands.add("7moor", "call.dial", dial(agent="2"), id=both, expirytime=in_seconds(-5))
    commands.flush()
    results.wait_for(both, "expired")
    worker.stop()
    worker = start_egress([account(moor, limit=FREE)])
    again(3)
    worker.kill9()
    worker = start_egress([account(moor, limit=FREE)])
    again(4)
    assert len(moor.calls("dialOut")) == 2
    assert worker.metric("trunkline_repeated_results_total") == 1


def test_the_same_id_with_another_content(start_simulator, start_egress, commands, results):
    moor = start_simulator("7moor", limit=0)
    worker = start_egress([account(moor, limit=FREE)])
    hold(commands, results, "7moor")
    id = commands.submit("7moor", "call.dial", dial())

    def conflict(count):
        commands.submit("7moor", "call.dial", dial(callee="10086"), id=id)
        results.wait_until(lambda: len(results.finals(id)) == count, 30, "the conflict")
        told = results.finals(id)[-1]
        assert (told["status"], told["code"]) == ("failed", "id_conflict") and "another content" in told["reason"]

    conflict(1)
    worker.stop()
    worker = start_egress([account(moor, limit=FREE)])
    resume(commands, results, "7moor")
    assert results.wait_for(id, "succeeded")["code"] == "ok"
    conflict(3)
    commands.submit("7moor", "call.dial", dial(), id=id)
    results.wait_until(lambda: len(results.finals(id)) == 4, 30, "the earlier result")
    assert results.finals(id)[-1]["status"] == "succeeded"
    assert len(moor.calls("dialOut")) == 1


# --- the right partition


def partitions_of(records):
    return {record.partition for record in records}


def test_a_command_on_the_wrong_partition_is_forwarded_once(
    kafka, prefix, start_simulator, start_egress, commands, results
):
    moor = start_simulator("7moor", limit=0)
    worker = start_egress([account(moor, limit=FREE)])
    right = commands.submit("7moor", "call.dial", dial())
    assert results.final(right)["status"] == "succeeded"
    topic = prefix + TOPICS["commands"]
    (home,) = partitions_of(kafka.read(topic))
    strays = [commands.submit("7moor", "call.dial", dial(), partition=partition) for partition in range(3)]
    for id in strays:
        assert results.final(id)["status"] == "succeeded"
    assert results.assert_one_final_each(strays)
    forwarded = [record for record in kafka.read(topic) if record.header("trunkline-forwarded") is not None]
    assert len(forwarded) == 2 and partitions_of(forwarded) == {home} and {r.key for r in forwarded} == {b"7moor"}
    assert len(moor.calls()) == 4 and worker.metric("trunkline_commands_forwarded_total") == 2
    # One that was forwarded already is not sent round and round.
    id = uuid.uuid4().hex
    value = json.dumps({"id": id, "type": "io.trunkline.command.call.dial.v1", "account": "7moor", "data": dial()})
    commands.produce(value.encode(), b"7moor", [("trunkline-forwarded", b"1")], partition=(home + 1) % 3)
    commands.flush()
    data = results.final(id)
    assert (data["status"], data["code"]) == ("failed", "invalid") and "forwarded already" in data["reason"]
    assert len(moor.calls()) == 4
    worker.stop()
    start_egress([account(moor, limit=FREE)])
    assert results.final(commands.submit("7moor", "call.dial", dial()))["status"] == "succeeded"
    assert len(moor.calls()) == 5


def test_another_number_of_partitions_stops_everything(
    kafka, prefix, start_simulator, start_egress, commands, results
):
    moor = start_simulator("7moor", limit=0)
    names = [f"a{number}" for number in range(8)]
    accounts = [account(moor, name, settings={"appkey": name, "secret": "s"}) for name in names]
    worker = start_egress([account(moor, limit=FREE), *accounts])
    assert results.final(commands.submit("7moor", "call.dial", dial()))["status"] == "succeeded"
    partitions = [confluent_kafka.admin.NewPartitions(prefix + TOPICS["commands"], 4)]
    for future in kafka.admin.create_partitions(partitions).values():
        future.result(timeout=30)
    body = wait_until(
        lambda: (answer := worker.management("/readyz")).status == 503 and b"4 partitions" in answer.body and answer.body,
        60, "/readyz to tell of the partitions", 0.2,
    )
    assert re.search(rb"had 3|3: they must have the same number", body), body
    wait_until(lambda: len(worker.log("lane_halted")) >= 3, 60, "every lane to stand still", 0.2)
    calls = len(moor.calls())
    # Also where they stand now, by the new number, which a new producer knows.
    commands = Commands(kafka.address, prefix + TOPICS["commands"])
    ids = [commands.submit(name, "call.dial", dial(), partition=partition) for name in names for partition in range(4)]
    stay(3, lambda: results.poll(0.1) == 0, "a result came from a lane that stands still")
    assert len(moor.calls()) == calls and not any(results[id] for id in ids)
    assert worker.management("/livez").status == 200


# --- `trunkline command`


def command_verb(worker, *arguments, **keywords):
    return run("command", arguments[0], "--config", worker.config_path, *arguments[1:], **keywords)


def test_the_verb_command_with_a_real_worker(start_simulator, start_egress, commands, results):
    moor = start_simulator("7moor", limit=0)
    worker = start_egress([account(moor, limit=FREE)])
    submit = ("submit", "--account", "7moor", "--type", "call.dial", "--data", json.dumps(dial()))

    done = command_verb(worker, *submit)
    assert done.returncode == 0 and json.loads(done.stdout)["status"] == "succeeded", done.stderr
    assert done.stderr.splitlines()[1].startswith("accepted") and "dispatched" in done.stderr

    moor.behave(answer="code", code="6701", next=1)
    refused = command_verb(worker, *submit)
    assert refused.returncode == 1 and json.loads(refused.stdout)["code"] == "refused"

    moor.behave(answer="close", next=1)
    unknown = command_verb(worker, *submit)
    assert unknown.returncode == 4 and json.loads(unknown.stdout)["status"] == "unknown"

    held = command_verb(worker, "hold", "7moor")
    assert held.returncode == 0, held.stderr
    expired = command_verb(worker, *submit, "--expires-in", "1s")
    assert expired.returncode == 3 and json.loads(expired.stdout)["status"] == "expired"

    waiting = subprocess.Popen(
        [str(BINARY), "command", "submit", "--config", str(worker.config_path), *submit[1:], "--id", "mine"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    results.wait_for("mine", "accepted")
    short = command_verb(worker, *submit, "--timeout", "1")
    assert short.returncode == 5 and short.stdout == ""
    cancelled = command_verb(worker, "cancel", "--account", "7moor", "mine")
    assert cancelled.returncode == 0, cancelled.stderr
    out, _ = waiting.communicate(timeout=30)
    assert waiting.returncode == 3 and json.loads(out)["status"] == "cancelled"
    assert command_verb(worker, "cancel", "--account", "7moor", "mine").returncode == 1

    calls = len(moor.calls())
    assert command_verb(worker, "resume", "7moor").returncode == 0
    moor.wait_for_calls(calls + 1)
    assert {status for id in results.by_id for status in results.statuses(id) if status in FINAL} <= FINAL
