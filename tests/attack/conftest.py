"""Fixtures of the attack tests: what integration tests have, and the figures at the end of the run."""

import pathlib
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[1:1] = [str(TESTS / "integration"), str(TESTS / "fault")]

from fixtures import kafka, new_prefix, prefix, start_gateway  # noqa: E402, F401 (the paths come first)
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
