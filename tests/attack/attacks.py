#!/usr/bin/python3
"""Clients that mean harm, in a process of their own: attacks.py HOST PORT SECONDS NAME…; prints what each attack did as JSON.

An attack is a script for one connection, played by many at once, again and again. Each begins anew when the gateway has
ended its connection. With several names all are played side by side.
"""

import asyncio
import itertools
import json
import random
import re
import socket
import struct
import sys
import time
from dataclasses import dataclass, field

HOST = b"Host: gateway\r\n"
OPEN = b"/callbacks/besieged"  # anybody may post there
GUARDED = b"/callbacks/guarded"  # a secret is asked for
NOWHERE = b"/callbacks/nowhere"
PAUSE = 0.05  # seconds: between two bytes of those who take their time
RESET = struct.pack("ii", 1, 0)  # for SO_LINGER: a close is a RST


@dataclass
class Tally:
    """What one attack did."""

    connections: int = 0
    requests: int = 0  # begun
    answers: dict = field(default_factory=dict)  # status -> number


class Ended(Exception):
    """The gateway has ended the connection."""


class Peer:
    """One connection of an attacker."""

    def __init__(self, address, tally):
        self.address, self.tally = address, tally
        self.loop = asyncio.get_running_loop()
        self.socket = None

    async def connect(self, receive_bytes=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        await self.loop.sock_connect(self.socket, self.address)
        self.tally.connections += 1

    async def send(self, data, requests=0):
        self.tally.requests += requests
        await self.loop.sock_sendall(self.socket, data)

    async def receive(self):
        """Some bytes of answers, which are counted."""
        data = await self.loop.sock_recv(self.socket, 1 << 18)
        if not data:
            raise Ended
        for status in re.findall(r"HTTP/1\.1 (\d{3}) ", data.decode("latin-1")):
            self.tally.answers[status] = self.tally.answers.get(status, 0) + 1
        return data

    async def receive_all(self):
        while True:
            await self.receive()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.socket.close()

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        if self.socket is not None:
            self.socket.close()


def post(path, body=b"", *fields):
    lines = [b"POST " + path + b" HTTP/1.1", b"Host: gateway", b"Content-Length: %d" % len(body), *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def announce(path, *fields):
    """A head whose body is still to come."""
    return b"\r\n".join([b"POST " + path + b" HTTP/1.1", b"Host: gateway", *fields]) + b"\r\n\r\n"


CHUNKED = b"Transfer-Encoding: chunked"


def push(number):
    """A callback as it should be."""
    body = (
        b'{"eventUniqueId":"flood-%d","accountId":"20000153","callUniqueId":"flood-%d","pushType":"dialoutEvent",'
        b'"statusTime":"1620455970","callEvent":"ring","callType":"dialout"}' % (number, number)
    )
    return post(OPEN, body)


numbers = itertools.count(random.SystemRandom().randrange(1 << 40))


# --- the attacks ---


async def slow_readers(peer):
    """Ask a lot and read nothing."""
    await peer.connect(receive_bytes=4096)
    while True:
        await peer.send(post(NOWHERE) * 200, 200)


async def one_byte_chunks(peer):
    await peer.connect()
    await peer.send(announce(OPEN, CHUNKED), 1)
    for _ in range(200):
        await peer.send(b"1\r\n{\r\n" * 200)
    await peer.send(b"0\r\n\r\n")
    await peer.receive()


async def one_byte_segments(peer):
    await peer.connect()
    peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.tally.requests += 1
    for byte in post(OPEN, b"{" * 200):
        await peer.send(bytes([byte]))
        await asyncio.sleep(0)
    await peer.receive()


async def ten_thousand_fields(peer):
    await peer.connect()
    await peer.send(b"POST " + OPEN + b" HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 10000 + b"\r\n", 1)
    await peer.receive_all()


async def long_lines(peer):
    await peer.connect()
    await peer.send(b"GET /" + b"a" * 1000000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 1)
    await peer.receive_all()


cuts = itertools.count()


async def resets(peer):
    """After each byte of a request."""
    request = push(next(numbers))
    await peer.connect()
    await peer.send(request[: next(cuts) % (len(request) + 1)], 1)
    if next(cuts) % 3 == 0:
        await asyncio.sleep(0.002)
    peer.reset()


async def half_open(peer):
    """The client's end is closed in the middle of a request, or behind it."""
    request = push(next(numbers))
    await peer.connect()
    await peer.send(request[: next(cuts) % (len(request) + 1)], 1)
    peer.half_close()
    await peer.receive_all()


async def slow_heads(peer):
    await peer.connect()
    peer.tally.requests += 1
    for byte in itertools.chain(post(OPEN)[:-2], itertools.cycle(b"A: b\r\n")):
        await peer.send(bytes([byte]))
        await asyncio.sleep(PAUSE)


async def slow_bodies(peer):
    await peer.connect()
    await peer.send(announce(OPEN, b"Content-Length: 200000") + b"{" * 100, 1)
    while True:
        await peer.send(b" ")
        await asyncio.sleep(PAUSE)


async def hoards(peer):
    """Half of a large body, and then nothing: it takes memory."""
    await peer.connect()
    await peer.send(announce(OPEN, b"Content-Length: 200000") + b"{" * 100000, 1)
    await peer.receive_all()


async def endless_bodies(peer):
    """Of requests that are refused by their heads."""
    await peer.connect()
    await peer.send(announce(NOWHERE, CHUNKED), 1)
    while True:
        await peer.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")


async def storms_of_404(peer):
    await peer.connect()
    while True:
        await peer.send(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n" + post(NOWHERE) * 99, 100)
        await peer.receive()


async def storms_of_401(peer):
    await peer.connect()
    while True:
        await peer.send(post(GUARDED + b"/wrong", b"{}") * 100, 100)
        await peer.receive()


async def new_connections_of_404(peer):
    """The same without keeping connections."""
    await peer.connect()
    await peer.send(post(NOWHERE, b"", b"Connection: close"), 1)
    await peer.receive_all()


async def expectations(peer):
    """Wait for 100 Continue, and then send nothing, or something else."""
    await peer.connect()
    await peer.send(announce(OPEN, b"Content-Length: 1000", b"Expect: 100-continue"), 1)
    await peer.receive()
    await peer.send(b"x" * (next(cuts) % 1000))
    peer.reset()


async def empty_lines(peer):
    await peer.connect()
    await peer.send(b"\r\n" * 32768, 1)
    await peer.receive_all()


async def other_protocols(peer):
    """HTTP/1.0 with and without keep-alive, HTTP/2's preface, a TLS hello, noise."""
    texts = [
        b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 5, b"GET /\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 506, b"\0" * 5000,
        b"POST " + OPEN + b" HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}", b"GET / HTTP/9.9\r\n" + HOST + b"\r\n",
    ]
    await peer.connect()
    await peer.send(texts[next(cuts) % len(texts)], 1)
    peer.half_close()
    await peer.receive_all()


async def churns(peer):
    """Connect and are gone."""
    await peer.connect()
    if next(cuts) % 2:
        peer.reset()


async def crowds(peer):
    """Connect and say nothing."""
    await peer.connect()
    await peer.receive_all()


async def floods(peer):
    """Callbacks as they should be, as fast as they can."""
    await peer.connect()
    while True:
        await peer.send(b"".join(push(next(numbers)) for _ in range(20)), 20)
        await peer.receive()


# The connections that play each at once.
ATTACKS = {
    slow_readers: 100, one_byte_chunks: 50, one_byte_segments: 50, ten_thousand_fields: 50, long_lines: 20, resets: 50,
    half_open: 50, slow_heads: 400, slow_bodies: 400, hoards: 200, endless_bodies: 20, storms_of_404: 50,
    storms_of_401: 50, new_connections_of_404: 50, expectations: 50, empty_lines: 50, other_protocols: 50, churns: 50,
    crowds: 700, floods: 30,
}
NAMES = {attack.__name__: attack for attack in ATTACKS}


async def play(attack, address, until, tally):
    """Again and again, on one connection after the other; at least once."""
    first = True
    while first or time.monotonic() < until:
        peer = Peer(address, tally)
        try:
            await asyncio.wait_for(attack(peer), max(1 if first else 0.01, until - time.monotonic()))
        except (Ended, OSError, asyncio.TimeoutError):
            pass
        finally:
            peer.close()
        first = False
        await asyncio.sleep(0)


async def play_all(names, address, until, tallies):
    players = (
        play(NAMES[name], address, until, tallies[name]) for name in names for _ in range(ATTACKS[NAMES[name]])
    )
    await asyncio.gather(*players)


def main():
    host, port, seconds, *names = sys.argv[1:]
    tallies = {name: Tally() for name in names}
    asyncio.run(play_all(names, (host, int(port)), time.monotonic() + float(seconds), tallies))
    print(json.dumps({name: vars(tally) for name, tally in tallies.items()}))


if __name__ == "__main__":
    main()
