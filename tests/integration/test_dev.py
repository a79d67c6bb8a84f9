"""The first try: callbacks, commands and what comes of them, with nothing but the binary."""

import json
import re

from gateway import run


def events_of(output):
    return [json.loads(line) for line in output.splitlines() if line.startswith('{"specversion"')]


def short(event):
    return event["type"].removeprefix("io.trunkline.").removesuffix(".v1")


def test_once_a_dial_is_carried_out_and_its_call_comes_back():
    told = run("dev", "--once", "--port", 0, "--management-port", 0)
    assert told.returncode == 0, told.stderr
    ours = [event for event in events_of(told.stdout) if event.get("correlationid") == "dev-dial"]
    steps = [short(event) for event in ours if event["subject"] == "dev-dial"]
    call = [event for event in ours if event["subject"] != "dev-dial"]
    assert steps == ["command.accepted", "command.dispatched", "command.succeeded"]
    assert [short(event) for event in call] == ["call.ringing", "call.answered", "call.ended", "call.recorded"]
    assert {event["data"]["call"]["customer"] for event in call} == {"17319132391"}
    assert len({event["subject"] for event in call}) == 1


def test_a_command_is_submitted_to_it_as_it_says(dev):
    (path,) = re.findall(r"trunkline command submit --config (\S+) --account 7moor", dev.output())
    data = json.dumps({"agent": "6001", "callee": "17319132392", "extras": {"mine": 1}})
    told = run("command", "submit", "--config", path, "--account", "7moor", "--type", "call.dial", "--data", data)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["status"] == "succeeded"

    data = json.dumps({"callee": "19900000001", "robot": "719", "line": "69101338"})
    told = run("command", "submit", "--config", path, "--account", "yeta", "--type", "call.dial", "--data", data)
    assert told.returncode == 0 and int(json.loads(told.stdout)["item_id"]) > 2**53, told.stderr

    data = json.dumps({"callee": "00001234567", "robot": "719", "line": "69101338"})
    told = run("command", "submit", "--config", path, "--account", "yeta", "--type", "call.dial", "--data", data)
    assert told.returncode == 1 and json.loads(told.stdout)["vendor_code"] == "200203", told.stderr
