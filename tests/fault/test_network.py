"""The network between gateway and Kafka is taken away: Kafka runs in a network of its own (a namespace), reached by one
cable (veth). What a gateway sees then is not a broker that ends a connection: it sees nothing at all."""

import os
import subprocess

import pytest

import stage as stages
from disk import not_run
from kafka import Kafka
from waiting import wait_until

SOON = 30  # seconds; how long a condition is waited for
NUMBER = os.getpid() % 4096
SPACE, NEAR, FAR = f"trunkline-{NUMBER}", f"tl{NUMBER}n", f"tl{NUMBER}f"
# Out of 198.18.0.0/15, which is kept for such tests: four addresses for each run.
NET, NEAR_ADDRESS, FAR_ADDRESS = (f"198.18.{NUMBER // 64}.{NUMBER % 64 * 4 + last}" for last in range(3))


def ip(*words, far=False):
    """Our end of the cable, or the far one."""
    return subprocess.run(["ip", *(("-n", SPACE) if far else ()), *words], capture_output=True, text=True)


def make_network():
    """None, or why it cannot be made."""
    for words, far in (
        (("netns", "add", SPACE), False),
        (("link", "add", NEAR, "type", "veth", "peer", "name", FAR, "netns", SPACE), False),
        (("addr", "add", f"{NEAR_ADDRESS}/30", "dev", NEAR), False),
        (("link", "set", NEAR, "up"), False),
        # While our end is down nothing for the far one may leave this machine.
        (("route", "add", "unreachable", f"{NET}/30", "metric", "9999"), False),
        (("addr", "add", f"{FAR_ADDRESS}/30", "dev", FAR), True),
        (("link", "set", FAR, "up"), True),
        (("link", "set", "lo", "up"), True),
    ):
        done = ip(*words, far=far)
        if done.returncode != 0:
            return f"ip {' '.join(words)}: {done.stderr.strip()}"
    return None


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    problem = make_network()
    try:
        if problem is not None:
            not_run("the network taken away", problem)
        address = f"{FAR_ADDRESS}:{stages.free_port()}"
        within = ("ip", "netns", "exec", SPACE)
        broker = Kafka.start(tmp_path_factory.mktemp("kafka"), "--second", address, within=within, address=address)
        try:
            yield broker
        finally:
            broker.stop()
    finally:
        ip("link", "del", NEAR)
        ip("route", "del", "unreachable", f"{NET}/30", "metric", "9999")
        ip("netns", "del", SPACE)


# How to take it, and how to give it back; whether the words are for the far end.
LOSSES = {
    "the far end is down": ([(("link", "set", FAR, "down"), True)], [(("link", "set", FAR, "up"), True)]),
    "our end is down": ([(("link", "set", NEAR, "down"), False)], [(("link", "set", NEAR, "up"), False)]),
    "the address is gone": (
        [(("addr", "flush", "dev", FAR), True)], [(("addr", "add", f"{FAR_ADDRESS}/30", "dev", FAR), True)],
    ),
}


def do(steps):
    for words, far in steps:
        done = ip(*words, far=far)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("loss", LOSSES)
def test_the_network_taken_away(stage, loss):
    take, give = LOSSES[loss]
    service = stage.service()
    for turn in stage.rounds():
        with turn.storm() as storm:
            storm.wait_for_answers(50)
            do(take)
            try:
                wait_until(lambda: service.waiting() > 20, SOON, "callbacks to be spooled")
                storm.wait_for_answers(50)
                turn.pause(0.0, 8.0 if stages.LONG else 2.0)
                assert service.gateway.ready()
            finally:
                do(give)
            storm.wait_for_answers(50)
        turn.judge()
