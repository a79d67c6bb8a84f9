"""The binary under test: a running gateway with its ports, log and metrics, and single runs of the other verbs."""

import json
import os
import pathlib
import re
import signal
import subprocess

import yaml

from raw_client import RawClient
from waiting import stands_still, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("TRUNKLINE_BIN", ROOT / "build" / "trunkline")).resolve()

TOPICS = {
    "call_events": "trunkline.call.events", "agent_events": "trunkline.agent.events",
    "task_events": "trunkline.task.events", "unmapped": "trunkline.unmapped", "raw": "trunkline.raw",
    "deadletter": "trunkline.deadletter", "commands": "trunkline.commands", "results": "trunkline.results",
    "journal": "trunkline.journal", "dialog_context": "trunkline.dialog.context",
    "dialog_requests": "trunkline.dialog.requests", "dialog_replies": "trunkline.dialog.replies",
}

SANITIZER = re.compile(r"ERROR: \w*Sanitizer|WARNING: ThreadSanitizer|: runtime error: ")


def sanitized():
    """Whether a sanitizer is in the binary: then its use of memory says nothing."""
    found = BINARY.read_bytes()
    return b"__asan_init" in found or b"__tsan_init" in found


def configuration(brokers, data_dir, prefix=""):
    """What tests start from: any free ports, all four sources open, topics whose names begin with `prefix`."""
    sources = [{"name": name, "adapter": name, "open": True} for name in ("airudder", "jiuyun", "7moor", "yeta")]
    sources[0]["settings"] = {"key": "airudder"}
    return {
        "instance": "test",
        "data_dir": str(data_dir),
        "gateway": {"address": "127.0.0.1", "port": 0, "workers": 2},
        "management": {"address": "127.0.0.1", "port": 0},
        "kafka": {"bootstrap.servers": brokers},
        "topics": {"partitions": 3, **{role: prefix + name for role, name in TOPICS.items()}},
        "sources": sources,
    }


def changed(base, changes):
    """`base` with `changes` laid over it, mapping by mapping; None takes a member out."""
    if not isinstance(base, dict) or not isinstance(changes, dict):
        return changes
    merged = dict(base)
    for name, value in changes.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = changed(merged.get(name), value)
    return merged


def run(*arguments, stdin=b"", env=None, seconds=60):
    """Runs one verb to its end; stdout and stderr are texts. Fails when a sanitizer had something to say."""
    done = subprocess.run(
        [str(BINARY), *map(str, arguments)], input=stdin, capture_output=True, timeout=seconds,
        env={**os.environ, **(env or {})},
    )
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    assert not SANITIZER.search(done.stderr), done.stderr
    return done


class Gateway:
    """One process of `trunkline gateway`, or of `trunkline dev`. stop() it, or let the fixture do so."""

    started = []  # those of the running test, so that a failure can show their logs

    def __init__(self, directory, arguments, env=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.arguments = [str(argument) for argument in arguments]
        self.env = {**os.environ, **(env or {})}
        self.log_path = self.directory / "stderr.log"
        self.process = None
        self.status = None
        self.address = self.management_address = None

    @classmethod
    def configured(cls, directory, config, env=None, args=()):
        """`config` is a mapping, or YAML text."""
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / "trunkline.yaml"
        path.write_text(config if isinstance(config, str) else yaml.safe_dump(config, allow_unicode=True))
        return cls(directory, ["gateway", "--config", path, "--log-format", "json", *args], env)

    @classmethod
    def dev(cls, directory, args=(), env=None):
        ports = ["--port", 0, "--management-port", 0]
        return cls(directory, ["dev", *ports, "--log-format", "json", *args], env)

    def launch(self):
        with open(self.log_path, "ab") as log, open(self.directory / "stdout.log", "ab") as out:
            self.process = subprocess.Popen(
                [str(BINARY), *self.arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=log, env=self.env
            )
        Gateway.started.append(self)

    def start(self, ready=True, seconds=30):
        """Returns itself once its ports are known and, unless told otherwise, /readyz says 200."""
        self.launch()
        line = self.wait_for_log("gateway_started", seconds)
        self.address = self._address(line["url"])
        self.management_address = self._address(line["management_url"])
        if ready:
            self.wait_until_ready(seconds)
        return self

    @staticmethod
    def _address(url):
        host, port = re.fullmatch(r"https?://(.+):(\d+)/?", url).groups()
        return host.strip("[]"), int(port)

    def wait_until_ready(self, seconds=30):
        wait_until(lambda: self.alive() and self.ready(), seconds, "/readyz to say 200")

    def alive(self):
        status = self.process.poll()
        assert status is None, f"the process ended with {status}:\n{self.log_text()[-4000:]}"
        return True

    def freeze(self):
        """From now on it does nothing at all."""
        self.signal(signal.SIGSTOP)
        self.wait_until_stopped()

    def thaw(self):
        self.signal(signal.SIGCONT)

    def stopped(self):
        return stands_still(self.process.pid)

    def wait_until_stopped(self, seconds=30):
        wait_until(lambda: self.alive() and self.stopped(), seconds, "the process to stand still", 0.005)

    # What it tells.

    @property
    def url(self):
        return "http://%s:%d" % self.address

    @property
    def management_url(self):
        return "http://%s:%d" % self.management_address

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def output(self):
        return (self.directory / "stdout.log").read_text()

    def log(self, event=None):
        """The log's lines as mappings, all or those of one event."""
        lines = [json.loads(line) for line in self.log_text().splitlines() if line.startswith("{")]
        return [line for line in lines if event is None or line["event"] == event]

    def wait_for_log(self, event, seconds=10):
        """The first line of that event."""
        def line():
            if self.process.poll() is not None and not self.log(event):
                raise AssertionError(f"it ended with {self.process.returncode}:\n{self.log_text()[-4000:]}")
            return self.log(event)

        return wait_until(line, seconds, f"the log's {event}")[0]

    def ready(self):
        return self.management("/readyz").status == 200

    def management(self, path):
        with RawClient(self.management_address) as client:
            client.send(f"GET {path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n".encode())
            return client.response()

    def metrics(self):
        """Series as printed ('name{label="value"}') -> number."""
        page = self.management("/metrics").body.decode()
        lines = (line.rsplit(" ", 1) for line in page.splitlines() if line and not line.startswith("#"))
        return {series: float(number) for series, number in lines}

    def metric(self, name, **labels):
        """The sum over the series of that name that have these labels; 0 when there is none."""
        total = 0
        for series, number in self.metrics().items():
            base, _, text = series.partition("{")
            found = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', text))
            if base == name and labels.items() <= found.items():
                total += number
        return total

    # What it gets.

    def client(self, seconds=10):
        return RawClient(self.address, seconds)

    def post(self, path, body=b"", headers=()):
        """One POST on a connection of its own."""
        with self.client() as client:
            client.post(path, body, [("Connection", "close"), *headers])
            return client.response()

    # How it ends.

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=30):
        """Waits for its end and returns the exit status. Fails when a sanitizer had something to say."""
        self.status = self.process.wait(seconds)
        assert not SANITIZER.search(self.log_text()), self.log_text()
        return self.status

    def stop(self, seconds=30):
        """An orderly end (SIGTERM), which it must reach with status 0. Nothing to do when it was waited for."""
        if self.process is None or self.status is not None:
            return
        if self.process.poll() is None:
            if self.stopped():
                self.thaw()
            self.signal(signal.SIGTERM)
        try:
            status = self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it did not end within {seconds} s of SIGTERM:\n{self.log_text()[-4000:]}") from None
        assert status == 0, f"it ended with {status}:\n{self.log_text()[-4000:]}"

    def kill(self):
        """kill -9, as a machine does that runs out of memory."""
        self.process.kill()
        return self.wait()
