"""Hooks that a conftest.py imports: no run without a binary, and the gateways' logs beside what failed."""

import pytest

from gateway import BINARY, Gateway


def pytest_sessionstart(session):
    if not BINARY.exists():
        pytest.exit(f"{BINARY} is missing: run `make`, or name the binary in TRUNKLINE_BIN", returncode=2)


def pytest_runtest_setup(item):
    Gateway.started[:] = [gateway for gateway in Gateway.started if gateway.status is None]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for gateway in Gateway.started:
            title = f"log of `trunkline {' '.join(gateway.arguments)}`"
            report.sections.append((title, gateway.log_text()[-20000:]))
