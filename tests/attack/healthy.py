#!/usr/bin/python3
"""A client as it should be, in a process of its own: healthy.py HOST PORT RATE FILE posts callbacks at a steady rate until
its stdin ends, and writes down in FILE what became of each.

Some of its requests come on connections that are kept, others on new ones.
"""

import pathlib
import random
import sys
from types import SimpleNamespace

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[1:1] = [str(TESTS / "fault"), str(TESTS / "integration")]

from ledger import Ledger  # noqa: E402 (the paths come first)
from pace import Pace  # noqa: E402

NEW = 0.3  # of the requests


class Healthy(Pace):
    async def _connection(self):
        if self._connections and random.random() < NEW:
            self._connections.pop()[1].close()
        return await super()._connection()


def main():
    host, port, rate, path = sys.argv[1:]
    ledger = Ledger(path)
    service = SimpleNamespace(address=(host, int(port)), life="1")
    with Healthy(service, ledger, "healthy", float(rate), random.random()) as client:
        print("begun", flush=True)
        sys.stdin.read()
    ledger.close()
    print(client.late)


if __name__ == "__main__":
    main()
