#!/usr/bin/python3
"""Holds the includes against the layout in DESIGN.md: data flows down the list of rooms, no include runs back up."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# The rooms from the top to the ground. A file includes its own room and those below.
FLOORS = ["main", "verbs", "simulators", "egress", "ingress", "calls", "console", "config", "spool", "bus", "adapters", "event", "base"]

# Third-party headers and the only rooms that may include them.
WRAPPED = {
    "evhtp": {"ingress"},
    "librdkafka": {"bus"},
    "yajl": {"base"},
    "expat": {"base"},
    "yaml.h": {"config"},
    "openssl": {"base"},
    "curl": {"calls", "verbs"},
    "sqlite3": {"spool"},
    "event2": {"calls", "egress", "ingress", "spool", "bus", "console", "simulators", "verbs"},
}


def room_of(path):
    parts = path.relative_to(ROOT).parts
    if parts[0] == "adapters":
        return "adapters"
    if parts[0] == "tests":
        return "simulators"
    return parts[1] if len(parts) > 2 else "main"


def faults():
    for path in sorted([*ROOT.glob("gateway/**/*.[ch]"), *ROOT.glob("adapters/*.[ch]"), *ROOT.glob("tests/simulators/*.[ch]")]):
        room = room_of(path)
        for number, line in enumerate(path.read_text().splitlines(), 1):
            ours = re.match(r'#include "(\w+)/', line)
            theirs = re.match(r"#include <([\w.]+)", line)
            where = f"{path.relative_to(ROOT)}:{number}"
            if ours and FLOORS.index(ours[1]) < FLOORS.index(room):
                yield f"{where}: room {room} includes {ours[1]}, which stands above it"
            if theirs and room not in WRAPPED.get(theirs[1], {room}):
                yield f"{where}: <{theirs[1]}> belongs to {', '.join(sorted(WRAPPED[theirs[1]]))}, not to {room}"


found = list(faults())
print("\n".join(found) if found else "rooms: every include runs down the house")
sys.exit(bool(found))
