"""RawClient over TLS, and one that can end its own half by TLS's own means."""

import socket
import ssl

from raw_client import RawClient


class TlsClient(RawClient):
    """An end without TLS's own farewell is an error: so at_end() tells that there was one."""

    def __init__(self, address, context, seconds=10):
        super().__init__(address, seconds)
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost", suppress_ragged_eofs=False)

    def half_close(self):
        """The socket's half alone; SSLSocket.shutdown would end TLS with it."""
        socket.socket.shutdown(self.socket, socket.SHUT_WR)


class Sealed:
    """What RawClient needs of a socket, over TLS that says farewell when the socket's half is closed."""

    def __init__(self, plain, context):
        self.plain = plain
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self._until_done(self.tls.do_handshake)

    def _until_done(self, step):
        while True:
            try:
                result = step()
                self.plain.sendall(self.outgoing.read())
                return result
            except ssl.SSLWantReadError:
                self.plain.sendall(self.outgoing.read())
                self._more()

    def _more(self):
        data = self.plain.recv(65536)
        self.incoming.write(data) if data else self.incoming.write_eof()

    def sendall(self, data):
        self._until_done(lambda: self.tls.write(data))

    def recv(self, size):
        try:
            return self._until_done(lambda: self.tls.read(size))
        except ssl.SSLZeroReturnError:
            return b""

    def farewell(self):
        """TLS's own end of our half: the other side may go on."""
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.plain.sendall(self.outgoing.read())

    def close(self):
        self.plain.close()


class FarewellClient(RawClient):
    def __init__(self, address, context, seconds=10):
        super().__init__(address, seconds)
        self.socket = Sealed(self.socket, context)

    def half_close(self):
        self.socket.farewell()
