"""Fixtures of the attack tests: what integration tests have, and the figures at the end of the run."""

import os
import pathlib
import sys
import uuid

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[1:1] = [str(TESTS / "integration"), str(TESTS / "fault")]

from kafka import Kafka  # noqa: E402 (the paths come first)
from gateway import Gateway, changed, configuration  # noqa: E402
from reporting import (  # noqa: E402, F401 (hooks)
    pytest_runtest_makereport, pytest_runtest_setup, pytest_sessionstart,
)

found = []  # lines, printed at the end


@pytest.fixture
def figures():
    return found.append


def pytest_terminal_summary(terminalreporter):
    if found:
        terminalreporter.section("figures of the attacks")
        for line in found:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    """A real Kafka: that of TRUNKLINE_TEST_BROKERS, else one for this run."""
    given = os.environ.get("TRUNKLINE_TEST_BROKERS")
    if given:
        yield Kafka(given)
        return
    broker = Kafka.start(tmp_path_factory.mktemp("kafka"))
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def start_gateway(kafka, tmp_path):
    """As the one of the integration tests."""
    gateways = []

    def start(changes=None, env=None, args=()):
        directory = tmp_path / f"gateway-{len(gateways)}"
        prefix = f"t{uuid.uuid4().hex[:8]}-"
        config = changed(configuration(kafka.address, directory / "data", prefix), changes or {})
        gateways.append(Gateway.configured(directory, config, env, args))
        gateways[-1].prefix = prefix
        return gateways[-1].start()

    yield start
    for gateway in reversed(gateways):
        gateway.stop()
