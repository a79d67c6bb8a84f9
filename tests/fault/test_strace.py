"""Held against strace's record: no answer's bytes leave before the fsync that covers its event has returned, or before
Kafka's answer to the produce request that carried it has been read."""

import os
import re
import threading

import pytest

import callbacks
import stage as stages
from strace import READS, SYNCS, WRITES, Trace, frames, read
from waiting import wait_until

# No leaks are looked for: a process that is traced cannot be.
TRACEABLE = {"ASAN_OPTIONS": f"{os.environ.get('ASAN_OPTIONS', '')}:detect_leaks=0".lstrip(":")}
DELAY_US = 5000  # by which each fsync is held back after it is done: whoever does not wait for it is seen to be early
PRODUCE = 0
ACCEPTED = b"HTTP/1.1 200"
NAMED = b'"call_uuid":"mine"'


def post_in_turn(gateway, names):
    """One client, each callback after the answer to the former. Gives name -> durability."""
    durabilities = {}
    with gateway.client(30) as client:
        for name in names:
            callback = callbacks.yeta_record(name)
            client.post("/callbacks" + callback.path, callback.body)
            response = client.response()
            assert response.status == 200, response
            durabilities[name] = response.header("Trunkline-Durability")
    return durabilities


def post_at_once(gateway, clients, each):
    """So many clients side by side, each in turn."""
    durabilities = {}
    threads = [
        threading.Thread(target=lambda number=number: durabilities.update(
            post_in_turn(gateway, [f"client-{number:03d}-call-{n:04d}-x" for n in range(each)])
        ))
        for number in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(durabilities) == clients * each
    return durabilities


def answers(calls, names, port):
    """name -> the call that sent the answer to it, out of what went through the clients' connections."""
    waiting, found = {}, {}
    ours = f"TCP:[127.0.0.1:{port}->"
    for call in sorted((call for call in calls if call.target.startswith(ours)), key=moment):
        if call.name in READS and call.data:
            asked = [name for name in names if f'"call_uuid":"{name}"'.encode() in call.data]
            assert len(asked) <= 1
            waiting.update({call.target: name for name in asked})
        elif call.name in WRITES and call.data.startswith(ACCEPTED):
            found[waiting.pop(call.target)] = call
    assert found.keys() == set(names)
    return found


def moment(call):
    """A read counts from when it has returned, a write from when it is asked for."""
    return call.returned if call.name in READS and call.returned is not None else call.entered


def is_spool(call):
    return re.search(r"\.db(-wal)?$", call.target) is not None


def stem(call):
    """The spool file that it is about."""
    return call.target.removesuffix("-wal")


def early_for_disk(calls, sent):
    """The names whose answer was under way before an fsync had returned that was asked for after the record was
    written."""
    files = [call for call in calls if is_spool(call)]
    writes = [call for call in files if call.name in WRITES]
    syncs = [call for call in files if call.name in SYNCS and call.result == 0]
    early = []
    for name, answer in sent.items():
        written = [call for call in writes if name.encode() in call.data]
        covered = [
            sync.returned for sync in syncs
            if any(write.target == sync.target and write.returned < sync.entered for write in written)
        ]
        if not covered or min(covered) >= answer.entered:
            early.append(name)
    return early


def early_for_kafka(calls, sent, brokers):
    """The names whose answer was under way before a produce request with its event was answered, without an error."""
    acknowledged = {}
    for target in {call.target for call in calls if call.target.endswith(f"->{brokers}]")}:
        through = sorted((call for call in calls if call.target == target and call.data), key=moment)
        asked = {
            request[4:8]: request
            for request, _ in frames([call for call in through if call.name in WRITES])
            if int.from_bytes(request[:2], "big") == PRODUCE
        }
        for response, call in frames([call for call in through if call.name in READS]):
            if response[:4] in asked:
                carried = [name for name in sent if name.encode() in asked[response[:4]]]
                if produce_errors(response) == {0}:
                    acknowledged.update((name, call.returned) for name in carried if name not in acknowledged)
    return [name for name, answer in sent.items() if acknowledged.get(name, answer.entered) >= answer.entered]


def produce_errors(response):
    """The error codes of Kafka's answer to a produce request (version 5 to 7), behind its correlation id."""
    def number(at, length):
        return int.from_bytes(response[at:at + length], "big")

    errors, at = set(), 8
    for _ in range(number(4, 4)):
        at += 2 + number(at, 2) + 4
        for _ in range(number(at - 4, 4)):
            errors.add(number(at + 4, 2))
            at += 30  # partition, error, offset, time, where the log starts
    assert at + 4 == len(response)
    return errors


@pytest.fixture
def spooling(stage):
    """A service that may be traced, whose breaker is open: Kafka stands still, until the test has ended."""
    service = stage.service(env=TRACEABLE)
    stage.kafka.freeze()
    try:
        names = [f"before-{number}" for number in range(4)]
        wait_until(lambda: set(post_in_turn(service.gateway, names).values()) == {"spool"}, 30, "the breaker to open")
        yield service
    finally:
        stage.kafka.thaw()


SHAPES = pytest.mark.parametrize(
    "clients, each", [(1, 300 if stages.LONG else 40), (24, 50 if stages.LONG else 6)], ids=["in turn", "at once"]
)


@SHAPES
def test_no_answer_leaves_before_the_fsync_has_returned(spooling, tmp_path, clients, each):
    gateway = spooling.gateway
    with Trace(gateway, tmp_path / "trace", [f"fdatasync,fsync:delay_exit={DELAY_US}"]) as trace:
        durabilities = post_at_once(gateway, clients, each)
    calls = trace.read()
    assert set(durabilities.values()) == {"spool"}
    assert early_for_disk(calls, answers(calls, durabilities, gateway.address[1])) == []
    syncs = sum(call.name in SYNCS and is_spool(call) for call in calls)
    stages.figures.append(f"{len(durabilities)} answers, each behind the return of its fsync; there were {syncs}")


@SHAPES
def test_no_answer_leaves_before_the_delivery_report(stage, tmp_path, clients, each):
    gateway = stage.service({"kafka": {"compression.type": "none"}}, env=TRACEABLE).gateway
    with Trace(gateway, tmp_path / "trace") as trace:
        durabilities = post_at_once(gateway, clients, each)
    calls = trace.read()
    sent = answers(calls, durabilities, gateway.address[1])
    reported = {name: call for name, call in sent.items() if durabilities[name] == "kafka"}
    spooled = {name: call for name, call in sent.items() if durabilities[name] == "spool"}
    assert len(reported) >= len(sent) / 2, "Kafka is there"
    assert early_for_kafka(calls, reported, stage.kafka.address) == []
    assert early_for_disk(calls, spooled) == []
    stages.figures.append(f"{len(reported)} answers, each behind Kafka's own; {len(spooled)} out of the spool")


@pytest.mark.parametrize("fault", ["fdatasync:error=EIO:when=5", "pwrite64:error=EIO:when=40"])
def test_a_file_that_failed_is_never_written_again(spooling, tmp_path, fault):
    gateway = spooling.gateway
    with Trace(gateway, tmp_path / "trace", [fault]) as trace:
        durabilities = post_at_once(gateway, 4, 10)
    calls = trace.read()
    writes = [call for call in calls if is_spool(call) and call.name in (*WRITES, *SYNCS)]
    failed = next(call for call in writes if call.result == -1)
    again = [call for call in writes if call.entered > failed.returned and stem(call) == stem(failed)]
    assert again == []
    assert {stem(call) for call in writes if call.entered > failed.returned} != set(), "a new file is begun"
    assert set(durabilities.values()) == {"spool"}
    assert early_for_disk(calls, answers(calls, durabilities, gateway.address[1])) == []


# The judges themselves: a record as strace writes it, in which the answer to "mine" leaves in time, or a line too soon.


def quoted(data):
    text = "".join(f"\\{byte:03o}" if byte < 32 or byte > 126 else chr(byte) for byte in data)
    return '"' + text.replace('"', '\\"') + '"'


CLIENT, BROKER = "9<TCP:[127.0.0.1:80->127.0.0.1:4711]>", "7<TCP:[127.0.0.1:40->127.0.0.1:9092]>"
FILE = "5</data/spool-1.db-wal>"
ASKED = f"11 1.000001 readv({CLIENT}, [{{iov_base={quoted(b'POST / {%s}' % NAMED)}, iov_len=4096}}], 1) = 26\n"
ANSWERED = f"11 1.000009 sendto({CLIENT}, {quoted(ACCEPTED)}, 12, 0, NULL, 0) = 12\n"
WRITTEN = f"12 1.000002 pwrite64({FILE}, {quoted(NAMED)}, 18, 32) = 18\n"
BEGUN = f"12 1.000003 fdatasync({FILE} <unfinished ...>\n"
RETURNED = "12 1.000004 <... fdatasync resumed>)  = 0\n"
FAILED = "12 1.000004 <... fdatasync resumed>)  = -1 EIO (Input/output error)\n"


def transcript(directory, *lines):
    (directory / "trace").write_text("".join(lines))
    calls = read(directory / "trace")
    return calls, answers(calls, {"mine"}, 80)


def test_the_judge_of_fsyncs_sees_an_early_answer(tmp_path):
    def early(*lines):
        return early_for_disk(*transcript(tmp_path, *lines))

    assert early(ASKED, WRITTEN, BEGUN, RETURNED, ANSWERED) == []
    assert early(ASKED, WRITTEN, BEGUN, ANSWERED, RETURNED) == ["mine"]
    assert early(ASKED, WRITTEN, ANSWERED) == ["mine"]
    assert early(ASKED, ANSWERED) == ["mine"]
    assert early(ASKED, BEGUN, RETURNED, WRITTEN, ANSWERED) == ["mine"]  # the fsync of an earlier commit
    assert early(ASKED, WRITTEN, BEGUN, FAILED, ANSWERED) == ["mine"]


def kafka_call(name, data):
    return f"13 1.000005 {name}({BROKER}, {{msg_iov=[{{iov_base={quoted(data)}, iov_len=999}}]}}, 0) = {len(data)}\n"


def kafka_message(*parts):
    return len(b"".join(parts)).to_bytes(4, "big") + b"".join(parts)


def test_the_judge_of_reports_sees_an_early_answer(tmp_path):
    def early(*lines):
        return early_for_kafka(*transcript(tmp_path, *lines), "127.0.0.1:9092")

    def response(correlation, error=0):
        partition = b"\0\0\0\0" + error.to_bytes(2, "big") + bytes(24)
        return kafka_message(correlation, b"\0\0\0\1", b"\0\1t", b"\0\0\0\1", partition, bytes(4))

    asked = kafka_call("sendmsg", kafka_message(b"\0\0\0\7", b"\0\0\0\5", NAMED))
    first, rest = kafka_call("recvmsg", response(b"\0\0\0\5")[:8]), kafka_call("recvmsg", response(b"\0\0\0\5")[8:])
    assert early(ASKED, asked, first, rest, ANSWERED) == []
    assert early(ASKED, asked, first, ANSWERED, rest) == ["mine"]
    assert early(ASKED, asked, ANSWERED) == ["mine"]
    assert early(ASKED, asked, kafka_call("recvmsg", response(b"\0\0\0\4")), ANSWERED) == ["mine"]  # of another request
    assert early(ASKED, asked, kafka_call("recvmsg", response(b"\0\0\0\5", 7)), ANSWERED) == ["mine"]  # an error
