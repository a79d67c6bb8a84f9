"""Dials of yeta are gathered into callouts; a row that the vendor refuses does not take the others with it."""

import json
import os
import uuid
from collections import Counter

import pytest

from commands import dial_yeta
from egress import account
from gateway import TOPICS
from stand_in import StandIn

LONG = os.environ.get("TRUNKLINE_TEST_LONG") == "1"


def numbers(count, first=0):
    return [f"199{first + number:08}" for number in range(count)]


def order(commands, results, datas, **members):
    """Together: the account is held until all of them are accepted. id -> the customer's number"""
    results.final(commands.submit("yeta", "account.hold"))
    ids = commands.submit_many("yeta", "call.dial", datas, **members)
    for id in ids:
        results.wait_for(id, "accepted")
    commands.submit("yeta", "account.resume")
    return dict(zip(ids, (data["callee"] for data in datas), strict=True))


def rows(calls):
    return [row[0] for call in calls for row in call.body["call_list"]]


def ids_of_rows(calls):
    """The customer's number -> what the vendor calls its row."""
    return {row[0]: str(id) for call in calls
            for row, id in zip(call.body["call_list"], call.answer["result"]["task_data_ids"], strict=True)}


def assert_called_once(yeta, finals, wanted):
    """Each is called once, and its result has the id of its own row."""
    acted = yeta.acted("callout")
    assert Counter(rows(acted)) == Counter(wanted.values())
    given = ids_of_rows(acted)
    for id, number in wanted.items():
        assert (finals[id]["status"], finals[id]["item_id"]) == ("succeeded", given[number]), finals[id]
    assert len(set(given.values())) == len(given)


def test_dials_are_gathered_into_callouts(start_simulator, start_egress, commands, results):
    yeta = start_simulator("yeta")
    worker = start_egress([yeta])
    wanted = order(commands, results, [dial_yeta(number, row={"姓名": "张先生"}) for number in numbers(120)])
    finals = results.assert_one_final_each(wanted)
    assert_called_once(yeta, finals, wanted)
    assert [len(call.body["call_list"]) for call in yeta.calls("callout")] == [50, 50, 20]
    assert {data["attempts"] for data in finals.values()} == {1}
    assert worker.metric("trunkline_vendor_requests_total", vendor="yeta") == 4  # the token's among them
    assert yeta.state()["concurrent_max"] <= 4


def test_nobody_waits_to_be_gathered(start_simulator, start_egress, commands, results):
    yeta = start_simulator("yeta")
    start_egress([yeta])
    for number in numbers(3):
        assert results.final(commands.submit("yeta", "call.dial", dial_yeta(number)))["status"] == "succeeded"
    assert [len(call.body["call_list"]) for call in yeta.calls("callout")] == [1, 1, 1]


def test_what_differs_goes_apart(start_simulator, start_egress, commands, results):
    yeta = start_simulator("yeta")
    start_egress([yeta])
    kinds = [
        {}, {"robot": "720"}, {"line": "69101339"}, {"row": {"姓名": "a"}}, {"row": {"姓名": "a", "城市": "b"}},
        {"row": {"城市": "b", "姓名": "a"}}, {"options": {"voice_code": "60020"}}, {"options": {"voice_code": "60030"}},
        {"options": {"robot_speed": 100}}, {"options": {"robot_speed": 100, "voice_code": "60020"}},
    ]
    datas = [dial_yeta(number, **kinds[index % len(kinds)]) for index, number in enumerate(numbers(4 * len(kinds)))]
    wanted = order(commands, results, datas)
    finals = results.assert_one_final_each(wanted)
    assert_called_once(yeta, finals, wanted)
    calls = yeta.calls("callout")
    assert [len(call.body["call_list"]) for call in calls] == [4] * len(kinds)
    assert len({repr(sorted((name, repr(value)) for name, value in call.body.items() if name != "call_list"))
                for call in calls}) == len(kinds)
    by_number = {data["callee"]: data for data in datas}
    for call in calls:
        for row in call.body["call_list"]:
            data = by_number[row[0]]
            assert (call.body["robot_id"], call.body["line_num"]) == (data["robot"], data["line"])
            assert row[1:] == list(data.get("row", {}).values())
            assert call.body["call_column"] == ["客户手机号码", *data.get("row", {})]
            options = {name: call.body[name] for name in ("voice_code", "robot_speed") if name in call.body}
            assert options == data.get("options", {})


def test_the_better_priority_goes_first(start_simulator, start_egress, commands, results):
    yeta = start_simulator("yeta")
    start_egress([account(yeta, concurrency=1)])
    results.final(commands.submit("yeta", "account.hold"))
    late = commands.submit_many("yeta", "call.dial", [dial_yeta(number) for number in numbers(60)], priority="bulk")
    soon = commands.submit_many("yeta", "call.dial", [dial_yeta(number) for number in numbers(10, 100)])
    for id in [*late, *soon]:
        results.wait_for(id, "accepted")
    commands.submit("yeta", "account.resume")
    results.assert_one_final_each([*late, *soon])
    assert rows(yeta.calls("callout"))[:10] == numbers(10, 100)


@pytest.mark.parametrize("count, bad", [(50, [0]), (50, [49]), (50, [17, 18, 40]), (7, [3]), (2, [0, 1]), (1, [0])])
def test_a_bad_row_fails_alone(start_simulator, start_egress, commands, results, count, bad):
    yeta = start_simulator("yeta")
    worker = start_egress([yeta])
    called = [f"0000{number:07}" if number in bad else each for number, each in enumerate(numbers(count))]
    wanted = order(commands, results, [dial_yeta(number) for number in called])
    finals = results.assert_one_final_each(wanted)
    refused = {id: number for id, number in wanted.items() if number.startswith("0000")}
    assert len(refused) == len(bad)
    for id in refused:
        data = finals[id]
        assert (data["status"], data["code"], data["vendor_code"]) == ("failed", "invalid", "200203"), data
        assert "item_id" not in data
    assert_called_once(yeta, finals, {id: number for id, number in wanted.items() if id not in refused})
    calls = yeta.calls("callout")
    for id, number in wanted.items():  # as many requests as bore it
        assert finals[id]["attempts"] == rows(calls).count(number)
    halvings = [call for call in calls if not call.acted and len(call.body["call_list"]) > 1]
    assert len(calls) == 1 + 2 * len(halvings)  # each refusal of several gives two halves, and nothing else is asked
    assert worker.metric("trunkline_vendor_requests_total", code="invalid") == len(calls) - len(yeta.acted("callout"))


def test_other_refusals_are_every_rows_answer(start_simulator, start_egress, commands, results):
    yeta = start_simulator("yeta")
    start_egress([yeta])
    yeta.behave(path="callout", code="200209")
    wanted = order(commands, results, [dial_yeta(number) for number in numbers(50)])
    for data in results.assert_one_final_each(wanted).values():
        assert (data["status"], data["code"], data["vendor_code"]) == ("failed", "refused", "200209")
    assert len(yeta.calls("callout")) == 1


def test_a_callout_that_was_not_answered_is_unknown_for_every_row(start_simulator, start_egress, commands, results):
    yeta = start_simulator("yeta")
    start_egress([yeta])
    yeta.behave(path="callout", next=1, answer="close")
    wanted = order(commands, results, [dial_yeta(number) for number in numbers(80)])
    finals = results.assert_one_final_each(wanted)
    first, second = yeta.acted("callout")
    assert Counter(rows([first, second])) == Counter(wanted.values())
    for id, number in wanted.items():
        lost = number in rows([first])
        assert finals[id]["status"] == ("unknown" if lost else "succeeded")
        assert finals[id]["attempts"] == 1 and ("item_id" in finals[id]) != lost


def test_a_callout_is_repeated_whole_while_the_vendor_is_busy(start_simulator, start_egress, commands, results):
    yeta = start_simulator("yeta")
    start_egress([yeta])
    yeta.behave(path="callout", next=2, code="10004")
    wanted = order(commands, results, [dial_yeta(number) for number in numbers(30)])
    finals = results.assert_one_final_each(wanted)
    assert_called_once(yeta, finals, wanted)
    calls = yeta.calls("callout")
    assert [len(call.body["call_list"]) for call in calls] == [30] * 3
    assert {data["attempts"] for data in finals.values()} == {3}
    assert calls[1].door_ns - calls[0].door_ns >= 500_000_000  # backing off


@pytest.mark.parametrize("ids", [None, [], ["1", "2"], ["1", "2", "3", "4"], {"a": 1}, ["1", None, "3"]])
def test_rows_that_the_vendor_does_not_name_succeed_without_an_id(start_egress, commands, results, ids):
    answers = {
        "/openapi/oauth/v1/token": {"code": 0, "message": "ok", "result": {"token": "t", "time_expire": 3600}},
        None: {"code": 0, "message": "ok", "result": {"total": 3, "task_data_ids": ids}},
    }
    with StandIn(answers) as yeta:
        worker = start_egress([{"name": "yeta", "adapter": "yeta", "url": yeta.url,
                                "settings": {"app_key": "k", "app_secret": "s"}}])
        wanted = order(commands, results, [dial_yeta(number) for number in numbers(3)])
        for data in results.assert_one_final_each(wanted).values():
            assert (data["status"], data["code"], "item_id" in data) == ("succeeded", "ok", False)
        assert worker.metric("trunkline_items_missing_total") == 1 and len(yeta.calls) == 2


def test_a_half_is_intended_where_the_whole_ends(kafka, prefix, start_simulator, start_egress, commands, results):
    """In one transaction: between a refusal and the halves of it there is no moment at which a row belongs to neither.
    A transaction's end takes an offset of its own, so entries side by side are of one transaction."""
    yeta = start_simulator("yeta")
    start_egress([yeta])
    wanted = order(commands, results, [dial_yeta(number) for number in ["00000000001", *numbers(7)]])
    results.assert_one_final_each(wanted)
    records = kafka.read(prefix + TOPICS["journal"])
    entries = [(record.partition, record.offset, json.loads(record.value)) for record in records]
    of_attempt = {}
    for partition, offset, entry in entries:
        of_attempt.setdefault(entry.get("attempt"), {})[entry["kind"]] = (partition, offset, entry)
    places = {(partition, offset) for partition, offset, _ in entries}
    rows_of = lambda entry: {command["id"] for command in entry["commands"]}  # noqa: E731
    dispatched = [(p, o, entry) for p, o, entry in entries if entry["kind"] == "dispatched" and entry["commands"]]
    assert [len(entry["commands"]) for _, _, entry in dispatched][:1] == [8] and len(dispatched) == 7
    for partition, offset, half in dispatched[1:]:
        whole = max((entry for p, o, entry in dispatched if o < offset and rows_of(half) < rows_of(entry)),
                    key=lambda entry: -len(entry["commands"]))
        answered = of_attempt[whole["attempt"]]["answered"]
        assert all((partition, between) in places for between in range(answered[1], offset)), (answered, half)


def test_a_worker_that_dies_among_halves_calls_nobody_twice(
    kafka, prefix, start_simulator, start_egress, commands, results
):
    yeta = start_simulator("yeta")
    yeta.behave({"path": "callout", "next": 4}, {"path": "callout", "next": 2, "answer": "never"})
    worker = start_egress([account(yeta, timeout_seconds=2, concurrency=2)], {"egress": {"lease_seconds": 1}})
    wanted = order(commands, results, [dial_yeta(number) for number in [*numbers(33), "00000000001", *numbers(16, 33)]])
    yeta.wait_for_calls(5, "callout")
    worker.kill9()
    start_egress([account(yeta, timeout_seconds=2, concurrency=2)], {"egress": {"lease_seconds": 1}})
    finals = results.assert_one_final_each(wanted)
    acted = yeta.acted("callout")
    assert max(Counter(rows(acted)).values()) == 1
    given = ids_of_rows(acted)
    unknown = [id for id in wanted if finals[id]["status"] == "unknown"]
    for id, number in wanted.items():
        data = finals[id]
        if data["status"] == "succeeded":
            assert data["item_id"] == given[number]
        elif data["status"] == "failed":
            assert number == "00000000001" and data["vendor_code"] == "200203"
        else:
            assert data["status"] == "unknown", data
    # Those, and only those, that were meant to be called and whose callout's end was not written down.
    entries = [json.loads(record.value) for record in kafka.read(prefix + TOPICS["journal"])]
    concluded = {entry["attempt"] for entry in entries if entry["kind"] in ("answered", "returned")}
    open_ones = [entry for entry in entries if entry["kind"] == "dispatched" and entry["attempt"] not in concluded]
    assert 1 <= len(open_ones) <= 2
    # The kill may come before the second callout that gets no answer: then the next worker makes it, and times out.
    timed_out = {id for id in unknown if finals[id]["reason"].startswith("sent, and not answered")}
    assert set(unknown) - timed_out == {command["id"] for entry in open_ones for command in entry["commands"]}


def test_a_row_is_taken_out_of_a_callout_that_waits(start_simulator, start_egress, commands, results):
    yeta = start_simulator("yeta")
    yeta.behave(path="callout", next=3, code="10004")
    start_egress([yeta])
    wanted = order(commands, results, [dial_yeta(number) for number in numbers(5)])
    first, *others = wanted
    yeta.wait_for_calls(3, "callout")
    results.final(commands.submit("yeta", "command.cancel", {"command": first}))
    finals = results.assert_one_final_each(wanted)
    acted = rows(yeta.acted("callout"))
    assert (finals[first]["status"] == "cancelled") == (wanted[first] not in acted)
    assert {finals[id]["status"] for id in others} == {"succeeded"} and Counter(acted) <= Counter(wanted.values())


def test_a_flood_of_dials(start_simulator, start_egress, commands, results):
    """More than one look at the queue takes in, of two kinds that alternate, with bad rows among them."""
    count = 20000 if LONG else 2000
    yeta = start_simulator("yeta")
    worker = start_egress([account(yeta, concurrency=16)])
    called = [f"0000{number:07}" if number % 211 == 7 else each for number, each in enumerate(numbers(count))]
    salt = uuid.uuid4().hex
    wanted = order(commands, results, [
        dial_yeta(number, robot=str(719 + index % 2), row={"单号": f"{salt}-{index}"})
        for index, number in enumerate(called)])
    finals = results.assert_one_final_each(wanted, 300)
    refused = {id for id, number in wanted.items() if number.startswith("0000")}
    assert {finals[id]["status"] for id in refused} == {"failed"}
    assert_called_once(yeta, finals, {id: number for id, number in wanted.items() if id not in refused})
    calls = yeta.calls("callout")
    whole = [call for call in calls if len(call.body["call_list"]) == 50]
    assert len(whole) >= count / 50 * 0.9  # callouts are full while there is enough
    assert yeta.state()["concurrent_max"] <= 16 and worker.metric("trunkline_commands_unfinished") == 0
