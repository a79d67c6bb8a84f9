"""Vendors that go on posting whatever happens: they write down every 2xx, repeat what their vendor repeats, and post
the next event of a call only after the answer to the former, or after having given that up."""

import asyncio
import random
import threading
import time

import callbacks
from ledger import Entry
from load import read_answer, request
from waiting import wait_until

PATIENCE = {"jiuyun": 2.5, "yeta": 3.0}  # seconds for an answer, as documented
OTHERS_PATIENCE = 5.0
NEVER_REPEATS = {"jiuyun"}
MOST_ATTEMPTS = 8  # a minute between two is scaled to:
PAUSE_BEFORE_REPEAT = (0.02, 0.6)
PAUSE_IN_CALL = (0.0, 0.15)
LONG_PAUSE = (0.5, 3.0)  # a call that goes on while the fault begins, lasts and ends


class Storm:
    """Load on gateways from start() to stop(), or as a context; what was answered is in the ledger.

    targets: each has .address (host, port) and .life; with several, each connection goes to one of them by chance, as
    behind a load balancer. name: what the names of its calls begin with. kinds: of stories, see callbacks.story.
    """

    def __init__(self, targets, ledger, name, seed, clients=24, kinds=(0, 1, 2, 3, 4), sticky=False):
        self.targets = targets
        self.ledger = ledger
        self.name = name
        self.kinds = kinds
        self.clients = clients
        self.seed = seed
        self.sticky = sticky  # a client keeps to one target
        self.calls = 0
        self.stopping = False
        self._failure = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_exception):
        self.stop()

    def start(self):
        self._thread.start()
        return self

    def stop(self, seconds=60):
        """Each client still finishes what it is about."""
        self.stopping = True
        self._thread.join(seconds)
        assert not self._thread.is_alive(), f"the clients did not come to an end within {seconds} s"
        if self._failure is not None:
            raise self._failure

    def wait_for_answers(self, count, seconds=60):
        """For so many more callbacks that are answered 2xx."""
        goal = self.ledger.answered + count
        wait_until(lambda: self.ledger.answered >= goal or self._failure, seconds, f"{count} more answers")
        if self._failure is not None:
            raise self._failure

    def _run(self):
        try:
            asyncio.run(self._all())
        except Exception as error:  # told by stop(), in the test's own thread
            self._failure = error

    async def _all(self):
        await asyncio.gather(*(Client(self, number).play() for number in range(self.clients)))

    def next_call(self, choose):
        self.calls += 1
        return callbacks.story(f"{self.name}-{self.calls:06d}", choose.choice(self.kinds))


class Client:
    def __init__(self, storm, number):
        self.storm = storm
        self.choose = random.Random(f"{storm.seed}-{number}")
        self.keeps_connection = number % 2 == 0
        self.target = self.choose.choice(storm.targets)
        self.life = None
        self.reader = self.writer = None

    async def play(self):
        while not self.storm.stopping:
            for step, callback in enumerate(self.storm.next_call(self.choose)):
                pause = LONG_PAUSE if self.choose.random() < 0.05 else PAUSE_IN_CALL
                await asyncio.sleep(self.choose.uniform(*pause))
                await self.deliver(step, callback)
                if self.storm.stopping:
                    break
        self.close()

    async def deliver(self, step, callback):
        """Posts it until it is accepted, as often as its vendor would, and writes it down."""
        entry = Entry(
            callback.call, step, callback.path, callback.body.decode(), callback.events, posted=time.monotonic()
        )
        most = 1 if entry.source in NEVER_REPEATS else MOST_ATTEMPTS
        while True:
            status = await self.post(callback, entry)
            entry.attempts.append(status)
            if status == 200:
                entry.answered, entry.life = time.monotonic(), self.life
            if status == 200 or len(entry.attempts) >= most:
                break
            await asyncio.sleep(self.choose.uniform(*PAUSE_BEFORE_REPEAT))
        self.storm.ledger.write(entry)
        if not self.keeps_connection:
            self.close()

    async def post(self, callback, entry):
        """One attempt: the answer's status, "refused" (nobody there), "reset" (the connection ended) or "timeout"."""
        try:
            return await asyncio.wait_for(self._exchange(callback, entry), PATIENCE.get(entry.source, OTHERS_PATIENCE))
        except ConnectionRefusedError:
            return "refused"
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            return "reset"
        except asyncio.TimeoutError:
            self.close()
            return "timeout"

    async def _exchange(self, callback, entry):
        if self.writer is not None and (self.reader.at_eof() or self.reader.exception() or self.writer.is_closing()):
            self.close()  # the gateway has ended it while it was idle
        if self.writer is None:
            if not self.storm.sticky:
                self.target = self.choose.choice(self.storm.targets)
            self.reader, self.writer = await asyncio.open_connection(*self.target.address)
            self.life = self.target.life
        self.writer.write(request(callback))
        await self.writer.drain()
        status, fields, _body = await read_answer(self.reader)
        entry.durability = fields.get("trunkline-durability")
        if fields.get("connection", "").lower() == "close":
            self.close()
        return status

    def close(self):
        if self.writer is not None:
            self.writer.close()
            self.reader = self.writer = None
