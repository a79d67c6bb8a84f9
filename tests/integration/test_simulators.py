"""The simulated vendors: what the worker's tests believe of them must be true, so a client of its own asks them."""

import concurrent.futures
import http.client
import json
import re
import socket
import struct
import threading
import time

import pytest

import simulators
from gateway import run
from simulators import sign_7moor
from waiting import wait_until

DIAL = {"agentNumber": "6000", "calleeNumber": "17319132391", "extras": {"test": "漳州"}, "groupRule": 1}
ROWS = {"line_num": "69101338", "robot_id": "719", "call_column": ["客户手机号码", "姓名"],
        "call_list": [["19900000001", "张先生"], ["19900000002", "王女士"]]}
BUSY = ("busy", {"agentNumber": "6000"})


def ended(call):
    """Whether the client sees its connection end without an answer."""
    try:
        call()
    except (http.client.BadStatusLine, ConnectionError, http.client.IncompleteRead):
        return True
    return False


# 7moor.

def test_the_documents_vector_signs_as_it_says():
    signed = sign_7moor("2000103", "HWHp9xFVlbboxIU2S6DHA7sf9sGzt3", 1608119594, "123221")
    assert signed["m7-sign"] == "ybCwXrg9CMo39xv1kdfVLemqFmk+2Elz+vXYu1CyHlo="


def test_the_documents_vector_is_taken_and_refused_by_the_simulator_as_well(start_simulator):
    moor = start_simulator("7moor", key="2000103", secret="HWHp9xFVlbboxIU2S6DHA7sf9sGzt3")
    vector = {"m7-appkey": "2000103", "m7-timestamp": "1608119594", "m7-nonce": "123221",
              "m7-sign": "ybCwXrg9CMo39xv1kdfVLemqFmk+2Elz+vXYu1CyHlo="}
    assert moor.post("/openapi/v1/call/busy", BUSY[1], vector)[2]["code"] == "50014"  # well signed, but of 2020
    assert moor.post_7moor(*BUSY)["code"] == "200"


@pytest.mark.parametrize("operation, body, data", [
    ("online", {"agentNumber": "2000", "loginType": "PSTN", "status": "0"}, "座席上线成功"),
    ("offline", {"agentNumber": "2000"}, "座席下线成功"), ("busy", {"agentNumber": "2000"}, None),
    ("rest", {"agentNumber": "2000"}, None), ("dialOut", DIAL, 200), ("hangup", {"agentNumber": "2000"}, 200),
    ("hold", {"agentNumber": "2000"}, 200), ("unhold", {"agentNumber": "2000"}, 200),
    ("mute", {"agentNumber": "2000"}, "座席下线成功"), ("unmute", {"agentNumber": "2000"}, "座席下线成功"),
    ("transfer", {"agentNumber": "9527", "mode": "agent", "number": "1000", "actionId": "a"}, 200),
    ("consult", {"agentNumber": "9527", "mode": "agent", "number": "2002", "actionId": "a"}, 200),
    ("consultTransfer", {"agentNumber": "9527", "actionId": "a"}, 200), ("threeWayCall", {"agentNumber": "9527"}, 200),
    ("resumeConsult", {"agentNumber": "2000"}, 200), ("cancelconsult", {"agentNumber": "2000"}, 200),
    ("webcall", {"actionId": "9499303062290909090", "callerNumber": "17319132391", "callerTimeout": 2000,
                 "callerDisplayNumber": "", "calleeNumber": "18381051957", "calleeType": "number",
                 "calleeTimeout": 120, "calleeDisplayNumber": "01081400192", "extras": {"name": "zhangsan"}}, 200),
])
def test_every_operation_of_7moor_is_answered_as_documented(simulator_7moor, operation, body, data):
    answer = simulator_7moor.post_7moor(operation, body)
    assert (answer["success"], answer["code"], answer["message"]) == (True, "200", "requestSuccess")
    assert answer["requestInfo"]["body"] == body and answer["requestInfo"]["headers"]["m7-sign"]
    given = answer.get("data")
    assert (given["code"] if isinstance(given, dict) else given) == data
    (call,) = simulator_7moor.calls(operation)
    assert (call.body, call.code, call.acted, call.status, call.answer) == (body, "200", True, 200, answer)


def test_the_records_of_7moor_are_the_calls_that_were_dialled(simulator_7moor):
    for number in range(3):
        simulator_7moor.post_7moor("dialOut", DIAL | {"agentNumber": str(number)})
    today = time.strftime("%Y-%m-%d", time.gmtime(simulator_7moor.calls()[0].wall_ns / 1e9 + 8 * 3600))
    body = {"startTime": today + " 00:00:00", "endTime": today + " 23:59:59", "page": 2, "pageSize": 1}
    found = simulator_7moor.post_7moor("cdr/list", body)["data"]
    assert found["count"] == 3 and [row["agentNumber"] for row in found["list"]] == ["1"]
    row = found["list"][0]
    found = simulator_7moor.post_7moor("cdr/list", {"uniqueId": row["_id"]})["data"]
    assert found == {"list": [row], "count": 1} and row["extras"] == DIAL["extras"]


@pytest.mark.parametrize("changes, code", [
    ({"secret": "wrong"}, "50002"), ({"key": "20009999"}, "6717"), ({"seconds_off": -400}, "50014"),
    ({"seconds_off": 400}, "50014"), ({"timestamp": 1608119594000}, "50019"),
    ({"nonce": "12345"}, "50016"), ({"nonce": "12a456"}, "50016"),
])
def test_a_request_that_is_wrongly_signed_is_refused_by_7moor(simulator_7moor, changes, code):
    if "seconds_off" in changes:
        changes = {"timestamp": int(time.time()) + changes["seconds_off"]}
    answer = simulator_7moor.post_7moor("dialOut", DIAL, **changes)
    assert (answer["success"], answer["code"]) == (False, code)
    assert simulator_7moor.acted() == []


@pytest.mark.parametrize("header, code", [("m7-appkey", "50012"), ("m7-timestamp", "50013"), ("m7-sign", "50015"),
                                          ("m7-nonce", "50016")])
def test_a_header_that_is_missing_is_named_by_7moor(simulator_7moor, header, code):
    headers = sign_7moor()
    del headers[header]
    assert simulator_7moor.post("/openapi/v1/call/dialOut", DIAL, headers)[2]["code"] == code


def test_7moor_takes_a_sign_once(simulator_7moor):
    headers = sign_7moor()
    answers = [simulator_7moor.post("/openapi/v1/call/dialOut", DIAL, headers)[2]["code"] for _ in range(2)]
    assert answers == ["200", "50016"] and len(simulator_7moor.acted()) == 1


@pytest.mark.parametrize("operation, body, code", [
    ("dialOut", {"calleeNumber": "17319132391", "extras": {}}, "6707"),
    ("dialOut", {"agentNumber": "6000", "calleeNumber": "17319132391"}, "40000"),  # extras is mandatory
    ("dialOut", DIAL | {"calleeNumber": 17319132391}, "40000"), ("dialOut", DIAL | {"groupRule": "1"}, "40000"),
    ("dialOut", DIAL | {"agentTimeout": 60}, "40000"), ("dialOut", DIAL | {"unheard": "of"}, "40000"),
    ("dialOut", DIAL | {"groupRule": 2}, "6724"), ("dialOut", DIAL | {"extras": {"a": "x" * 143}}, "6725"),
    ("dialOut", DIAL | {"extras": {"a": "漳" * 84}}, "6725"), ("dialOut", b"[1]", "40000"), ("dialOut", b"{", "40000"),
    ("online", {"agentNumber": "1", "loginType": "TELEX", "status": "0"}, "6711"),
    ("online", {"agentNumber": "1", "loginType": "SIP", "status": 0}, "40000"), ("unheard", {}, "50001"),
    ("transfer", {"agentNumber": "1", "mode": "agent", "number": "2", "actionId": "x" * 41}, "40000"),
    ("cdr/list", {}, "6733"), ("cdr/list", {"startTime": "yesterday", "endTime": "today"}, "6734"),
    ("cdr/list", {"startTime": "2026-11-01 00:00:00", "endTime": "2026-11-08 00:00:01"}, "40000"),
])
def test_a_body_that_7moor_does_not_take_is_refused_with_its_code(simulator_7moor, operation, body, code):
    answer = simulator_7moor.post_7moor(operation, body)
    assert (answer["success"], answer["code"]) == (False, code), answer["message"]
    assert simulator_7moor.acted() == []


def test_the_largest_extras_are_taken(simulator_7moor):
    extras = json.dumps({"a": "x" * 140})
    assert len(extras) == 149
    assert simulator_7moor.post_7moor("dialOut", DIAL | {"extras": {"a": "x" * 140}})["code"] == "200"


# The door.

def test_the_call_beyond_the_window_is_refused_and_counted(start_simulator):
    moor = start_simulator("7moor", limit=5, window_ms=600000)
    codes = [moor.post_7moor(*BUSY)["code"] for _ in range(7)]
    assert codes == ["200"] * 5 + ["50010"] * 2
    assert [call.in_window for call in moor.calls()] == [1, 2, 3, 4, 5, 6, 7]
    assert moor.state()["exceeded"] == 2 and moor.state()["in_window_max"] == 7 and moor.max_in_window(600) == 7


def test_the_window_slides(start_simulator):
    moor = start_simulator("7moor", limit=2, window_ms=1500)
    assert [moor.post_7moor(*BUSY)["code"] for _ in range(2)] == ["200", "200"]
    first, second = moor.calls()
    wait_until(lambda: time.monotonic_ns() > second.door_ns + 1_500_000_000, 10, "the window to pass")
    assert moor.post_7moor(*BUSY)["code"] == "200"
    assert moor.calls()[-1].in_window == 1 and moor.state()["exceeded"] == 0


def test_windows_are_counted_from_the_doors_times():
    calls = [simulators.Call(*[0] * 17) for _ in range(4)]
    for call, at in zip(calls, (0, 10**9, 2 * 10**9 - 1, 2 * 10**9), strict=True):
        call.door_ns = at
    assert [simulators.most_in_window(calls, seconds) for seconds in (1, 2, 3)] == [2, 3, 4]


def test_calls_under_way_together_are_counted(start_simulator):
    moor = start_simulator("7moor", limit=0)
    moor.behave(path="busy", delay_ms=[2900, 3000])
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        answers = [pool.submit(moor.post_7moor, *BUSY) for _ in range(5)]
        wait_until(lambda: moor.state()["concurrent"] == 5, 20, "five calls under way")
        assert not any(answer.done() for answer in answers)
        assert [answer.result()["code"] for answer in answers] == ["200"] * 5
    assert [call.concurrent for call in moor.calls()] == [1, 2, 3, 4, 5]
    assert (moor.state()["concurrent"], moor.state()["concurrent_max"]) == (0, 5)


# Behaviours.

@pytest.mark.parametrize("answer, acted", [("close", True), ("half", True), ("garbage", True), ("refuse", None)])
def test_a_connection_that_breaks_off(simulator_7moor, answer, acted):
    simulator_7moor.behave(path="dialOut", next=1, answer=answer)
    assert simulator_7moor.post_7moor(*BUSY)["code"] == "200"
    assert ended(lambda: simulator_7moor.post_7moor("dialOut", DIAL))
    assert [call.acted for call in simulator_7moor.calls("dialOut")] == ([] if acted is None else [acted])
    assert simulator_7moor.state()["refused"] == (acted is None)
    assert simulator_7moor.post_7moor("dialOut", DIAL)["code"] == "200"


def test_connections_are_closed_as_they_come(simulator_7moor):
    simulator_7moor.behave(next=2, answer="refuse")
    for _ in range(2):
        assert ended(lambda: simulator_7moor.post_7moor(*BUSY))
    assert simulator_7moor.post_7moor(*BUSY)["code"] == "200"
    assert len(simulator_7moor.calls()) == 1 and simulator_7moor.state()["connected"] == 1


def test_half_an_answer_promises_the_whole(simulator_7moor):
    simulator_7moor.behave(answer="half")
    with pytest.raises(http.client.IncompleteRead) as raised:
        simulator_7moor.post_7moor(*BUSY)
    came, missing = len(raised.value.partial), raised.value.expected
    assert came == (came + missing) // 2 > 0


@pytest.mark.parametrize("behaviour, status, body, acted", [
    ({"answer": "html"}, 200, "<html>.*</html>\r\n", True), ({"answer": "empty"}, 200, "", True),
    ({"answer": "huge", "bytes": 3000000}, 200, r'\{"code":"200","data":"x{3000000}"\}', True),
    ({"answer": "deep"}, 200, r'\{"code":"200","data":\[{100000}', True),
    ({"status": 503}, 503, "<html>.*", False), ({"status": 500, "act": True}, 500, "<html>.*", True),
])
def test_answers_that_are_none(simulator_7moor, behaviour, status, body, acted):
    simulator_7moor.behave(next=1, **behaviour)
    url, headers = simulator_7moor.url, sign_7moor()
    given, _, answer = simulators.request(url, "POST", "/openapi/v1/call/dialOut", DIAL, headers)
    assert given == status and re.fullmatch(body, answer.decode(), re.S)
    assert [call.acted for call in simulator_7moor.calls()] == [acted]


def test_a_limit_in_http_names_its_time(simulator_7moor):
    simulator_7moor.behave(next=1, status=429, retry_after=7)
    status, headers, _ = simulator_7moor.post("/openapi/v1/call/dialOut", DIAL, sign_7moor())
    assert (status, headers["retry-after"]) == (429, "7") and simulator_7moor.acted() == []


def test_a_code_of_the_vendor(simulator_7moor, simulator_yeta):
    simulator_7moor.behave(next=1, code="50020")
    answer = simulator_7moor.post_7moor("dialOut", DIAL)
    assert (answer["success"], answer["code"]) == (False, "50020") and simulator_7moor.acted() == []
    token = simulator_yeta.token()
    simulator_yeta.behave(path="callout", next=1, code="10004")
    assert simulator_yeta.post_yeta("outbound/v1/task/callout", ROWS, token)["code"] == 10004
    assert simulator_yeta.post_yeta("outbound/v1/task/callout", ROWS, token)["code"] == 0


def test_an_answer_that_never_comes(simulator_7moor):
    simulator_7moor.behave(next=1, answer="never")
    with pytest.raises(socket.timeout):
        simulator_7moor.post("/openapi/v1/call/dialOut", DIAL, sign_7moor(), seconds=0.5)
    assert [call.acted for call in simulator_7moor.calls()] == [True]


@pytest.mark.parametrize("late", ["close", "hang"])
def test_a_call_that_comes_to_the_door_after_its_client_gave_up(start_simulator, late):
    moor = start_simulator("7moor", limit=1, window_ms=600000)
    moor.behave(next=1, late_ms=[3000, 3100], late=late)
    if late == "close":
        assert ended(lambda: moor.post_7moor("dialOut", DIAL))
    else:
        with pytest.raises(socket.timeout):
            moor.post("/openapi/v1/call/dialOut", DIAL, sign_7moor(), seconds=0.3)
    assert moor.calls() == [] and moor.state()["stragglers"] == 1
    assert moor.post_7moor("busy", {"agentNumber": "1"})["code"] == "200"
    (first, straggler) = moor.wait_for_calls(2)
    assert straggler.operation == "dialOut" and straggler.exceeded and not straggler.acted
    assert straggler.door_ns - straggler.read_ns >= 3_000_000_000 and straggler.in_window == 2
    assert moor.state()["stragglers"] == 0 and first.operation == "busy"


def test_chance_comes_out_the_same_for_the_same_seed(start_simulator):
    def hits(seed):
        moor = start_simulator("7moor", limit=0, seed=seed)
        moor.behave(probability=0.3, code="6701")
        return [moor.post_7moor(*BUSY)["code"] for _ in range(60)]

    first = hits(7)
    assert first == hits(7) and 5 < first.count("6701") < 35
    assert first != hits(8)


def test_behaviours_fit_by_path_and_body_the_first_one_first(simulator_7moor):
    simulator_7moor.behave({"body": '"666"', "code": "6701"}, {"path": "h*ld", "code": "6712"}, {"code": "6708"})
    codes = [simulator_7moor.post_7moor(operation, {"agentNumber": agent})["code"]
             for operation, agent in (("hold", "666"), ("hold", "1"), ("unhold", "1"), ("busy", "1"))]
    assert codes == ["6701", "6712", "6712", "6708"]
    simulator_7moor.reset()
    assert simulator_7moor.post_7moor("busy", {"agentNumber": "666"})["code"] == "200"
    assert len(simulator_7moor.calls()) == 1


@pytest.mark.parametrize("behaviour", [
    {"nonsense": 1}, {"answer": "shout"}, {"next": -1}, {"probability": 2}, {"delay_ms": [5, 1]}, {"answer": "code"}, 7,
])
def test_a_behaviour_that_is_none_is_refused(simulator_7moor, behaviour):
    status, _, answer = simulators.request(simulator_7moor.control_url, "POST", "/simulator/behaviour", behaviour)
    assert status == 400 and json.loads(answer)["error"]
    assert simulator_7moor.state()["behaviours"] == []


# yeta.

def test_yetas_tokens_end_and_are_revoked(start_simulator):
    yeta = start_simulator("yeta", token_seconds=1)
    post = lambda token: yeta.post_yeta("config/v1/query", {"type": 0}, token)["code"]  # noqa: E731
    token = yeta.token()
    assert post("nonsense") == 10001 and post("") == 10001
    assert post(token) == 0 or time.monotonic_ns() > yeta.calls("token")[0].door_ns + 1_000_000_000
    wait_until(lambda: post(token) == 10001, 10, "the token to end")
    yeta.options(token_seconds=3600)
    first, second = yeta.token(), yeta.token()
    assert (post(first), post(second)) == (0, 0)
    yeta.revoke()
    assert (post(first), post(second)) == (10001, 10001)


def test_a_new_token_of_yeta_may_end_the_older(start_simulator):
    yeta = start_simulator("yeta", single_token=True)
    first, second = yeta.token(), yeta.token()
    assert [yeta.post_yeta("config/v1/query", {}, token)["code"] for token in (first, second)] == [10001, 0]
    wrong = {"app_key": yeta.key, "app_secret": "wrong"}
    assert yeta.post("/openapi/oauth/v1/token", wrong)[2]["code"] == 200101


def test_a_callout_of_yeta_gives_an_id_a_row(simulator_yeta):
    token = simulator_yeta.token()
    answers = [simulator_yeta.post_yeta("outbound/v1/task/callout", ROWS, token) for _ in range(2)]
    ids = [number for answer in answers for number in answer["result"]["task_data_ids"]]
    assert [answer["result"]["total"] for answer in answers] == [2, 2]
    assert len(set(ids)) == 4 and min(ids) > 2**53  # no double holds them


@pytest.mark.parametrize("changes, code", [
    ({"call_list": [["19900000001", "a"], ["00001234567", "b"]]}, 200203),
    ({"call_list": [["19900000001", "a"], ["199x0000002", "b"]]}, 200203),
    ({"call_list": [["19900000001"], ["19900000002", "b"]]}, 200212),
    ({"call_list": [["19900000001", "a"]] * 51}, 200213), ({"call_list": []}, 10005), ({"robot_id": ""}, 10005),
    ({"call_list": [["19900000001", 7]]}, 10005), ({"robot_speed": 501}, 200206), ({"unheard": "of"}, 10005),
])
def test_one_bad_row_refuses_a_whole_callout(simulator_yeta, changes, code):
    token = simulator_yeta.token()
    assert simulator_yeta.post_yeta("outbound/v1/task/callout", ROWS | changes, token)["code"] == code
    assert simulator_yeta.acted("callout") == [] and simulator_yeta.state()["rows"] == 0


def test_the_life_of_a_task_of_yeta(simulator_yeta):
    token = simulator_yeta.token()
    post = lambda what, **body: simulator_yeta.post_yeta(f"outbound/v1/task/{what}", body, token)  # noqa: E731
    created = post("create", task_name="测试外呼", line_num="055169101407", robot_id="11", time_begin=1527321492000)
    task = created["result"]["task_id"]
    assert post("insert", task_id=task, call_column=["客户手机号码"], call_list=[["19900000001"]])["result"]["total"] == 1
    assert post("pause", task_id=task)["code"] == 200200
    assert [post(what, task_id=task)["code"] for what in ("start", "pause", "start")] == [0, 0, 0]
    assert post("insert", task_id=task, call_column=["客户手机号码"], call_list=[["19900000001"]])["code"] == 200200
    (row,) = post("query", task_name="外呼")["result"]["rows"]
    assert (row["task_id"], row["status"], row["count_tel"], row["deleted"]) == (task, 1, 1, 0)
    assert [post("delete", task_id=task)["code"] for _ in range(2)] == [0, 3010102]
    assert post("start", task_id=task)["code"] == 3010102 and post("start", task_id="129")["code"] == 200202
    assert post("query", page_size=51)["code"] == 10005


def test_resources_and_failed_pushes_of_yeta(simulator_yeta):
    token = simulator_yeta.token()
    everything = simulator_yeta.post_yeta("config/v1/query", {"type": 0}, token)["result"]
    assert set(everything) == {"lines", "robots", "urls", "voices"}
    for kind, name in ((1, "robots"), (2, "lines"), (3, "urls"), (4, "voices")):
        assert simulator_yeta.post_yeta("config/v1/query", {"type": kind}, token)["result"] == {name: everything[name]}
    found = simulator_yeta.post_yeta("download/v1/push/failed", {"date": "2018-12-10"}, token)["result"]["url"]
    assert found == ["4267/2018-12-10/0806090407040D0F0F020F060B080E09.zip"]


# What is written down, and pushed.

def test_the_ledger_is_a_file_as_well(simulator_7moor):
    simulator_7moor.post_7moor("dialOut", DIAL)
    (line,) = simulator_7moor.ledger_path.read_text().splitlines()
    assert simulators.Call.read(json.loads(line)) == simulator_7moor.calls()[0]
    assert simulator_7moor.calls()[0].headers["m7-appkey"] == simulators.KEY


def test_several_requests_on_one_connection(simulator_7moor):
    address = simulator_7moor.url.removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=10)
    for number in range(5):
        connection.request("POST", "/openapi/v1/call/busy", json.dumps(BUSY[1]), sign_7moor(nonce=f"{number:06}"))
        assert json.loads(connection.getresponse().read())["code"] == "200"
    connection.close()
    assert len(simulator_7moor.calls()) == 5 and simulator_7moor.state()["connected"] == 1


def test_five_hundred_clients_at_once(start_simulator):
    moor = start_simulator("7moor", limit=0)
    moor.behave(delay_ms=[0, 50])
    started = threading.Barrier(500)

    def client(number):
        started.wait(60)
        headers = sign_7moor(nonce=f"{number:06}")
        return moor.post("/openapi/v1/call/busy", BUSY[1], headers, seconds=60)[2]["code"]

    with concurrent.futures.ThreadPoolExecutor(500) as pool:
        assert list(pool.map(client, range(500))) == ["200"] * 500
    assert [call.seq for call in moor.calls()] == list(range(1, 501))


def test_clients_that_are_gone_before_their_answer_do_it_no_harm(start_simulator):
    """Many at once, on one connection after the other: each write but the first meets a connection that is reset."""
    moor = start_simulator("7moor", limit=0)
    host, port = moor.url.removeprefix("http://").split(":")
    for _ in range(300):
        with socket.create_connection((host, int(port))) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
    assert moor.post_7moor("dialOut", DIAL)["code"] == "200"


def test_calls_are_pushed_to_a_gateway_and_become_its_events(start_simulator, dev):
    moor = start_simulator("7moor", push_url=dev.url + "/callbacks/7moor", push_step_ms=1)
    yeta = start_simulator("yeta", push_url=dev.url + "/callbacks/yeta", push_step_ms=1)
    assert moor.post_7moor("dialOut", DIAL | {"extras": {"_tl": "command-1", "mine": 1}})["code"] == "200"
    callout = yeta.post_yeta("outbound/v1/task/callout", ROWS, yeta.token())

    def events():
        lines = [json.loads(line) for line in dev.output().splitlines() if line.startswith('{"specversion"')]
        ours = [event for event in lines if event.get("correlationid") == "command-1"]
        rows = {event["data"]["task"]["item_id"] for event in lines if "item_id" in event["data"].get("task", {})}
        return (ours, rows) if len(ours) >= 4 and len(rows & items) == 2 else None

    items = {str(number) for number in callout["result"]["task_data_ids"]}
    ours, _ = wait_until(events, 30, "the events of the simulated calls")
    types = [event["type"].removeprefix("io.trunkline.").removesuffix(".v1") for event in ours]
    assert types == ["call.ringing", "call.answered", "call.ended", "call.recorded"]
    assert {event["subject"] for event in ours} == {moor.post_7moor(
        "cdr/list", {"uniqueId": ours[0]["subject"]})["data"]["list"][0]["_id"]}
    wait_until(lambda: (moor.state()["pushes_answered"], yeta.state()["pushes_answered"]) == (4, 4), 10, "all pushes")
    assert moor.state()["pushes_given_up"] == 0


def test_a_vendor_that_is_none():
    for arguments in (["simulate"], ["simulate", "nobody"], ["simulate", "7moor", "--port", "x"]):
        told = run(*arguments)
        assert told.returncode == 2 and len(told.stderr.splitlines()) == 1
