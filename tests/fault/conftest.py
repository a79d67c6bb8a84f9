"""Fixtures of the fault tests; stage.py says how such a test looks. What integration tests have, these have, too."""

import contextlib
import pathlib
import sys
import uuid

import pytest

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

import stage as stages  # noqa: E402 (the path comes first)
from kafka import Kafka  # noqa: E402
from proxy import Proxy  # noqa: E402
from reporting import (  # noqa: E402, F401 (hooks)
    pytest_runtest_makereport, pytest_runtest_setup, pytest_sessionstart,
)


def pytest_report_header(config):
    return f"rounds of each fault: {stages.ROUNDS}; TRUNKLINE_FAULT_SEED={stages.SEED}"


@pytest.fixture(autouse=True)
def figures(request):
    """What a test has found goes with its report, also from a process of pytest-xdist's."""
    yield
    request.node.user_properties += [("figure", line) for line in stages.figures]
    stages.figures.clear()


told = []  # the figures of all tests


def pytest_runtest_logreport(report):
    if report.when == "teardown":
        told.extend(line for name, line in report.user_properties if name == "figure")


def pytest_terminal_summary(terminalreporter):
    if told:
        terminalreporter.section("figures of the faults")
        terminalreporter.line(f"TRUNKLINE_FAULT_SEED={stages.SEED} repeats the choices")
    for line in told:
        terminalreporter.line(line)


# A killed broker is let in again only when the session of its former life is over; with one this short that takes no
# ten seconds, and a stop of some seconds is longer than it.
SHORT_SESSION = ("--set", "broker.session.timeout.ms=2500", "--set", "broker.heartbeat.interval.ms=500")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    """A real Kafka, to be frozen and killed: when a stage is closed it runs again."""
    broker = Kafka.start(tmp_path_factory.mktemp("kafka"), *SHORT_SESSION)
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="module")
def proxied(tmp_path_factory):
    """(a Kafka, a proxy in front of it): gateways get the proxy's address, and find Kafka through it alone; what the
    topics hold is read past it."""
    with Proxy() as proxy:
        proxy.upstream = ("127.0.0.1", stages.free_port())
        second, advertised = ("%s:%d" % address for address in (proxy.upstream, proxy.address))
        options = (*SHORT_SESSION, "--second", second, "--advertise", advertised)
        broker = Kafka.start(tmp_path_factory.mktemp("proxied"), *options)
        try:
            yield broker, proxy
        finally:
            broker.stop()


@contextlib.contextmanager
def new_stage(request, kafka, brokers=None):
    title = request.node.name.removeprefix("test_").replace("_", " ")
    stage = stages.Stage(kafka, f"f{uuid.uuid4().hex[:8]}-", request.getfixturevalue("tmp_path"), title, brokers)
    yield stage
    try:
        kafka.revive()
    finally:
        stage.close()
    kafka.delete(stage.prefix)  # or a killed Kafka's next start has more and more of them to look through


@pytest.fixture
def stage(request, kafka):
    with new_stage(request, kafka) as made:
        yield made


@pytest.fixture
def proxied_stage(request, proxied):
    """.proxy is between its gateways and Kafka."""
    broker, proxy = proxied
    with new_stage(request, broker, "%s:%d" % proxy.address) as made:
        made.proxy = proxy
        yield made
        proxy.heal()
