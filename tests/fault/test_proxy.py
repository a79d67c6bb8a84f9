"""The proxy of the fault tests does what it is told: it would be a pity if all went well because it did nothing."""

import socket
import threading
import time

import pytest

from proxy import Proxy
from waiting import wait_until


class Echo:
    """A server that sends everything back."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_exception):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    @staticmethod
    def _echo(connection):
        try:
            while data := connection.recv(65536):
                connection.sendall(data)
        except OSError:
            pass
        connection.close()


@pytest.fixture
def proxy():
    with Echo() as echo, Proxy(echo.address) as made:
        yield made


def connect(proxy, seconds=10):
    return socket.create_connection(proxy.address, timeout=seconds)


def exactly(client, count):
    data = b""
    while len(data) < count:
        more = client.recv(65536)
        assert more, f"it ended after {len(data)} bytes"
        data += more
    return data


def echoes(client, data=b"hello"):
    client.sendall(data)
    return exactly(client, len(data)) == data


def silent(client, seconds=0.3):
    client.settimeout(seconds)
    try:
        data = client.recv(1)
        raise AssertionError(f"{data!r} came")
    except socket.timeout:
        return True
    finally:
        client.settimeout(10)


def test_it_passes_everything_on(proxy):
    data = bytes(range(256)) * 4000
    with connect(proxy) as client:
        sender = threading.Thread(target=client.sendall, args=(data,))
        sender.start()
        assert exactly(client, len(data)) == data
        sender.join()
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""


def test_delay(proxy):
    with connect(proxy) as client:
        assert echoes(client)
        proxy.delay(0.2)
        began = time.monotonic()
        assert echoes(client) and time.monotonic() - began >= 0.4
        proxy.heal()
        assert echoes(client)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_stall_keeps_what_was_sent(proxy, direction):
    with connect(proxy) as client:
        assert echoes(client)
        proxy.stall(direction)
        client.sendall(b"stalled")
        assert silent(client)
        proxy.heal()
        assert exactly(client, 7) == b"stalled"


def test_swallow_drops_and_its_connections_end_when_healed(proxy):
    with connect(proxy) as client:
        assert echoes(client)
        proxy.swallow()
        client.sendall(b"lost")
        with connect(proxy) as other:
            other.sendall(b"lost, too")
            assert silent(client) and silent(other)
            proxy.heal()
            for each in (client, other):
                with pytest.raises((AssertionError, ConnectionError)):
                    exactly(each, 1)
    with connect(proxy) as client:
        assert echoes(client)


@pytest.mark.parametrize("how", ["cut", "reset"])
def test_cut_and_reset(proxy, how):
    def end(client):
        try:
            data = client.recv(1)
        except ConnectionResetError:
            return "reset"
        assert data == b""
        return "cut"

    def end_of_a_new_one():
        try:
            with connect(proxy) as client:
                return end(client)
        except ConnectionResetError:  # before connect() could return
            return "reset"

    with connect(proxy) as client:
        assert echoes(client)
        getattr(proxy, how)()
        assert end(client) == how
    assert end_of_a_new_one() == how
    proxy.heal()

    def well():
        with connect(proxy) as client:
            return echoes(client)

    wait_until(well, 10, "connections to work again")


def test_nobody_behind_it():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = gone.getsockname()
    with Proxy(address) as proxy, connect(proxy) as client:
        assert client.recv(1) == b""
