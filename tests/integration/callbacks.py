"""Callbacks as the four vendors send them, with the event ids and topics that the contract gives them.

Written from the vendors' documents and the contract alone, so that a test compares two readings and not one with itself.
"""

import hashlib
import json
import random
from dataclasses import dataclass

CALLS = "trunkline.call.events"
AGENTS = "trunkline.agent.events"
TASKS = "trunkline.task.events"


@dataclass
class Callback:
    path: str  # behind /callbacks
    body: bytes
    events: dict  # event id -> topic
    call: str  # whose call (or task, or agent) it is about: events of one keep their order


def sevenmoor_call_event(call, number, event):
    unique = f"{call}-{number}"
    body = {
        "eventUniqueId": unique, "accountId": "20000153", "callUniqueId": call, "pushType": "dialoutEvent",
        "customerNumber": "17319132391", "trunkNumber": "", "displayNumber": "01081400192",
        "statusTime": str(1620455970 + number), "callEvent": event, "callType": "dialout", "agentNumber": "20001",
        "agentName": "sc的坐席", "extras": "",
    }
    kind = {"ring": "call.ringing", "link": "call.answered", "hangup": "call.ended", "calling": "call.dialing"}[event]
    return Callback("/7moor", encode(body), {f"7moor-{unique}-{kind}": CALLS}, call)


def yeta_record(call):
    body = {
        "call_uuid": call, "business_id": "150", "robot_id": "1161", "task_id": "88785",
        "task_data_id": 32264888839704576123, "caller": "055196866001", "callee": "19900000001", "direction": 2,
        "time_dial": 1543935195000, "time_answer": 1543935205000, "time_hangup": 1543935211000, "duration_ring": 10,
        "duration_call": 6, "task_result": "15", "task_row_index": 3, "task_row_head": ["客户手机号码"],
        "task_row_value": ["18656957753"],
    }
    return Callback("/yeta/receiveCallRecord", encode(body), {f"yeta-{call}-call.recorded-full": CALLS}, call)


def yeta_voice(call):
    url = f"ant/4/ivr/0/2018/05/31/0/{call}.wav"
    digest = hashlib.sha256(url.encode()).hexdigest()[:16]
    body = {"call_uuid": call, "url": url, "size": 1043244, "duration": 32, "business_id": "10527"}
    return Callback(
        "/yeta/receiveVoice", encode(body), {f"yeta-{call}-call.recording.available-{digest}": CALLS}, call
    )


def jiuyun_hangup(call):
    body = (
        "<?xml version='1.0'?>\n<req><action>Hangup</action><type>22</type><appId>7290fa01293c483fb2709c690f213272</appId>"
        f"<callId>{call}</callId><telX>18643210001</telX><startTime>20170911145109</startTime>"
        "<endTime>20170911150000</endTime><duration>9</duration><byeType>0</byeType>"
        f"<dateCreated>20170911150001</dateCreated><recordUrl>http://xxx.xx/get?id={call}&amp;x=1</recordUrl></req>"
    )
    ids = {f"jiuyun-{call}-call.ended": CALLS, f"jiuyun-{call}-call.recording.available": CALLS}
    return Callback("/jiuyun", body.encode(), ids, call)


def airudder_task(task, key="airudder"):
    sign = hashlib.md5((task + key).encode()).hexdigest()
    body = {"TaskID": task, "TaskName": "ABCD-PRODUCTION-3", "Sign": sign, "PlanName": "test-plan-1"}
    return Callback("/airudder/taskFinished", encode(body), {f"airudder-{task}-task.finished": TASKS}, task)


def encode(body):
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def call_story(name):
    """What one call pushes, in order: every callback's answer is awaited before the next is sent."""
    return [sevenmoor_call_event(name, n, e) for n, e in enumerate(("calling", "ring", "link", "hangup"))]


def story(name, kind):
    """A story of that kind (0 to 4), about a call of that name."""
    if kind < 2:
        return call_story(name)
    if kind == 2:
        return [yeta_record(name), yeta_voice(name)]
    if kind == 3:
        return [jiuyun_hangup(name)]
    return [airudder_task(hashlib.md5(name.encode()).hexdigest())]


def mixed(count, prefix, seed):
    """About `count` callbacks of all vendors as a list of stories; within a story the order matters."""
    choose = random.Random(seed)
    stories, made = [], 0
    while made < count:
        stories.append(story(f"{prefix}{len(stories):06d}", choose.randrange(5)))
        made += len(stories[-1])
    return stories
