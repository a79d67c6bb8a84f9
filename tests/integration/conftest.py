"""Fixtures of the integration tests: one real Kafka for the whole run, gateways on it, topics of a test's own."""

import pytest

from commands import Commands, Results
from egress import Egress, account, egress_configuration
from fixtures import kafka, new_prefix, prefix, start_gateway  # noqa: F401 (pytest finds them here)
from gateway import TOPICS, Gateway, changed, configuration
from kafka import Kafka
from reporting import pytest_runtest_makereport, pytest_runtest_setup, pytest_sessionstart  # noqa: F401 (hooks)
from simulators import Simulator


@pytest.fixture(scope="session")
def own_kafka(kafka, tmp_path_factory):
    """A real Kafka whose process is ours, to be frozen; thaw it before the test ends."""
    if kafka.directory is not None:
        yield kafka
        return
    broker = Kafka.start(tmp_path_factory.mktemp("own-kafka"))
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def gateway(start_gateway):
    """A gateway as gateway.configuration() has it; its topics are `prefix` + the usual name."""
    return start_gateway()


@pytest.fixture(scope="module")
def module_gateway_with(kafka, new_prefix, tmp_path_factory):
    """Starts gateways for all tests of a file, where what the others did is of no matter: module_gateway_with(changes);
    `.prefix` is what their topics begin with."""
    gateways = []

    def start(changes=None):
        directory = tmp_path_factory.mktemp("gateway")
        prefix = new_prefix()
        config = changed(configuration(kafka.address, directory / "data", prefix), changes or {})
        gateway = Gateway.configured(directory, config)
        gateway.prefix = prefix
        gateways.append(gateway)
        return gateway.start()

    yield start
    for gateway in gateways:
        gateway.stop()


@pytest.fixture(scope="module")
def module_gateway(module_gateway_with):
    """One gateway as gateway.configuration() has it for all tests of a file."""
    return module_gateway_with()


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    """`trunkline dev` with its embedded broker, one for all tests of a file: where Kafka is not the point."""
    gateway = Gateway.dev(tmp_path_factory.mktemp("dev"))
    try:
        yield gateway.start()
    finally:
        gateway.stop()


# The worker and its vendors.


@pytest.fixture
def start_simulator(tmp_path):
    """Starts simulated vendors: start_simulator("7moor", limit=20, window_ms=60000). All are stopped at the end."""
    simulators = []

    def start(vendor, **options):
        directory = tmp_path / f"simulator-{len(simulators)}"
        simulators.append(Simulator(vendor, directory, **options))
        return simulators[-1].start()

    yield start
    for simulator in reversed(simulators):
        simulator.stop()


@pytest.fixture
def simulator_7moor(start_simulator):
    """7moor as it is: 20 calls in 60 s."""
    return start_simulator("7moor")


@pytest.fixture
def simulator_yeta(start_simulator):
    return start_simulator("yeta")


@pytest.fixture
def start_egress(kafka, prefix, tmp_path):
    """Starts workers on the real Kafka: start_egress([account(simulator, limit=…)], {"egress": {"lease_seconds": 2}}).

    The changes are laid over egress.egress_configuration(). All workers of a test are in one group. Their topics are
    there before. `armed` lets tests stop them at exact places. All are stopped at the end, orderly and with status 0,
    unless the test has waited for their end itself.
    """
    workers = []

    def start(accounts, changes=None, env=None, args=(), ready=True, armed=False, on=kafka):
        directory = tmp_path / f"egress-{len(workers)}"
        accounts = [each if isinstance(each, dict) else account(each) for each in accounts]
        config = changed(egress_configuration(on.address, directory / "data", prefix, accounts), changes or {})
        worker = Egress.configured(directory, config, env, args)
        if not workers:
            worker.make_topics()
        workers.append(worker.armed() if armed else worker)
        return worker.start(ready)

    yield start
    for worker in reversed(workers):
        worker.stop()


@pytest.fixture
def commands(kafka, prefix):
    """Submits to this test's commands topic, which is there once a worker was started."""
    return Commands(kafka.address, prefix + TOPICS["commands"])


@pytest.fixture
def results(kafka, prefix):
    """This test's results, which are there once a worker was started: ask for it behind the worker."""
    opened = []

    def topic():
        if not opened:
            opened.append(Results(kafka.address, prefix + TOPICS["results"], 3))
        return opened[0]

    yield Later(topic)
    for each in opened:
        each.close()


class Later:
    """Stands for what is made at its first use."""

    def __init__(self, make):
        self._make = make

    def __getattr__(self, name):
        return getattr(self._make(), name)

    def __getitem__(self, key):
        return self._make()[key]
