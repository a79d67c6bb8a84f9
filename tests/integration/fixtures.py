"""Fixtures that integration and attack tests have alike, for their conftest.py to import: one real Kafka for the whole run,
gateways on it, topics of a test's own."""

import os
import uuid

import pytest

from gateway import Gateway, changed, configuration
from kafka import Kafka


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


@pytest.fixture(scope="session")
def new_prefix(kafka):
    """A function that gives a prefix for names of topics; what begins so is deleted at the end of the run."""
    made = []

    def make():
        made.append(f"t{uuid.uuid4().hex[:8]}-")
        return made[-1]

    yield make
    if kafka.directory is None:
        for prefix in made:
            kafka.delete(prefix)


@pytest.fixture
def prefix(new_prefix):
    """What the names of this test's topics begin with, so that tests do not see each other's records."""
    return new_prefix()


@pytest.fixture
def start_gateway(kafka, prefix, tmp_path):
    """Starts gateways on the real Kafka: start_gateway({"gateway": {"workers": 1}}, env=…, args=…, ready=…).

    The changes are laid over gateway.configuration(). `on` is another Kafka. `.prefix` is what their topics begin with.
    All are stopped at the end, orderly and with status 0, unless the test has waited for their end itself.
    """
    gateways = []

    def start(changes=None, env=None, args=(), ready=True, on=kafka):
        directory = tmp_path / f"gateway-{len(gateways)}"
        config = changed(configuration(on.address, directory / "data", prefix), changes or {})
        gateways.append(Gateway.configured(directory, config, env, args))
        gateways[-1].prefix = prefix
        return gateways[-1].start(ready)

    yield start
    for gateway in reversed(gateways):
        gateway.stop()
