"""Where the faults happen: gateways that may live several lives, the Kafka behind them, clients all the while, and the
verdict after each round.

    def test_kill(stage):
        service = stage.service()
        for turn in stage.rounds():
            with turn.storm() as storm:
                storm.wait_for_answers(100)
                turn.pause(0.1, 1.0)
                service.kill()
                service.start()
                storm.wait_for_answers(100)
            turn.judge()

TRUNKLINE_FAULT_ROUNDS: rounds of each fault (1). TRUNKLINE_FAULT_SEED: repeats the choices of an earlier run.
"""

import os
import random
import socket
import time

import callbacks
import spools
import verdict
from clients import Storm
from gateway import Gateway, changed, configuration
from ledger import Ledger
from waiting import wait_until

ROUNDS = int(os.environ.get("TRUNKLINE_FAULT_ROUNDS", "1"))
LONG = bool(os.environ.get("TRUNKLINE_TEST_LONG"))
THOROUGH = LONG or ROUNDS > 1  # also the lesser variants of a fault
# In the environment, too, so that all processes of a run have the same.
SEED = os.environ.get("TRUNKLINE_FAULT_SEED") or str(random.SystemRandom().randrange(10**9))
os.environ["TRUNKLINE_FAULT_SEED"] = SEED
TOPICS = (
    callbacks.CALLS, callbacks.AGENTS, callbacks.TASKS, "trunkline.unmapped", "trunkline.deadletter",
)
figures = []  # a line for each round, printed at the end of the run


def free_port():
    """Below those that the kernel gives to outgoing connections, so that none of these takes it in the meantime."""
    choose = random.SystemRandom()
    while True:
        port = choose.randrange(15000, 30000)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            pass


class Service:
    """A gateway that is started again and again, upon the same port, configuration and data directory."""

    def __init__(self, directory, config, args=(), env=None):
        self.directory = directory
        self.port = free_port()
        self.config = changed(config, {"gateway": {"port": self.port}})
        self.args = args
        self.env = env
        self.starts = 0
        self.gateway = None  # of the present life, or the last one

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    @property
    def name(self):
        return self.config["instance"]

    @property
    def life(self):
        return f"{self.name}#{self.starts}"

    def start(self, ready=True, seconds=60):
        self.starts += 1
        directory = self.directory / f"life-{self.starts}"
        self.gateway = Gateway.configured(directory, self.config, self.env, self.args).start(ready, seconds)
        return self

    @property
    def runs(self):
        return self.gateway is not None and self.gateway.status is None

    def kill(self):
        """kill -9; also when it stands still."""
        self.gateway.kill()

    def terminate(self, seconds=60):
        """SIGTERM; gives the exit status."""
        self.gateway.signal(15)
        return self.gateway.wait(seconds)

    def freeze(self):
        self.gateway.freeze()

    def thaw(self):
        self.gateway.thaw()

    def waiting(self):
        """Records in its spool."""
        return self.gateway.metric("trunkline_spool_records")

    def wait_until_drained(self, seconds=120):
        """Its metric says so, and so does who looks into the file."""
        def drained():
            return self.gateway.alive() and self.waiting() == 0 and self._on_disk() == 0

        wait_until(drained, seconds, f"{self.life} to drain its spool", 0.05)

    def _on_disk(self):
        return spools.status(self.gateway).get(self.name, {"records": 0})["records"]

    def close(self):
        if self.runs:
            self.gateway.stop(60)


class Stage:
    """One test's services, topics and ledger; see above. `brokers`: what the gateways are told, if not kafka's own."""

    def __init__(self, kafka, prefix, directory, title, brokers=None):
        self.kafka = kafka
        self.prefix = prefix
        self.directory = directory
        self.title = title
        self.brokers = brokers or kafka.address
        self.data_dir = directory / "data"
        self.ledger = Ledger(directory / "ledger.jsonl")
        self.services = []
        self.last = None  # verdict

    def service(self, changes=None, name="test", start=True, args=(), env=None):
        """A gateway; all share a data directory."""
        config = changed(configuration(self.brokers, self.data_dir, self.prefix), {"instance": name})
        service = Service(self.directory / f"service-{len(self.services)}", changed(config, changes or {}), args, env)
        self.services.append(service)
        return service.start() if start else service

    def rounds(self, count=ROUNDS):
        for number in range(1, count + 1):
            yield Round(self, number, count)

    def settle(self, seconds=120):
        """Everything that is owed reaches Kafka: all gateways that run are ready, and their spools empty."""
        for service in self.services:
            if service.runs:
                service.gateway.wait_until_ready(seconds)
                service.wait_until_drained(seconds)

    def records(self):
        here = self.kafka.topics(self.prefix)
        return [
            record for topic in TOPICS if self.prefix + topic in here
            for record in self.kafka.read(self.prefix + topic, seconds=120)
        ]

    def left_behind(self, name):
        """The files of that instance's spool."""
        return sorted(path.name for path in (self.data_dir / name).glob("spool-*.db*"))

    def judge(self, title, over_starts=True):
        """Over everything since the test began."""
        self.last = verdict.judge(self.ledger.entries, self.records(), self.prefix, over_starts)
        line = f"{title}: {self.last.line()}"
        figures.append(line)
        print(line)
        assert not self.last.faults, f"{line}\n{self.last.text()}\nthe ledger is {self.ledger.path}"
        assert self.last.answered > 0
        return self.last

    def close(self):
        try:
            for service in self.services:
                service.close()
        finally:
            for service in self.services:  # when one has not ended in order
                if service.runs:
                    service.kill()
            self.ledger.close()


class Round:
    def __init__(self, stage, number, count):
        self.stage = stage
        self.number = number
        self.seed = f"{SEED}-{stage.title}-{number}"
        self.title = f"{stage.title} {number}/{count}"
        self.choose = random.Random(self.seed)

    def storm(self, **options):
        """Load on all the stage's services, or on `targets`; a clients.Storm. Each of a round needs its own name."""
        targets = options.pop("targets", None) or self.stage.services
        name = options.pop("name", "")
        return Storm(targets, self.stage.ledger, f"r{self.number}{name}", self.seed + name, **options)

    def pause(self, shortest, longest):
        """A random moment for the fault: what the round is about, not something to wait for."""
        time.sleep(self.choose.uniform(shortest, longest))

    def judge(self, over_starts=True):
        self.stage.settle()
        return self.stage.judge(self.title, over_starts)

    def judge_outage(self):
        """Kafka alone, or the line to it, had the fault: callbacks were answered all the while. (A disk that is busy
        with other things for half a second may cost one.)"""
        found = self.judge()
        assert found.attempts.get(503, 0) * 50 <= found.answered, found.line()
        return found
