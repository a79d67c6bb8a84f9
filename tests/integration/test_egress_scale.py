"""Many accounts and many queued commands: all of them are held, in little memory, and taken over within seconds."""

import os
import pathlib
import sys

import pytest

from gateway import BINARY, SANITIZER, sanitized

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))

from queued import measure, report  # noqa: E402

LONG = os.environ.get("TRUNKLINE_TEST_LONG") == "1"


def test_queued_commands_take_little_memory(kafka, prefix, tmp_path):
    accounts, commands = (10000, 1000000) if LONG else (2000, 60000)
    figures = measure(BINARY, kafka.address, tmp_path, prefix, accounts, commands, 12 if LONG else 3)
    report(figures, accounts, commands)
    log = (tmp_path / "queued.log").read_text()
    assert "lane_failed" not in log and not SANITIZER.search(log), log[-4000:]
    if sanitized():
        pytest.skip("a sanitizer's memory says nothing")
    # An index of some 100 bytes a command, and bodies and batches up to a bound.
    for name in ("MiB, full", "MiB, taken over"):
        grown = figures[name] - figures["MiB, empty"]
        assert grown < 24 + commands * 130 / 1024 / 1024, f"{name}: {grown:.1f} MiB more than empty"
    if LONG:
        assert figures["MiB, taken over"] < 170
