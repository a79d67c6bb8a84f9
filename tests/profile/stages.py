"""Where the instructions of one callback go, stage by stage, in a gateway that does its whole duty: callgrind runs one
with real HTTP and a real Kafka. The kernel's part is not among them. Part of `make bench`.

Under callgrind a gateway is some fifty times slower, so what depends on time shows larger than it is: Kafka's client
looks at its clock as often as ever, and its statistics, twice a second, are left out.
"""

import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONNECTIONS = 64
SECONDS = 8

# A stage is what these functions cost with all they call, less what the others do.
STAGES = [
    ("guard: the head's bytes", ["guard_feed"], []),
    ("head: fields, the ticket", ["head_read", "ticket_new"], []),
    ("admission", ["admission_check"], []),
    ("body", ["body_take"], []),
    ("parse", ["json_parse"], ["on_statistics"]),
    ("convert", ["yeta_convert"], []),
    ("write the event", ["cloudevent_write"], []),
    ("checks between these", ["translate"], ["json_parse - on_statistics", "yeta_convert", "cloudevent_write"]),
    ("custody and publishing", ["custody_begin"], []),
    ("delivery report", ["on_wakeup"], ["on_statistics", "ticket_accept"]),
    ("answer", ["ticket_accept"], ["link_finish"]),
    ("libevhtp: the synthetic request", ["link_begin", "link_finish"], []),
]


def inclusive(path):
    """What each function cost with all that it called."""
    command = ["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(path)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    costs = {}
    for cost, function in re.findall(r"^\s*([\d,]+) \(.*?\)\s+\S*?:([\w.']+)", text, re.M):
        name = re.split(r"[.']", function)[0]
        costs[name] = max(costs.get(name, 0), int(cost.replace(",", "")))
    return costs


def total(path):
    return int(re.search(r"^totals: (\d+)", path.read_text(), re.M)[1])


def split(files, requests):
    """The stages' instructions a request; first the worker's thread, then Kafka's."""
    worker = next(path for path in files if "conversion_start" in path.read_text())
    costs = inclusive(worker)
    costs.setdefault("on_statistics", 0)

    def sum_of(terms):
        names = [term.split(" - ") for term in terms]
        return sum(costs[name] - sum(costs[less] for less in rest) for name, *rest in names)

    rows = [(title, (sum_of(plus) - sum_of(minus)) / requests) for title, plus, minus in STAGES]
    rest = (costs["event_base_loop"] - costs["on_statistics"]) / requests - sum(cost for _, cost in rows)
    others = sum(total(path) for path in files if path != worker) / requests
    return rows + [("libevent, sockets, the connection", rest), ("Kafka's client, its threads", others)]


def wait_ready(port, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"under callgrind the gateway was not ready within {seconds} s")


def load(url, script, seconds):
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "30s", "-s", str(script), url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return int(re.search(r"(\d+) requests in", text)[1])


def profile(binary, brokers, script, port=18093):
    """Runs the gateway under callgrind; the stages' instructions a request."""
    with tempfile.TemporaryDirectory() as directory:
        environment = dict(
            os.environ, KAFKA_BROKERS=brokers, TRUNKLINE_PORT=str(port), TRUNKLINE_MANAGEMENT_PORT=str(port + 1),
            TRUNKLINE_DATA_DIR=directory, TRUNKLINE_WORKERS="1", TRUNKLINE_OPEN="true",
        )
        command = [
            "valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no", "--separate-threads=yes",
            f"--callgrind-out-file={directory}/callgrind", str(binary), "gateway", "--config",
            str(ROOT / "deploy/trunkline.yaml"),
        ]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        control = ["callgrind_control", "-i"]
        url = f"http://127.0.0.1:{port}/callbacks/yeta/receiveCallRecord"
        try:
            wait_ready(port + 1)
            load(url, script, 2)
            subprocess.run([*control, "on", str(process.pid)], check=True, stdout=subprocess.DEVNULL)
            requests = load(url, script, SECONDS)
            subprocess.run([*control, "off", str(process.pid)], check=True, stdout=subprocess.DEVNULL)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        return split(sorted(pathlib.Path(directory).glob("callgrind-*")), requests)


def report(rows):
    whole = sum(cost for _, cost in rows)
    print(f"\none callback's instructions, {CONNECTIONS} connections, without the kernel's")
    for title, cost in rows:
        print(f"{title:<36} {cost:>9.0f} {cost / whole * 100:>6.1f} %")
    print(f"{'together':<36} {whole:>9.0f}")
