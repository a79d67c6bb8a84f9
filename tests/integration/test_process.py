"""The processes that stay, as processes: what they refuse to start with, gateway and worker side by side, their end."""

import json
import os
import pathlib
import signal
import subprocess
import urllib.error
import urllib.request

import pytest
import yaml

from gateway import BINARY, configuration, run
from waiting import wait_until

ACCOUNT = {"name": "y", "adapter": "yeta", "url": "http://127.0.0.1:9", "settings": {"app_key": "k", "app_secret": "s"}}


class Process:
    """One process of `trunkline VERB`, whose log is told line by line."""

    def __init__(self, verb, config, directory):
        self.path = directory / f"{verb}.yaml"
        self.log_path = directory / f"{verb}.log"
        self.path.write_text(yaml.safe_dump(config))
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([str(BINARY), verb, "--config", str(self.path)], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)

    def lines(self, event):
        texts = self.log_path.read_text(errors="replace").splitlines()
        return [line for line in map(json.loads, filter(lambda text: text.startswith("{"), texts))
                if line["event"] == event]

    def started(self, event):
        wait_until(lambda: self.lines(event) or self.process.poll() is not None, 30, event)
        assert self.lines(event), self.log_path.read_text()
        return self.lines(event)[0]

    def ready(self, url):
        try:
            return urllib.request.urlopen(url + "/readyz", timeout=5).status == 200
        except urllib.error.HTTPError:
            return False

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(60)


@pytest.fixture
def start(tmp_path):
    """Starts `trunkline VERB` with a configuration; what still runs at the end of the test is killed."""
    processes = []

    def start(verb, config):
        processes.append(Process(verb, config, tmp_path))
        return processes[-1]

    yield start
    for process in processes:
        if process.process.poll() is None:
            process.process.kill()
            process.process.wait()


def refused(verb, tmp_path, config):
    path = tmp_path / "trunkline.yaml"
    path.write_text(yaml.safe_dump(config))
    told = run(verb, "--config", path)
    assert (told.returncode, told.stdout) == (2, "")
    line, = map(json.loads, told.stderr.splitlines())
    assert line["event"] == "start_failed"
    return line["reason"]


def test_a_process_without_anything_to_do_is_refused(tmp_path):
    base = configuration("127.0.0.1:9", tmp_path / "data")
    sources = base.pop("sources")
    left_out = {"name": "left-out", "adapter": "7moor"}
    assert "has no source" in refused("gateway", tmp_path, {**base, "accounts": [ACCOUNT]})
    assert "has no account, " in refused("egress", tmp_path, {**base, "sources": sources})
    reason = refused("egress", tmp_path, {**base, "accounts": [left_out]})
    assert "has no account with credentials" in reason and '"left-out"' in reason
    assert not (tmp_path / "data").exists()


def test_gateway_and_worker_share_a_configuration_and_a_machine(start, kafka, prefix, tmp_path):
    config = configuration(kafka.address, tmp_path / "data", prefix)
    config["management"]["egress_port"] = 0
    config["egress"] = {"group": f"{prefix}egress"}
    config["accounts"] = [ACCOUNT, {"name": "left-out", "adapter": "7moor"}]
    gateway, egress = start("gateway", config), start("egress", config)
    gateway_line, egress_line = gateway.started("gateway_started"), egress.started("egress_started")
    assert (gateway_line["instance"], egress_line["instance"]) == ("test", "test-egress")
    assert (egress_line["accounts"], egress_line["group"]) == (1, f"{prefix}egress")
    assert "left-out" in egress.lines("accounts_left_out")[0]["accounts"]
    assert not gateway.lines("accounts_left_out")
    wait_until(lambda: gateway.ready(gateway_line["management_url"]), 60, "the gateway to be ready")
    wait_until(lambda: egress.ready(egress_line["management_url"]), 60, "the worker to be ready")

    second = run("egress", "--config", egress.path)
    assert second.returncode == 1 and f"test-egress is in use by process {egress.process.pid}" in second.stderr

    assert egress.end() == 0 and egress.lines("egress_stopped")[0]["status"] == 0
    assert gateway.ready(gateway_line["management_url"])
    assert gateway.end() == 0


def test_a_worker_without_kafka_is_alive_and_says_why_it_is_not_ready(start, tmp_path):
    config = configuration("127.0.0.1:9", tmp_path / "data")
    config["management"]["egress_port"] = 0
    config["accounts"] = [ACCOUNT]
    egress = start("egress", config)
    url = egress.started("egress_started")["management_url"]
    assert urllib.request.urlopen(url + "/livez", timeout=5).status == 200
    assert not egress.ready(url)
    assert egress.end(signal.SIGINT) == 0


@pytest.mark.parametrize("arguments", [["manual"], ["check", "--options"], ["completion", "bash"]])
def test_output_that_is_closed_is_an_error(arguments):
    told = subprocess.run(["sh", "-c", '"$0" "$@" >&-', str(BINARY), *arguments], capture_output=True, timeout=60)
    assert told.returncode == 1 and b"cannot write" in told.stderr


def test_files_and_connections_never_take_the_place_of_closed_standard_files(tmp_path):
    path = tmp_path / "trunkline.yaml"
    path.write_text(yaml.safe_dump(configuration("127.0.0.1:9", tmp_path / "data")))
    process = subprocess.Popen(["sh", "-c", 'exec "$0" gateway --config "$1" <&- >&- 2>&-', str(BINARY), str(path)])
    try:
        files = pathlib.Path(f"/proc/{process.pid}/fd")
        wait_until(lambda: any("spool-" in os.readlink(file) for file in files.iterdir()), 30, "the spool")
        assert {os.readlink(files / number) for number in "012"} == {"/dev/null"}
    finally:
        process.terminate()
        process.wait(60)
