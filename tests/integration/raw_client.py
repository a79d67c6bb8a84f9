"""An HTTP client that sends bytes exactly as a test wants them and reads exactly one response at a time."""

import socket
import time
from dataclasses import dataclass


@dataclass
class Response:
    version: str
    status: int
    reason: str
    headers: list  # of (name as sent, value)
    body: bytes

    def header(self, name):
        """The one value of that field; None when there is none."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1, f"field {name} comes {len(values)} times"
        return values[0] if values else None


class ConnectionEnded(AssertionError):
    """The other side closed where a response was due."""


class RawClient:
    def __init__(self, address, seconds=10):
        """`address` is (host, port); no operation takes longer than `seconds`."""
        self.seconds = seconds
        self.buffer = b""
        self.socket = socket.create_connection(address, timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Ends the connection with a RST, as a client that died does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def send(self, data):
        self.socket.sendall(data)

    def send_pieces(self, pieces, pause=0.002):
        """Each piece in a segment of its own, as far as the network keeps them apart."""
        for number, piece in enumerate(pieces):
            if number:
                time.sleep(pause)
            self.send(piece)

    def post(self, path, body=b"", headers=()):
        """Sends a whole POST; `headers` are pairs on top of Host and Content-Length."""
        lines = [f"POST {path} HTTP/1.1", "Host: gateway", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def response(self, to_head=False):
        """The next response, 1xx ones too; bytes behind it stay for the next call. `to_head`: it has no body."""
        head = self._until(b"\r\n\r\n").decode("latin-1")
        status_line, *fields = head[:-4].split("\r\n")
        version, status, reason = status_line.split(" ", 2)
        headers = [(name, value.strip()) for name, value in (field.split(":", 1) for field in fields)]
        response = Response(version, int(status), reason, headers, b"")
        if not to_head and response.status >= 200 and response.status not in (204, 304):
            length = response.header("Content-Length")
            assert length is not None, f"a response without Content-Length:\n{head}"
            response.body = self._exactly(int(length))
        return response

    def at_end(self):
        """Whether the other side has closed (or does so in time), with nothing unread."""
        if self.buffer:
            return False
        try:
            self.buffer = self.socket.recv(65536)
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False
        return self.buffer == b""

    def quiet(self, seconds):
        """Whether nothing comes, not even an end, for that long."""
        if self.buffer:
            return False
        self.socket.settimeout(seconds)
        try:
            self.buffer = self.socket.recv(65536)
            return False
        except socket.timeout:
            return True
        finally:
            self.socket.settimeout(self.seconds)

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise ConnectionEnded(f"the connection ended after {self.buffer!r}")
        self.buffer += data

    def _until(self, mark):
        while mark not in self.buffer:
            self._more()
        return self._exactly(self.buffer.index(mark) + len(mark))

    def _exactly(self, count):
        while len(self.buffer) < count:
            self._more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data
