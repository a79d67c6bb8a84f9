"""What a worker's queues cost: many accounts, all held, with many commands; resident memory, and how long it takes to
read them, at first (each gets its `accepted`) and after a restart. Part of `make bench`; tests use it, smaller."""

import json
import pathlib
import re
import signal
import subprocess
import time
import urllib.request

import confluent_kafka

ROLES = ["call.events", "agent.events", "task.events", "unmapped", "raw", "deadletter", "commands", "results", "journal"]


def resident_mib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024


class Queued:
    """One worker with `accounts` accounts, and what it is given to hold. Use it as a context."""

    def __init__(self, binary, brokers, directory, prefix, accounts, partitions=12):
        self.binary, self.brokers, self.directory = binary, brokers, pathlib.Path(directory)
        self.names = [f"a{number}" for number in range(accounts)]
        self.topic = prefix + "commands"
        topics = "".join(f"  {role.replace('.', '_')}: {prefix}{role}\n" for role in ROLES)
        lines = "".join(
            f"  - {{name: {name}, adapter: 7moor, url: 'http://127.0.0.1:9', settings: {{appkey: {name}, secret: s}}}}\n"
            for name in self.names
        )
        self.config = self.directory / "queued.yaml"
        self.config.write_text(
            f"instance: queued\ndata_dir: {self.directory}/data\nmanagement: {{address: 127.0.0.1, egress_port: 0}}\n"
            f"kafka: {{bootstrap.servers: '{brokers}'}}\ntopics:\n  partitions: {partitions}\n{topics}"
            f"egress: {{group: {prefix}egress}}\naccounts:\n{lines}"
        )
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.stop()

    def start(self, seconds=300):
        """How long it took until the worker was ready."""
        began = time.monotonic()
        log = self.directory / "queued.log"
        with open(log, "wb") as stderr:
            command = [str(self.binary), "egress", "--config", str(self.config), "--log-format", "json"]
            self.process = subprocess.Popen(command, stderr=stderr)
        pattern = re.compile(r'"management_url":"([^"]+)"')
        self._wait(lambda: pattern.search(log.read_text()), seconds, "the worker's management port")
        self.url = pattern.search(log.read_text())[1].rstrip("/")
        self._wait(self._ready, seconds, "the worker to be ready")
        return time.monotonic() - began

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(120)
            self.process = None

    def _wait(self, condition, seconds, what):
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, f"the worker ended with {self.process.returncode}"
            assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
            time.sleep(0.05)

    def _ready(self):
        try:
            return urllib.request.urlopen(self.url + "/readyz", timeout=5).status == 200
        except OSError:
            return False

    def metric(self, name, labels=""):
        page = urllib.request.urlopen(self.url + "/metrics", timeout=30).read().decode()
        found = re.findall(rf"^{name}(?:\{{[^}}]*{labels}[^}}]*\}})? (\S+)$", page, re.M)
        return sum(map(float, found))

    def resident_mib(self):
        """Once it has come to rest: what a burst took is given back within seconds."""
        last = now = resident_mib(self.process.pid)
        for _ in range(20):
            time.sleep(2)
            last, now = now, resident_mib(self.process.pid)
            if last - now < 0.5:
                break
        return now

    def _produce(self, values):
        producer = confluent_kafka.Producer({
            "bootstrap.servers": self.brokers, "partitioner": "murmur2_random", "linger.ms": 20,
            "queue.buffering.max.messages": 200000, "compression.type": "none",
        })
        for key, value in values:
            while True:
                try:
                    producer.produce(self.topic, value, key)
                    break
                except BufferError:
                    producer.poll(0.1)
        assert producer.flush(300) == 0

    def hold(self):
        """Holds every account, so that what comes stays queued."""
        self._produce(
            (name, json.dumps({"id": f"hold-{name}", "type": "io.trunkline.command.account.hold.v1", "account": name}))
            for name in self.names
        )
        self._wait(lambda: self.metric("trunkline_accounts_held") == len(self.names), 300, "the accounts to be held")

    def fill(self, count, seconds=600):
        """Hands in so many dials; how long it took until all had their `accepted`."""
        began = time.monotonic()
        self._produce(
            (name, f'{{"id":"{number:032d}","type":"io.trunkline.command.call.dial.v1","account":"{name}","data":'
                   f'{{"agent":"6000","callee":"1731{number % 10**7:07d}"}}}}')
            for number, name in ((n, self.names[n % len(self.names)]) for n in range(count))
        )
        accepted = lambda: self.metric("trunkline_command_results_total", 'status="accepted"')  # noqa: E731
        self._wait(lambda: accepted() == count and self.metric("trunkline_commands_unfinished") == count, seconds,
                   f"{count} commands to be accepted")
        return time.monotonic() - began


def measure(binary, brokers, directory, prefix, accounts, commands, partitions=12):
    """Figures by what they are called."""
    with Queued(binary, brokers, directory, prefix, accounts, partitions) as queued:
        queued.start()
        queued.hold()
        figures = {"MiB, empty": queued.resident_mib()}
        figures["s to accept"] = queued.fill(commands)
        figures["MiB at once"] = resident_mib(queued.process.pid)
        figures["MiB, full"] = queued.resident_mib()
        queued.stop()
        figures["s to take over"] = queued.start()
        assert queued.metric("trunkline_commands_unfinished") == commands
        assert queued.metric("trunkline_command_results_total") == 0, "a takeover tells nobody anything again"
        figures["MiB, taken over"] = queued.resident_mib()
        return figures


def report(figures, accounts, commands):
    print(f"\n{accounts} accounts, {commands} queued commands, one worker")
    print("".join(f"{name:>17}" for name in figures))
    print("".join(f"{value:>17.1f}" for value in figures.values()))
