"""Ports for those who must know them before anybody listens there."""

import random
import socket


def free_ports(count):
    """Below those that the kernel gives to outgoing connections."""
    held = []
    while len(held) < count:
        held.append(socket.socket())
        try:
            held[-1].bind(("127.0.0.1", random.randrange(15000, 30000)))
        except OSError:
            held.pop().close()
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports
