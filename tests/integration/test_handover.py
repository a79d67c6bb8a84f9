"""Restarts behind sockets that somebody holds (LISTEN_FDS): clients that never repeat lose nothing, and see no error."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
import yaml

from callbacks import sevenmoor_call_event
from gateway import BINARY, TOPICS, Gateway, configuration, run
from waiting import wait_until

LONG = os.environ.get("TRUNKLINE_TEST_LONG") == "1"
RESTARTS = 50 if LONG else 3
FRESH_CLIENTS, KEPT_CLIENTS = 8, 8

# Between fork and exec: the sockets become descriptors 3 and up, and LISTEN_PID the process's own number.
STARTER = """
import os, sys
given, name, arguments = [int(text) for text in sys.argv[1].split(",") if text], sys.argv[2], sys.argv[3:]
high = [os.dup(os.dup2(fd, 100 + number)) and 100 + number for number, fd in enumerate(given)]
for number, fd in enumerate(high):
    os.dup2(fd, 3 + number)
os.closerange(3 + len(high), 200)
os.environ.setdefault("LISTEN_PID", str(os.getpid()))
os.environ.setdefault("LISTEN_FDS", str(len(high)))
os.execv(name, [name, *arguments])
"""


def listening(port=0, shared=False, kind=socket.SOCK_STREAM, listen=True):
    held = socket.socket(socket.AF_INET, kind)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    held.bind(("127.0.0.1", port))
    if kind == socket.SOCK_STREAM and listen:
        held.listen(1024)
    return held


class Handed(Gateway):
    """A gateway that is handed sockets; start it as often as you like."""

    def __init__(self, directory, config, sockets, env=None):
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "trunkline.yaml").write_text(yaml.safe_dump(config))
        super().__init__(directory, ["gateway", "--config", directory / "trunkline.yaml", "--log-format", "json"], env)
        self.sockets = sockets

    def launch(self):
        numbers = ",".join(str(held.fileno()) for held in self.sockets)
        with open(self.log_path, "ab") as log, open(self.directory / "stdout.log", "ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", STARTER, numbers, str(BINARY), *self.arguments], stdin=subprocess.DEVNULL,
                stdout=out, stderr=log, env=self.env, pass_fds=[held.fileno() for held in self.sockets],
            )
        self.status = None
        Gateway.started.append(self)

    def start(self, ready=True, seconds=60):
        """Also again: its ports are those of the last start."""
        before = len(self.log("gateway_started"))
        self.launch()
        line = wait_until(
            lambda: self.alive() and self.log("gateway_started")[before:], seconds, "the start's line", 0.005
        )[0]
        self.address, self.management_address = self._address(line["url"]), self._address(line["management_url"])
        if ready:
            self.wait_until_ready(seconds)
        return self

    def restart(self, seconds=60):
        """Ends the process and starts the next; returns how long the end took, and the start until callbacks are taken."""
        began = time.monotonic()
        self.stop(seconds)
        ended = time.monotonic()
        self.start(False, seconds)
        return ended - began, time.monotonic() - ended


@pytest.fixture
def start_handed(kafka, prefix, tmp_path):
    started = []

    def start(sockets, workers=2, env=None, **changes):
        config = configuration(kafka.address, tmp_path / "data", prefix)
        config["gateway"]["workers"] = workers
        config["gateway"].update({"port": 9, **changes})  # 9: which is not bound
        started.append(Handed(tmp_path / f"gateway-{len(started)}", config, sockets, env))
        return started[-1].start()

    yield start
    for each in started:
        each.stop(60)


class Clients:
    """They never repeat. `fresh`: a connection a callback. `kept`: one for many, until an answer says that it ends."""

    def __init__(self, address):
        self.address = address
        self.stopping = False
        self.accepted, self.troubles, self.slowest, self.connections = set(), [], 0.0, 0
        self.sent = 0

    async def one(self, reader, writer, call, number, close):
        callback = sevenmoor_call_event(call, number, "ring")
        head = f"POST /callbacks/7moor HTTP/1.1\r\nHost: gateway\r\nContent-Length: {len(callback.body)}\r\n"
        head += "Connection: close\r\n" if close else ""
        self.sent += 1
        began = time.monotonic()
        writer.write(head.encode() + b"\r\n" + callback.body)
        answer = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)).decode("latin-1")
        fields = dict(line.lower().split(": ", 1) for line in answer.split("\r\n")[1:] if line)
        await asyncio.wait_for(reader.readexactly(int(fields["content-length"])), 30)
        self.slowest = max(self.slowest, time.monotonic() - began)
        status = int(answer.split(" ", 2)[1])
        if status == 200:
            self.accepted.update(callback.events)
        else:
            self.troubles.append(answer.split("\r\n")[0])
        return fields.get("connection") != "close"

    async def client(self, name, kept, pause):
        number = 0
        while not self.stopping:
            writer = None
            try:
                began = time.monotonic()
                reader, writer = await asyncio.wait_for(asyncio.open_connection(*self.address), 30)
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.connections += 1
                goes_on = True
                while goes_on and not self.stopping:
                    goes_on = await self.one(reader, writer, name, number, not kept) and kept
                    number += 1
                    await asyncio.sleep(pause)
                    if goes_on and reader.at_eof():  # told between two callbacks
                        goes_on = False
            except (OSError, EOFError, asyncio.TimeoutError) as error:
                self.troubles.append(f"{'kept' if kept else 'fresh'} {name}/{number}: {error!r}")
                number += 1
            finally:
                if writer is not None:
                    writer.close()


async def restarts_under(clients, gateway, count):
    tasks = [asyncio.create_task(clients.client(f"fresh-{n}", False, 0.001 * n)) for n in range(FRESH_CLIENTS)]
    # The slowest of them thinks longer between two callbacks than a restart takes.
    tasks += [asyncio.create_task(clients.client(f"kept-{n}", True, 0.002 * 2 ** n)) for n in range(KEPT_CLIENTS)]
    took = []
    for _ in range(count):
        sent = clients.sent
        while clients.sent < sent + 200:
            await asyncio.sleep(0.01)
        took.append(await asyncio.to_thread(gateway.restart))
    clients.stopping = True
    await asyncio.gather(*tasks)
    return took


@pytest.mark.parametrize("sockets, workers", [(2, 2), (1, 2), (3, 2)])
def test_restarts_are_not_noticed(start_handed, kafka, prefix, sockets, workers):
    held = [listening(shared=True)]
    held += [listening(held[0].getsockname()[1], shared=True) for _ in range(sockets - 1)]
    gateway = start_handed(held, workers)
    clients = Clients(held[0].getsockname())
    took = asyncio.run(restarts_under(clients, gateway, RESTARTS))
    ends, starts = [sorted(each) for each in zip(*took)]
    print(f"\n{sockets} sockets, {workers} workers, {RESTARTS} restarts: {clients.sent} callbacks on {clients.connections} "
          f"connections, {len(clients.troubles)} troubles, slowest {clients.slowest:.2f} s, "
          f"end {ends[len(ends) // 2]:.2f} (most {ends[-1]:.2f}) s, start {starts[len(starts) // 2]:.2f} s")
    assert not clients.troubles, clients.troubles
    assert len(clients.accepted) == clients.sent
    gateway.stop(60)
    found = {json.loads(record.value)["id"] for record in kafka.read(prefix + TOPICS["call_events"])}
    assert clients.accepted <= found, f"{len(clients.accepted - found)} accepted callbacks are not on Kafka"
    for each in held:
        each.close()


def post(client, number, *headers):
    client.post("/callbacks/7moor", sevenmoor_call_event("call", number, "ring").body, headers)


def test_every_socket_is_served_and_left_open(start_handed):
    held = [listening() for _ in range(3)]
    gateway = start_handed(held, 2)
    assert gateway.address[1] == held[0].getsockname()[1]
    for number, each in enumerate(held):
        gateway.address = each.getsockname()
        assert gateway.post("/callbacks/7moor", sevenmoor_call_event("call", number, "ring").body).status == 200
    gateway.stop()
    with gateway.client() as client:  # nobody is there, and it is not refused
        post(client, 9)
        gateway.start()
        assert client.response().status == 200
    for each in held:
        each.close()


def test_an_idle_connection_has_its_time(start_handed):
    """Who asks within the grace is answered; who does not is told that no more comes, with no reset."""
    held = [listening()]
    gateway = start_handed(held, 1)
    with gateway.client() as asking, gateway.client() as silent:
        for number, client in enumerate((asking, silent)):
            post(client, number)
            assert client.response().header("Connection") != "close"
        gateway.signal(signal.SIGTERM)
        gateway.wait_for_log("gateway_stopping")
        post(asking, 2)
        answer = asking.response()
        assert answer.status == 200 and answer.header("Connection") == "close"
        assert asking.at_end() and silent.at_end()
        silent.close()
        assert gateway.wait(20) == 0
    held[0].close()


def test_a_request_that_crosses_the_end_is_not_lost(start_handed, kafka, prefix):
    held = [listening()]
    gateway = start_handed(held, 1)
    with gateway.client() as late:
        post(late, 0)
        assert late.response().status == 200
        gateway.signal(signal.SIGTERM)
        assert late.at_end()  # its end has come: what is sent now has crossed it
        post(late, 1)
        assert late.at_end()  # and no answer can come
        assert gateway.wait(20) == 0
    ids = {json.loads(record.value)["id"] for record in kafka.read(prefix + TOPICS["call_events"])}
    assert len(ids) == 2
    held[0].close()


def test_others_sockets_are_not_taken(start_handed):
    """LISTEN_PID names somebody else: the port of the configuration counts. A child's environment is its parent's."""
    held = [listening()]
    gateway = start_handed(held, 1, env={"LISTEN_PID": "1"}, port=0)
    assert gateway.address[1] not in (0, held[0].getsockname()[1])
    assert gateway.post("/callbacks/7moor", sevenmoor_call_event("call", 0, "ring").body).status == 200
    held[0].close()


@pytest.mark.parametrize("make, text", [
    (lambda: listening(kind=socket.SOCK_DGRAM), "is no TCP socket"),
    (lambda: listening(listen=False), "does not listen"),
    (lambda: socket.socket(socket.AF_UNIX), "is no TCP socket"),
    (lambda: open(os.devnull, "rb"), "is no socket"),
])
def test_what_cannot_be_accepted_from_is_an_error_at_start(kafka, prefix, tmp_path, make, text):
    held = make()
    gateway = Handed(tmp_path / "gateway", configuration(kafka.address, tmp_path / "data", prefix), [held])
    gateway.launch()
    assert gateway.wait() == 1
    assert text in gateway.log("start_failed")[0]["reason"]
    held.close()


def test_more_sockets_are_named_than_there_are(kafka, prefix, tmp_path):
    held = listening()
    config = configuration(kafka.address, tmp_path / "data", prefix)
    for number in ("2", "257", "three"):
        gateway = Handed(tmp_path / number, config, [held], env={"LISTEN_FDS": number})
        gateway.launch()
        assert gateway.wait() == 1
        assert "LISTEN_FDS" in gateway.log("start_failed")[0]["reason"]
    held.close()
