"""A gateway under attack, watched from outside: its memory, its descriptors, and how a healthy client fares meanwhile."""

import json
import os
import pathlib
import subprocess
import sys
import threading
import time

from ledger import Ledger
from pace import Latency

HERE = pathlib.Path(__file__).resolve().parent
RATE = 50  # of the healthy client, in requests a second
POLITE = 15  # the attackers' niceness: on this machine they shall cost the gateway what they send, not its processor


class Memory:
    """Resident bytes of a process, looked at all the while; and how late the machine is to wake who looks."""

    def __init__(self, pid, pause=0.05):
        self.pid, self.pause = pid, pause
        self.samples = []  # (monotonic seconds, MiB)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_exception):
        self._stop.set()
        self._thread.join()

    def _watch(self):
        while not self._stop.wait(self.pause):
            self._look()

    def _look(self):
        pages = int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        self.samples.append((time.monotonic(), pages * os.sysconf("SC_PAGE_SIZE") / 2**20))

    @property
    def now(self):
        return self.samples[-1][1]

    def peak(self, begin, end):
        return max(mib for moment, mib in list(self.samples) if begin <= moment <= end)

    def late(self, begin, end):
        """Milliseconds by which one of a hundred looks came too late: what the machine, not the gateway, made of them."""
        moments = [moment for moment, _ in list(self.samples) if begin <= moment <= end]
        late = sorted(1000 * (after - before - self.pause) for before, after in zip(moments, moments[1:]))
        return max(0.0, late[int(0.99 * len(late))])

    def slope(self, begin, end):
        """MiB a second between two times: least squares."""
        points = [(moment, mib) for moment, mib in list(self.samples) if begin <= moment <= end]
        middle = sum(moment for moment, _ in points) / len(points)
        mean = sum(mib for _, mib in points) / len(points)
        spread = sum((moment - middle) ** 2 for moment, _ in points)
        return sum((moment - middle) * (mib - mean) for moment, mib in points) / spread


class Healthy:
    """healthy.py as a context; afterwards .entries are what became of its callbacks."""

    def __init__(self, gateway, rate=RATE):
        self.path = gateway.directory / "healthy.jsonl"
        self.command = [sys.executable, str(HERE / "healthy.py"), *map(str, (*gateway.address, rate, self.path))]
        self.entries = []
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "begun\n"
        return self

    def __exit__(self, *_exception):
        told, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0
        self.late = float(told)  # how far the client itself was behind, in seconds
        self.entries = Ledger.read(self.path)

    def latency(self, begin, end):
        return Latency(self.entries, begin, end)


class Attack:
    """attacks.py, running."""

    def __init__(self, gateway, seconds, *names):
        command = [sys.executable, str(HERE / "attacks.py"), *map(str, gateway.address), str(seconds), *names]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.nice(POLITE))
        self.seconds = seconds
        self.tallies = {}

    def wait(self):
        told, _ = self.process.communicate(timeout=self.seconds + 60)
        assert self.process.returncode == 0
        self.tallies = json.loads(told)
        return self


def descriptors(gateway):
    return len(os.listdir(f"/proc/{gateway.process.pid}/fd"))


def ids_on(kafka, topics):
    """Of all events on these topics."""
    there = kafka.topics()
    return {
        json.loads(record.value)["id"] for topic in topics if topic in there for record in kafka.read(topic, seconds=120)
    }
