"""Clients that do not finish: thousands of idle and dripping connections end by their deadlines, and harm nobody."""

import os
import resource
import selectors
import socket
import time

import callbacks
from waiting import wait_until

SECONDS = 3  # every deadline of this gateway
LIMITS = {"head_seconds": SECONDS, "body_seconds": SECONDS, "idle_seconds": SECONDS, "write_seconds": SECONDS}


def connections_permitted():
    """As many as ulimit permits, less what both processes need otherwise; the short form is content with some."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard - 500 if os.environ.get("TRUNKLINE_TEST_LONG") else min(hard - 500, 6000)


class Drip:
    """A connection that sends its bytes one at a time, and never all of them."""

    HEAD = b"POST /callbacks/yeta HTTP/1.1\r\nHost: gateway\r\nX-Long: "
    BODY = b"POST /callbacks/yeta HTTP/1.1\r\nHost: gateway\r\nContent-Length: 100000\r\n\r\n{"

    def __init__(self, address, kind):
        self.socket = socket.create_connection(address, timeout=10)
        self.socket.setblocking(False)
        self.kind = kind
        self.opened = time.monotonic()
        if kind == "body":
            self.socket.send(self.BODY)
        elif kind == "head":
            self.socket.send(self.HEAD)

    def drip(self):
        if self.kind == "idle":
            return
        try:
            self.socket.send(b" ")
        except OSError:
            pass  # closed already; the selector tells


def test_deadlines_close_what_drips_and_idles_while_others_are_served(start_gateway):
    count = connections_permitted()
    room = {"connections": count + 100, "buffered_bytes": count << 16}  # however many bodies are begun at once
    gateway = start_gateway({"gateway": {"limits": {**LIMITS, **room}}})
    selector = selectors.DefaultSelector()
    lifetimes, answers, alive = [], [], set()
    with gateway.client() as healthy:
        served = 0

        def serve():
            nonlocal served
            record = callbacks.yeta_record(f"healthy-{served}")
            healthy.post(f"/callbacks{record.path}", record.body)
            assert healthy.response().status == 200
            served += 1

        for number in range(count):
            if number % 200 == 0:
                serve()
            drip = Drip(gateway.address, ("idle", "head", "body")[number % 3])
            alive.add(drip)
            selector.register(drip.socket, selectors.EVENT_READ, drip)
        next_drip = 0.0
        deadline = time.monotonic() + 90
        while alive:
            assert time.monotonic() < deadline, f"{len(alive)} connections are still open"
            for key, _ in selector.select(0.05):
                drip = key.data
                try:
                    data = drip.socket.recv(4096)
                except ConnectionResetError:
                    data = b""
                if data:
                    answers.append((drip.kind, data[:12]))
                else:
                    lifetimes.append((drip.kind, time.monotonic() - drip.opened))
                    selector.unregister(drip.socket)
                    drip.socket.close()
                    alive.remove(drip)
            if time.monotonic() > next_drip:
                next_drip = time.monotonic() + 0.5
                for drip in alive:
                    drip.drip()
            serve()
    assert served > 50
    assert {kind for kind, _ in lifetimes} == {"idle", "head", "body"} and len(lifetimes) == count
    assert min(lifetime for _, lifetime in lifetimes) > SECONDS * 0.9
    # Who had begun to ask is told so; who had not is not.
    assert {line for _, line in answers} <= {b"HTTP/1.1 408"}
    assert {kind for kind, _ in answers} == {"head", "body"}
    wait_until(lambda: gateway.metric("trunkline_connections") <= 1, 10, "the connections' gauge to fall")


def test_at_the_cap_the_longest_idle_connection_gives_way(start_gateway):
    gateway = start_gateway({"gateway": {"workers": 1, "limits": {"connections": 20}}})
    idle = [gateway.client() for _ in range(20)]
    wait_until(lambda: gateway.metric("trunkline_connections") == 20, 10, "20 connections")
    record = callbacks.yeta_record("one-more")
    assert gateway.post(f"/callbacks{record.path}", record.body).status == 200
    assert idle[0].at_end()
    assert idle[19].quiet(0.2)
    for client in idle:
        client.close()


def test_a_client_that_does_not_read_is_let_go(start_gateway):
    gateway = start_gateway({"gateway": {"workers": 1, "limits": LIMITS}})
    with gateway.client(seconds=60) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.socket.settimeout(2)
        request = b"POST /callbacks/nowhere HTTP/1.1\r\nHost: gateway\r\nContent-Length: 0\r\n\r\n"
        try:
            for _ in range(100000):
                client.send(request * 100)
        except (TimeoutError, ConnectionError):
            pass  # the gateway reads no more until its answers are read, or has let go
        wait_until(lambda: gateway.metric("trunkline_connections") == 0, 30, "the connection to be closed")
    assert gateway.post("/callbacks/nowhere").status == 404
