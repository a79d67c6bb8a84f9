"""A TCP proxy between the gateway and Kafka that can be told to misbehave; in a thread of its own."""

import asyncio
import socket
import struct
import threading

CHUNK = 65536
DIRECTIONS = ("up", "down")  # to Kafka, to the gateway
RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class Proxy:
    """Listens at .address from the start on; `upstream` (host, port) may be set later. Use it as a context.

    Faults last until heal(): delay, stall and swallow take "up", "down", or both when not told.
    """

    def __init__(self, upstream=None):
        self.upstream = upstream
        self._loop = asyncio.new_event_loop()
        self._links = set()
        self._delays = dict.fromkeys(DIRECTIONS, 0.0)
        self._swallowing = set()
        self._refusing = None
        self._tasks = set()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.address = self._listener.getsockname()
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *_exception):
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # The faults.

    def delay(self, seconds, *directions):
        """Bytes arrive so much later than they were sent."""
        self._do(self._set_delays(dict.fromkeys(directions or DIRECTIONS, seconds)))

    def stall(self, *directions):
        """Reads no more: the senders' buffers fill; nothing is lost."""
        self._do(self._set_flow(directions or DIRECTIONS, False))

    def swallow(self, *directions):
        """A black hole: takes what is sent, and drops it; new connections, too, are taken and lead nowhere."""
        self._do(self._set_swallowing(directions or DIRECTIONS))

    def cut(self):
        """Closes every connection, and each new one at once."""
        self._do(self._refuse("close"))

    def reset(self):
        """The same with a RST."""
        self._do(self._refuse("reset"))

    def heal(self):
        """As good as new; connections that lost bytes are cut, as nobody can use them any more."""
        self._do(self._heal())

    # Everything below runs in the proxy's loop.

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    async def _listen(self):
        self._flow = {direction: asyncio.Event() for direction in DIRECTIONS}
        for flow in self._flow.values():
            flow.set()
        self._server = await asyncio.start_server(self._accept, sock=self._listener)

    async def _close(self):
        self._server.close()
        await self._refuse("close")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _set_delays(self, delays):
        self._delays.update(delays)

    async def _set_flow(self, directions, flows):
        for direction in directions:
            if flows:
                self._flow[direction].set()
            else:
                self._flow[direction].clear()

    async def _set_swallowing(self, directions):
        self._swallowing.update(directions)

    async def _refuse(self, how):
        self._refusing = how
        for link in list(self._links):
            link.end(how)

    async def _heal(self):
        self._swallowing.clear()
        self._refusing = None
        await self._set_delays(dict.fromkeys(DIRECTIONS, 0.0))
        await self._set_flow(DIRECTIONS, True)
        for link in list(self._links):
            if link.lost_bytes:
                link.end("close")

    async def _accept(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        link = Link(writer)
        self._links.add(link)
        try:
            if self._refusing is not None:
                return
            if self._swallowing:
                link.lost_bytes = True
                while await reader.read(CHUNK):
                    pass
                return
            up_reader, link.up = await asyncio.open_connection(*self.upstream)
            await asyncio.gather(self._pipe(link, "up", reader, link.up), self._pipe(link, "down", up_reader, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            link.end(self._refusing or "close")
            self._links.discard(link)
            self._tasks.discard(task)

    async def _pipe(self, link, direction, reader, writer):
        """Reads now, writes when the delay is over."""
        waiting = asyncio.Queue(maxsize=256)
        writing = asyncio.create_task(self._write(waiting, writer))
        try:
            while True:
                await self._flow[direction].wait()
                data = await reader.read(CHUNK)
                await self._flow[direction].wait()
                if direction in self._swallowing and data:
                    link.lost_bytes = True
                    continue
                await waiting.put((self._loop.time() + self._delays[direction], data))
                if not data:
                    break
            await writing
        finally:
            writing.cancel()
            link.end("close")

    async def _write(self, waiting, writer):
        while True:
            due, data = await waiting.get()
            await asyncio.sleep(max(0, due - self._loop.time()))
            if not data:
                return
            writer.write(data)
            await writer.drain()


class Link:
    """A connection of the gateway and that to Kafka which belongs to it."""

    def __init__(self, down):
        self.down = down
        self.up = None
        self.lost_bytes = False

    def end(self, how):
        for writer in (self.down, self.up):
            if writer is None:
                continue
            if how == "reset":
                end = writer.get_extra_info("socket")
                if end is not None and end.fileno() >= 0:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
                writer.transport.abort()
            else:
                writer.close()
