"""`trunkline command` against a worker that the test plays itself: what it publishes, what it waits for, how it ends."""

import json
import os
import pty
import re
import subprocess
import threading

import confluent_kafka
import pytest
import yaml

from gateway import BINARY, TOPICS, run
from waiting import wait_until

SECRET = "a-very-secret-key"
TIME = "2026-03-01T12:00:00.000+00:00"
DIAL = {"agent": "8000", "callee": "13800138000"}


def configuration(brokers, data_dir, prefix=""):
    return {
        "instance": "test",
        "data_dir": str(data_dir),
        "gateway": {"address": "127.0.0.1", "port": 0},
        "management": {"address": "127.0.0.1", "port": 0},
        "kafka": {"bootstrap.servers": brokers},
        "topics": {"partitions": 3, **{role: prefix + name for role, name in TOPICS.items()}},
        "accounts": [
            {"name": "7moor", "adapter": "7moor", "url": "http://127.0.0.1:9", "settings": {"appkey": "K", "secret": SECRET}},
            {"name": "yeta", "adapter": "yeta", "url": "http://127.0.0.1:9", "settings": {"app_key": "K", "app_secret": SECRET}},
            {"name": "airudder", "adapter": "airudder", "url": "http://127.0.0.1:9", "settings": {"app_key": "K", "app_secret": SECRET}},
            {"name": "empty", "adapter": "7moor", "settings": {"appkey": "", "secret": ""}},
        ],
    }


@pytest.fixture(scope="module")
def offline(tmp_path_factory):
    """A configuration whose Kafka is not there."""
    directory = tmp_path_factory.mktemp("offline")
    path = directory / "trunkline.yaml"
    path.write_text(yaml.safe_dump(configuration("127.0.0.1:1", directory / "data")))
    return path


class Worker:
    """Plays the worker: reads the commands topic, and answers with the results that a test wants."""

    def __init__(self, kafka, directory, prefix):
        self.prefix = prefix
        self.path = directory / "trunkline.yaml"
        self.path.write_text(yaml.safe_dump(configuration(kafka.address, directory / "data", prefix)))
        assert run("topics", "create", "--config", self.path).returncode == 0
        # The murmur2 of Java's clients, for what is written here to stand where the worker would put it.
        self.producer = confluent_kafka.Producer({"bootstrap.servers": kafka.address, "partitioner": "murmur2_random", "linger.ms": 0})
        self.kafka = kafka

    def commands(self):
        return self.kafka.read(self.prefix + TOPICS["commands"])

    def command(self):
        """The one command of this test."""
        record, = wait_until(self.commands, 30, "the command")
        return record

    def publish(self, command, status, **members):
        """A result of that command (its value as an object), as the worker writes it."""
        key = f"{command['account']}/{command['id']}"
        data = {"command": command["id"], "command_type": command["type"], "account": command["account"], "status": status, "attempts": 0}
        event = {
            "specversion": "1.0", "id": f"{key}/{status}", "source": "/trunkline/egress", "type": f"io.trunkline.command.{status}.v1",
            "subject": command["id"], "time": TIME, "dataschema": f"urn:trunkline:schema:command.{status}:v1", "partitionkey": key,
            "account": command["account"], "correlationid": command["id"], "datacontenttype": "application/json", "data": data | members,
        }
        self.producer.produce(self.prefix + TOPICS["results"], json.dumps(event), key)
        assert self.producer.flush(30) == 0
        return event["data"]


@pytest.fixture
def worker(kafka, prefix, tmp_path):
    return Worker(kafka, tmp_path, prefix)


class Submission:
    """A `trunkline command` that runs beside the test."""

    def __init__(self, worker, *arguments, stderr=subprocess.PIPE):
        verb, *rest = map(str, arguments)
        self.process = subprocess.Popen(
            [str(BINARY), "command", verb, "--config", str(worker.path), *rest],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True,
        )

    def end(self, seconds=60):
        """(exit status, stdout, stderr)"""
        out, err = self.process.communicate(timeout=seconds)
        return self.process.returncode, out, err


@pytest.fixture
def submit(worker):
    submissions = []

    def start(*arguments, **keywords):
        submissions.append(Submission(worker, *arguments, **keywords))
        return submissions[-1]

    yield start
    for submission in submissions:
        if submission.process.poll() is None:
            submission.process.kill()
            submission.process.communicate()


# --- waiting for the result


@pytest.mark.parametrize("status, exit_status", [("succeeded", 0), ("failed", 1), ("expired", 3), ("cancelled", 3), ("unknown", 4)])
def test_the_exit_status_tells_how_it_ended(worker, submit, status, exit_status):
    submission = submit("submit", "--account", "7moor", "--type", "call.dial", "--data", json.dumps(DIAL))
    record = worker.command()
    command = json.loads(record.value)
    assert record.key == b"7moor" and record.header("content-type") == "application/json"
    assert command == {"id": command["id"], "type": "io.trunkline.command.call.dial.v1", "account": "7moor", "data": DIAL}
    assert re.fullmatch("[0-9a-f]{20}", command["id"])

    worker.publish(command, "accepted", queue={"ahead": 3, "expected_start": "2099-01-01T00:00:00.000+00:00"})
    worker.publish(command | {"id": "somebody-else"}, "succeeded")
    worker.publish(command | {"account": "yeta"}, "succeeded")
    worker.publish(command, "dispatched")
    data = worker.publish(command, status, code="ok", vendor_code="200", vendor_message="成\u001b功", answer={"a": [1.50]})

    returned, out, err = submission.end()
    assert returned == exit_status
    assert json.loads(out) == data and len(out.splitlines()) == 1
    steps = err.splitlines()
    assert steps[0] == f"submitted {command['id']}"
    assert re.fullmatch(r"accepted, 3 ahead, expected to start in \d+ s", steps[1])
    assert steps[2] == "dispatched"
    assert steps[3].startswith(f"{status}, code \"ok\", vendor's code \"200\"") and "\033" not in err
    assert len(steps) == 4 and "somebody-else" not in err and "13800138000" not in err


def test_no_result_in_time(worker, submit):
    status, out, err = submit("submit", "--account", "7moor", "--type", "call.hangup", "--data", '{"agent": "8000"}', "--timeout", 2).end()
    assert (status, out) == (5, "")
    assert "no result" in err.splitlines()[-1] and json.loads(worker.command().value)["id"] in err


def test_results_from_before_do_not_count(worker, submit):
    """The same id was used before: its old result is not this submission's."""
    command = {"id": "c-1", "type": "io.trunkline.command.call.hangup.v1", "account": "7moor"}
    worker.publish(command, "failed", code="busy")
    submission = submit("submit", "--account", "7moor", "--type", "call.hangup", "--data", '{"agent": "8000"}', "--id", "c-1")
    assert json.loads(worker.command().value)["id"] == "c-1"
    worker.publish(command, "succeeded", code="ok")
    assert submission.end()[0] == 0


def test_not_waiting(worker, submit):
    status, out, err = submit("submit", "--account", "7moor", "--type", "call.hangup", "--data", '{"agent": "8000"}', "--no-wait").end()
    assert (status, out) == (0, json.loads(worker.command().value)["id"] + "\n"), err


@pytest.mark.parametrize("arguments, name, data, account", [
    (["cancel", "--account", "yeta", "c-0 \"quoted\""], "command.cancel", {"command": "c-0 \"quoted\""}, "yeta"),
    (["hold", "yeta"], "account.hold", None, "yeta"),
    (["resume", "--id", "r-1", "yeta"], "account.resume", None, "yeta"),
])
def test_control_commands(worker, submit, arguments, name, data, account):
    submission = submit(*arguments)
    record = worker.command()
    command = json.loads(record.value)
    assert (command["type"], command.get("data"), command["account"]) == (f"io.trunkline.command.{name}.v1", data, account)
    assert record.key == account.encode()
    worker.publish(command, "succeeded", code="ok")
    assert submission.end()[0] == 0


def test_a_file_and_options(worker, submit, tmp_path):
    """Options replace what the file says; whatever else it holds is left as it is."""
    file = tmp_path / "command.json"
    file.write_text(json.dumps({
        "specversion": "1.0", "id": "from-file", "source": "/crm", "type": "io.trunkline.command.call.dial.v1", "account": "yeta",
        "priority": "bulk", "campaign": "spring", "data": DIAL,
    }))
    assert submit("submit", file, "--account", "7moor", "--id", "from-option", "--expires-in", "10m", "--no-wait").end()[0] == 0
    command = json.loads(worker.command().value)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", command.pop("expirytime"))
    assert command == json.loads(file.read_text()) | {"account": "7moor", "id": "from-option"}


def test_an_account_that_only_the_worker_knows(worker, submit):
    status, _, err = submit("submit", "--account", "elsewhere", "--type", "call.dial", "--no-wait").end()
    assert status == 0 and "account elsewhere is not in this configuration" in err
    assert worker.command().key == b"elsewhere"


def test_a_terminal_sees_that_it_waits(worker, submit):
    own, terminal = pty.openpty()
    submission = submit("submit", "--account", "7moor", "--type", "call.hangup", "--data", '{"agent": "8000"}', stderr=terminal)
    os.close(terminal)
    seen = bytearray()

    def read():
        try:
            while True:
                seen.extend(os.read(own, 4096))
        except OSError:  # the other end is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    command = json.loads(worker.command().value)
    worker.publish(command, "accepted", queue={"ahead": 0, "expected_start": "2099-01-01T00:00:00.000+00:00"})
    wait_until(lambda: re.search(rb"waiting for \d+ s, expected to start in \d+ s", seen), 30, "the line that it waits")
    worker.publish(command, "succeeded", code="ok")
    assert submission.end()[0] == 0
    reader.join(30)
    os.close(own)
    assert seen.rstrip().endswith(b'succeeded, code "ok"')


# --- what never gets to Kafka


@pytest.mark.parametrize("arguments, why", [
    ([], "say what to do first"),
    (["dial"], "say what to do first"),
    (["submit"], "give a FILE"),
    (["submit", "--account", "7moor"], "give a FILE"),
    (["submit", "--nonsense"], "there is no option '--nonsense'"),
    (["submit", "--account", "7moor", "--type", "call.dial", "--expires-in", "10"], "takes a duration"),
    (["submit", "--account", "7moor", "--type", "call.dial", "--expires-in", "0s"], "takes a duration"),
    (["submit", "--account", "7moor", "--type", "call.dial", "--expires-in", "99999999999999999999d"], "takes a duration"),
    (["submit", "--account", "7moor", "--type", "call.dial", "--timeout", "soon"], "takes a whole number"),
    (["submit", "/nonexistent/command.json"], "cannot open"),
    (["submit", "a", "b"], "one operand too many"),
    (["cancel", "c-1"], "--account is missing"),
    (["cancel", "--account", "7moor"], "the id of the command to be cancelled is missing"),
    (["cancel", "--type", "call.dial", "c-1"], "there is no option '--type'"),
    (["hold"], "the account is missing"),
    (["submit", "--account", "7moor", "--type", "call.dial", "--data", "{"], "--data is not JSON"),
    (["submit", "--account", "7moor", "--type", "call.dial", "--data", "[]"], "--data must be one JSON object"),
    (["submit", "--account", "7moor", "--type", "Call", "--data", "{}"], "type must be io.trunkline.command.<name>.v1"),
    (["submit", "--account", "7moor", "--type", "call.dial", "--priority", "urgent"], "priority must be"),
    (["submit", "--account", "7moor", "--type", "call.dial", "--data", '{"agent": "8000"}'], "data.callee"),
    (["submit", "--account", "7moor", "--type", "call.dial", "--data", '{"agent": "8000", "callee": 13800138000}'], "data.callee: must be a string"),
    (["submit", "--account", "7moor", "--type", "task.start", "--data", '{"task": "1"}'], "7moor has no operation task.start; it has agent.login"),
    (["submit", "--account", "7moor", "--type", "command.cancel"], "data.command must be the id"),
    (["submit", "--account", "7moor", "--type", "account.hold", "--dry-run"], "nothing is sent to a vendor"),
    (["submit", "--account", "empty", "--type", "call.dial", "--dry-run"], "has no credentials in this configuration"),
    (["submit", "--account", "elsewhere", "--type", "call.dial", "--dry-run"], "is not in this configuration"),
])
def test_what_is_wrong_is_told_in_one_line(offline, arguments, why):
    told = run("command", *arguments[:1], "--config", offline, *arguments[1:]) if arguments else run("command")
    assert (told.returncode, told.stdout) == (2, "")
    assert why in told.stderr and len(told.stderr.splitlines()) == 1 and "13800138000" not in told.stderr


def test_standard_input_is_a_file_too(offline):
    told = run("command", "submit", "--config", offline, "-", stdin=b'{"id": "c"')
    assert told.returncode == 2 and "standard input is not JSON" in told.stderr


def test_kafka_is_away(offline):
    told = run("command", "hold", "--config", offline, "7moor")
    assert (told.returncode, told.stdout) == (1, "") and "cannot reach Kafka" in told.stderr


@pytest.mark.parametrize("account, name, data, head, names, body", [
    ("7moor", "call.dial", DIAL, "POST /openapi/v1/call/dialOut", ["content-type", "m7-appkey", "m7-timestamp", "m7-nonce", "m7-sign"],
     {"agentNumber": "8000", "calleeNumber": "13800138000", "extras": {"_tl": "c-1"}}),
    ("yeta", "task.start", {"task": "129"}, "POST /openapi/outbound/v1/task/start?token=...", ["content-type"], {"task_id": "129"}),
    ("airudder", "airudder.request", {"path": "/service/cloud/list?Page=1"}, "GET /service/cloud/list?Page=1", ["authorization"], None),
])
def test_a_dry_run_shows_the_request_and_no_secret(offline, account, name, data, head, names, body):
    told = run("command", "submit", "--config", offline, "--dry-run", "--account", account, "--type", name, "--id", "c-1", "--data", json.dumps(data))
    assert (told.returncode, told.stderr) == (0, "")
    lines = told.stdout.splitlines()
    assert lines[0] == head and lines[1:1 + len(names)] == names and lines[1 + len(names)] == ""
    assert [json.loads(line) for line in lines[2 + len(names):]] == ([] if body is None else [body])
    assert SECRET not in told.stdout


def test_its_help_tells_the_exit_statuses():
    told = run("command", "--help")
    assert told.returncode == 0 and told.stdout == run("command", "submit", "--help").stdout
    assert told.stdout.startswith("usage: trunkline command submit") and re.search(r"Exit status: 0 succeeded .* 5 no final", told.stdout, re.S)
    assert "command" in run("--help").stdout
