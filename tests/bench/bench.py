#!/usr/bin/python3
"""`make bench`: the gateway in full duty beside bare libevhtp and the producer alone, in one run, as a table; where the
instructions of one callback go; then what a worker's queues cost, and what the spool's commits of many records at once
are worth.

Both HTTP servers get the same 600-byte yeta push over 256 keep-alive connections from wrk, of 512 calls in turn. The
gateway checks it, converts it, publishes it to a real Kafka and answers after the delivery report; the producer alone
publishes ready records, as many in flight. One worker, so that figures are a core's. Nothing is pinned to a core: wrk
and Kafka share them with what is measured, and take as much as they need. Rounds alternate; what counts are the
medians, and the medians of the rounds' ratios, because a machine's speed drifts and others may work on it. CPU a
request is the steadier figure, instructions the steadiest.
"""

import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from queued import measure, report as report_queued, resident_mib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "profile"))
import stages  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "8"))
CONNECTIONS = 256
ACCOUNTS = int(os.environ.get("BENCH_ACCOUNTS", "10000"))
COMMANDS = int(os.environ.get("BENCH_COMMANDS", "1000000"))
BARE, FULL, PRODUCER = "bare libevhtp", "gateway, full duty", "producer alone"
RATIOS = {"requests/s": "the requests/s", "CPU us/request": "the CPU a request"}
HERTZ = os.sysconf("SC_CLK_TCK")

BODY = (
    '{"business_id":"150","robot_id":"20001003","call_uuid":"8edf0c99-5b3d-4722-b1fb-10b2fbfecda2",'
    '"task_id":"504138886481984","task_data_id":"32264888839704576","caller":"055196866001","callee":"19900000001",'
    '"direction":2,"time_dial":1543935305290,"time_ring":1543935306290,"time_answer":1543935313230,'
    '"time_hangup":1543935444490,"duration_ring":7,"duration_call":131,"task_result":"0","task_result_desc":"成功",'
    '"task_tries":0,"task_row_index":1,"task_row_head":["客户手机号码","姓名"],"task_row_value":["18656957753","张先生"],'
    '"app_id":"1232432"}'
)
LUA = """
local requests, at = {}, 0

function init()
    local body = [[%s]]
    wrk.headers["Content-Type"] = "application/json"
    for call = 1, 512 do
        requests[call] = wrk.format("POST", nil, nil, (body:gsub("8edf0c99", string.format("%%08x", call * 7919))))
    end
end

function request()
    at = at %% #requests + 1
    return requests[at]
end
""" % BODY


def cpu_seconds(pid):
    """Of all threads, and of those of Kafka's client."""
    together = client = 0.0
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        name, fields = (thread / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
        seconds = sum(map(int, fields.split()[11:13])) / HERTZ
        together += seconds
        client += seconds if name.startswith("rdk:") else 0
    return together, client


def wait_until(condition, what, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.05)
    sys.exit(f"bench: {what} did not come up within {seconds} s")


def answers(url):
    return urllib.request.urlopen(url, timeout=2).status == 200


def seconds_of(text):
    number, unit = re.match(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60}[unit]


def load(pid, url, script):
    """One round of wrk against the process: requests/s, CPU per request in us, and of that what threads of
    Kafka's client take, p50 and p99 in ms, resident MiB."""
    before = cpu_seconds(pid)
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", "-s", script, url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    cpu, client = (after - then for after, then in zip(cpu_seconds(pid), before))
    if "Non-2xx" in text or "Socket errors" in text:
        sys.exit(f"bench: not every request was answered well:\n{text}")
    requests = int(re.search(r"(\d+) requests in", text)[1])
    return {
        "requests/s": float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]),
        "CPU us/request": cpu / requests * 1e6,
        "Kafka's client": client / requests * 1e6,
        "p50 ms": seconds_of(re.search(r"^\s+50%\s+(\S+)", text, re.M)[1]) * 1e3,
        "p99 ms": seconds_of(re.search(r"^\s+99%\s+(\S+)", text, re.M)[1]) * 1e3,
        "resident MiB": resident_mib(pid),
    }


def publish(brokers):
    """One round of the producer alone."""
    command = [str(BUILD / "tests/producer_alone"), brokers, str(CONNECTIONS), str(SECONDS)]
    environment = dict(os.environ, TOPIC="trunkline.call.events")
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    return {"requests/s": float(done[0]), "CPU us/request": float(done[1])}


def main():
    subprocess.run(["cmake", "--build", str(BUILD), "--target", "trunkline", "bare_evhtp", "producer_alone", "group_commit"],
                   check=True)
    brokers = os.environ.get("TRUNKLINE_TEST_BROKERS")
    started_kafka = not brokers
    if started_kafka:
        kafka = [str(ROOT / "tests/kafka/kafka.sh")]
        out = subprocess.run([*kafka, "start"], check=True, stdout=subprocess.PIPE, text=True).stdout
        brokers = out.split()[-1]
    processes = []
    with tempfile.TemporaryDirectory() as data:
        script = pathlib.Path(data, "push.lua")
        script.write_text(LUA)
        try:
            bare = subprocess.Popen([str(BUILD / "tests/bare_evhtp"), "18090"])
            environment = dict(
                os.environ, KAFKA_BROKERS=brokers, TRUNKLINE_PORT="18091", TRUNKLINE_MANAGEMENT_PORT="18092",
                TRUNKLINE_DATA_DIR=data, TRUNKLINE_WORKERS="1", TRUNKLINE_OPEN="true",
            )
            gateway = subprocess.Popen(
                [str(BUILD / "trunkline"), "gateway", "--config", str(ROOT / "deploy/trunkline.yaml")],
                env=environment, stderr=subprocess.DEVNULL,
            )
            processes = [bare, gateway]
            wait_until(lambda: answers("http://127.0.0.1:18092/readyz"), "the gateway")
            wait_until(lambda: answers("http://127.0.0.1:18090/"), "bare libevhtp")
            subjects = {
                BARE: (bare.pid, "http://127.0.0.1:18090/"),
                FULL: (gateway.pid, "http://127.0.0.1:18091/callbacks/yeta/receiveCallRecord"),
            }
            rounds = {name: [] for name in [*subjects, PRODUCER]}
            for number in range(ROUNDS):
                for name, (pid, url) in subjects.items():
                    print(f"round {number + 1} of {ROUNDS}: {name}", flush=True)
                    rounds[name].append(load(pid, url, str(script)))
                print(f"round {number + 1} of {ROUNDS}: {PRODUCER}", flush=True)
                rounds[PRODUCER].append(publish(brokers))
            finish(processes)
            processes = []
            print("the gateway under callgrind", flush=True)
            profile = stages.profile(BUILD / "trunkline", brokers, script)
            print(f"a worker with {COMMANDS} commands", flush=True)
            queued = measure(BUILD / "trunkline", brokers, data, f"bench-{os.getpid()}-", ACCOUNTS, COMMANDS)
            print("the spool's commits", flush=True)
            commits = subprocess.run([str(BUILD / "tests/group_commit"), data], check=True, stdout=subprocess.PIPE, text=True)
        finally:
            finish(processes)
            if started_kafka:
                subprocess.run([*kafka, "stop"], check=True)
    report(rounds)
    stages.report(profile)
    report_queued(queued, ACCOUNTS, COMMANDS)
    print(f"\n{commits.stdout}", end="")


def finish(processes):
    for process in processes:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def report(rounds):
    columns = list(rounds[BARE][0])
    medians = {name: {c: statistics.median(r[c] for r in rows) for c in rows[0]} for name, rows in rounds.items()}
    width = max(map(len, medians))
    print(f"\n{len(BODY.encode())}-byte push, {CONNECTIONS} connections, one worker; medians of {ROUNDS} rounds")
    print(" " * width, *(f"{c:>15}" for c in columns))
    for name, row in medians.items():
        print(f"{name:<{width}}", *(f"{row[c]:>15.1f}" if c in row else " " * 15 for c in columns))
    print("full duty / bare:", ", ".join(f"{ratio(rounds, column)} of {what}" for column, what in RATIOS.items()))


def ratio(rounds, column):
    """The median of the rounds' ratios, and how far they spread."""
    ratios = [full[column] / bare[column] for full, bare in zip(rounds[FULL], rounds[BARE])]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


main()
