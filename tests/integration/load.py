"""Many vendors at once: keep-alive connections that pipeline callbacks and cut their bytes anywhere."""

import asyncio
import random
import time
from dataclasses import dataclass


@dataclass
class Answer:
    callback: object
    status: int
    body: bytes
    sent: float  # monotonic seconds
    answered: float


def request(callback):
    head = f"POST /callbacks{callback.path} HTTP/1.1\r\nHost: gateway\r\nContent-Length: {len(callback.body)}\r\n\r\n"
    return head.encode() + callback.body


async def read_answer(reader):
    """Status, fields with their names in lower case, body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status_line, *lines = head[:-4].split("\r\n")
    fields = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
    return int(status_line.split(" ", 2)[1]), fields, await reader.readexactly(int(fields["content-length"]))


async def send_cut(writer, data, choose, cuts):
    """Writes data in up to cuts + 1 pieces that end anywhere."""
    places = sorted(choose.randrange(len(data)) for _ in range(cuts))
    for begin, end in zip([0, *places], [*places, len(data)]):
        writer.write(data[begin:end])
        await writer.drain()
        await asyncio.sleep(0)


async def client(address, stories, depth, choose, answers):
    """Plays stories, `depth` side by side. Within a story each answer is awaited before the next callback is sent;
    side by side they are pipelined."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        while stories:
            playing = [stories.pop() for _ in range(min(depth, len(stories)))]
            for step in range(max(map(len, playing))):
                batch = [story[step] for story in playing if step < len(story)]
                sent = time.monotonic()
                await send_cut(writer, b"".join(map(request, batch)), choose, choose.randrange(4))
                for callback in batch:
                    status, _, body = await read_answer(reader)
                    answers.append(Answer(callback, status, body, sent, time.monotonic()))
    finally:
        writer.close()


def play(address, stories, connections=64, depth=8, seed=7):
    """Plays all stories (lists of callbacks) and returns every answer; fails when a connection ends early."""
    stories, answers = list(stories), []

    async def everything():
        choosers = [random.Random(seed + number) for number in range(connections)]
        await asyncio.gather(*(client(address, stories, depth, choose, answers) for choose in choosers))

    asyncio.run(everything())
    return answers
