"""Callbacks at a steady rate, whatever becomes of the former ones; written down like those of a storm."""

import asyncio
import collections
import random
import statistics
import threading
import time

import callbacks
from ledger import Entry
from load import read_answer, request

PATIENCE = 10.0  # seconds for an answer; more than any vendor has: how late they come is what is measured
CALLS_AT_ONCE = 200  # whose next event is due at some time


class Pace:
    """From start() to stop(), or as a context."""

    def __init__(self, service, ledger, name, rate, seed):
        self.service, self.ledger, self.name, self.rate = service, ledger, name, rate
        self.choose = random.Random(f"{seed}-pace")
        self.calls = 0
        self.stopping = False
        self.late = 0.0  # how far the clients themselves were behind, at most
        self._connections = []
        self._ready = collections.deque()
        self._failure = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_exception):
        self.stopping = True
        self._thread.join(60)
        assert not self._thread.is_alive(), "the clients did not come to an end"
        if self._failure is not None:
            raise self._failure

    def _run(self):
        try:
            asyncio.run(self._all())
        except Exception as error:  # told at the end, in the test's own thread
            self._failure = error

    async def _all(self):
        began, sent, tasks = time.monotonic(), 0, set()
        while not self.stopping:
            due = int((time.monotonic() - began) * self.rate)
            self.late = max(self.late, (due - sent - 1) / self.rate)
            while sent < due:
                task = asyncio.create_task(self._deliver(*self._next()))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                sent += 1
            await asyncio.sleep(max(0.0, began + (sent + 1) / self.rate - time.monotonic()))
        await asyncio.gather(*tasks)
        for _, writer in self._connections:
            writer.close()

    def _next(self):
        """A callback whose former one is answered, with the rest of its story."""
        if len(self._ready) >= CALLS_AT_ONCE:
            return self._ready.popleft()
        self.calls += 1
        return 0, callbacks.story(f"{self.name}-{self.calls:06d}", self.choose.randrange(5))

    async def _deliver(self, step, story):
        callback = story[step]
        entry = Entry(callback.call, step, callback.path, callback.body.decode(), callback.events, time.monotonic())
        try:
            status, fields = await asyncio.wait_for(self._exchange(callback), PATIENCE)
        except (OSError, asyncio.IncompleteReadError):
            status, fields = "reset", {}
        except asyncio.TimeoutError:
            status, fields = "timeout", {}
        entry.attempts.append(status)
        if status == 200:
            entry.answered, entry.life = time.monotonic(), self.service.life
            entry.durability = fields.get("trunkline-durability")
        self.ledger.write(entry)
        if step + 1 < len(story):
            self._ready.append((step + 1, story))

    async def _connection(self):
        """One that is free, and has not been ended while it was idle, or a new one."""
        while self._connections:
            reader, writer = self._connections.pop()
            if not (reader.at_eof() or reader.exception() or writer.is_closing()):
                return reader, writer
            writer.close()
        return await asyncio.open_connection(*self.service.address)

    async def _exchange(self, callback):
        reader, writer = await self._connection()
        try:
            writer.write(request(callback))
            status, fields, _body = await read_answer(reader)
        except BaseException:
            writer.close()
            raise
        self._connections.append((reader, writer))
        return status, fields


class Latency:
    """Of the entries that were posted between two times (monotonic seconds), in milliseconds."""

    def __init__(self, entries, begin, end):
        self.entries = [entry for entry in entries if begin <= entry.posted < end]
        self.statuses = collections.Counter(status for entry in self.entries for status in entry.attempts)
        took = sorted(1000 * (entry.answered - entry.posted) for entry in self.entries if entry.answered is not None)
        self.median = statistics.median(took)
        self.high = took[int(0.99 * len(took))]
        self.most = took[-1]

    def __str__(self):
        statuses = ", ".join(f"{count} × {status}" for status, count in sorted(self.statuses.items(), key=str))
        return f"{statuses}; median {self.median:.1f} ms, 99 % {self.high:.1f} ms, at most {self.most:.0f} ms"
