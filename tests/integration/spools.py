"""What `trunkline spool` tells of the spools of a gateway's configuration."""

import json

from gateway import run
from waiting import wait_until


def configuration_of(gateway):
    return gateway.directory / "trunkline.yaml"


def status(gateway):
    """Instance name -> what `spool status --json` tells of it."""
    done = run("spool", "status", "--json", "--config", configuration_of(gateway))
    assert done.returncode == 0, done.stderr
    return {found["instance"]: found for found in json.loads(done.stdout)["instances"]}


def waiting(gateway):
    """How many records wait on disk, of all instances."""
    return sum(found["records"] for found in status(gateway).values())


def wait_until_drained(gateway, seconds=60):
    wait_until(lambda: waiting(gateway) == 0, seconds, "the spool to be drained", pause=0.2)


def export(gateway, *options):
    """The records that lie there, as `spool export` prints them."""
    done = run("spool", "export", *options, "--config", configuration_of(gateway))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
