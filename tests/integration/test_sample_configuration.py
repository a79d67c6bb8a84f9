"""deploy/trunkline.yaml as it is, with nothing but its environment set: a worker needs no source, a gateway no account."""

import json
import os
import pathlib
import subprocess
import urllib.error
import urllib.request

import pytest

from free_ports import free_ports
from gateway import BINARY, TOPICS
from waiting import wait_until

SAMPLE = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "trunkline.yaml"
OWN = ("KAFKA_", "TRUNKLINE_", "AIRUDDER_", "JIUYUN_", "SEVENMOOR_", "YETA_")


@pytest.fixture
def sample(prefix, tmp_path):
    """The sample, with topics and a group of this test's own."""
    text = SAMPLE.read_text()
    names = "".join(f"  {role}: {prefix}{name}\n" for role, name in TOPICS.items())
    for before, after in {
        "topics:\n  create: true\n  partitions: 12\n": f"topics:\n  create: true\n  partitions: 3\n{names}",
        "  group: trunkline-egress ": f"  group: {prefix}egress ",
    }.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    path = tmp_path / "trunkline.yaml"
    path.write_text(text)
    return path


@pytest.fixture
def start(kafka, sample, tmp_path):
    """start("egress", SEVENMOOR_APPKEY="...") gives the process and its management URL; the environment has what is
    given and no other name of the sample's."""
    processes = []

    def start(verb, **names):
        base = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
        log_path = tmp_path / f"{len(processes)}.log"
        with open(log_path, "wb") as log:
            process = subprocess.Popen(
                [str(BINARY), verb, "--config", str(sample)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**base, "KAFKA_BROKERS": kafka.address, "TRUNKLINE_DATA_DIR": str(tmp_path / "data"), **names},
            )
        processes.append(process)

        def line():
            texts = log_path.read_text(errors="replace").splitlines()
            lines = [json.loads(text) for text in texts if text.startswith("{")]
            started = [each for each in lines if each["event"] == f"{verb}_started"]
            assert started or process.poll() is None, log_path.read_text()
            return started

        url = wait_until(line, 60, f"{verb} to start")[0]["management_url"].replace("0.0.0.0", "127.0.0.1")
        wait_until(lambda: ready(url), 60, f"{verb} to be ready")
        return log_path

    yield start
    for process in processes:
        process.terminate()
    assert [process.wait(60) for process in processes] == [0] * len(processes)


def ready(url):
    try:
        return urllib.request.urlopen(url + "/readyz", timeout=5).status == 200
    except urllib.error.HTTPError:
        return False


def test_workers_need_nothing_of_the_sources(start, start_simulator, commands, results):
    moor, yeta = start_simulator("7moor"), start_simulator("yeta")
    ports = free_ports(2)
    environment = {
        "SEVENMOOR_URL": moor.url + "/", "SEVENMOOR_APPKEY": moor.key, "SEVENMOOR_SECRET": moor.secret,
        "SEVENMOOR_LIMIT": "20", "SEVENMOOR_WINDOW_SECONDS": "60", "SEVENMOOR_STRAGGLER_SECONDS": "300",
        "SEVENMOOR_TIMEOUT_SECONDS": "10", "YETA_URL": yeta.url, "YETA_APP_KEY": yeta.key,
        "YETA_APP_SECRET": yeta.secret,
    }
    # Both on one machine and one disk: their ports tell them apart.
    logs = [start("egress", **environment, TRUNKLINE_EGRESS_MANAGEMENT_PORT=str(port)) for port in ports]
    assert all("nothing checks who posts to it" in log.read_text() for log in logs)

    for account, data in {
        "7moor": {"agent": "8000", "callee": "19900000001"},
        "yeta": {"robot": "719", "line": "69101338", "callee": "19900000001"},
    }.items():
        command = {"id": f"one-{account}", "type": "io.trunkline.command.call.dial.v1"}
        command |= {"account": account, "data": data}
        commands.produce(json.dumps(command).encode(), account.encode())
    commands.flush()
    for account in ("7moor", "yeta"):
        assert results.final(f"one-{account}")["status"] == "succeeded"
    assert [call.target for call in moor.calls()] == ["/openapi/v1/call/dialOut"]
    assert [call.path for call in yeta.acted("callout")] == ["/openapi/outbound/v1/task/callout"]


def test_gateways_need_nothing_of_the_accounts(start):
    port, management_port = free_ports(2)
    log_path = start("gateway", TRUNKLINE_PORT=str(port), TRUNKLINE_MANAGEMENT_PORT=str(management_port),
                     TRUNKLINE_WORKERS="1", TRUNKLINE_OPEN="true", SEVENMOOR_APPKEY="half-of-what-it-takes")
    assert "credentials are not whole" in log_path.read_text()
