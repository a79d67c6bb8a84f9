"""A running worker: `trunkline egress` with its management port, log and metrics, and ways to stop it at any place."""

import os
import pathlib
import time

import yaml

from gateway import BINARY, TOPICS, Gateway, run
from waiting import wait_until

# Built beside the binary; see stop_at.c.
STOP_AT = pathlib.Path(os.environ.get("TRUNKLINE_STOP_AT", BINARY.parent / "tests" / "libstop_at.so"))


def account(simulator, name=None, **changes):
    """An account that calls a simulator; keyword arguments are laid over its keys."""
    credentials = {
        "7moor": {"appkey": simulator.key, "secret": simulator.secret},
        "yeta": {"app_key": simulator.key, "app_secret": simulator.secret},
    }
    return {
        "name": name or simulator.vendor, "adapter": simulator.vendor, "url": simulator.url,
        "settings": credentials[simulator.vendor], **changes,
    }


def egress_configuration(brokers, data_dir, prefix, accounts):
    """What tests start from: any free management port, a group and topics whose names begin with `prefix`."""
    return {
        "instance": "test",
        "data_dir": str(data_dir),
        "management": {"address": "127.0.0.1", "egress_port": 0},
        "kafka": {"bootstrap.servers": brokers},
        "topics": {"partitions": 3, **{role: prefix + name for role, name in TOPICS.items()}},
        "egress": {"group": prefix + "egress"},
        "accounts": list(accounts),
    }


class Plain(yaml.SafeDumper):
    """Writes a mapping that stands in several places in each of them: our configuration takes no aliases."""

    def ignore_aliases(self, _data):
        return True


class Egress(Gateway):
    """One process of `trunkline egress`. stop() it, or let the fixture do so."""

    @classmethod
    def configured(cls, directory, config, env=None, args=()):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / "trunkline.yaml"
        path.write_text(config if isinstance(config, str) else yaml.dump(config, Dumper=Plain, allow_unicode=True))
        egress = cls(directory, ["egress", "--config", path, "--log-format", "json", *args], env)
        egress.config_path = path
        return egress

    def make_topics(self):
        """So that commands can be submitted before any worker runs."""
        made = run("topics", "create", "--config", self.config_path)
        assert made.returncode == 0, made.stderr

    def armed(self):
        """From its start on it can be stopped at an exact place; see arm()."""
        assert STOP_AT.exists(), f"{STOP_AT} is missing: build the target stop_at, or name it in TRUNKLINE_STOP_AT"
        self.arm_path = self.directory / "stop_at"
        self.env["LD_PRELOAD"] = f"{STOP_AT}:{os.environ.get('LD_PRELOAD', '')}".rstrip(":")
        self.env["STOP_ARM"] = str(self.arm_path)
        # The sanitizer's runtime wants to be the first library, and works as the second.
        self.env["ASAN_OPTIONS"] = f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0".lstrip(":")
        return self

    def start(self, ready=True, seconds=60):
        """Returns itself once its management port is known and, unless told otherwise, /readyz says 200."""
        self.launch()
        line = wait_until(self._started_line, seconds, "the worker's log to tell its management port")
        self.management_address = self._address(line["management_url"])
        if ready:
            self.wait_until_ready(seconds)
        return self

    def _started_line(self):
        lines = [line for line in self.log() if "management_url" in line]
        assert lines or self.alive()
        return lines[0] if lines else None

    # Freezing it at a place.

    def arm(self, point, nth=1):
        """The process stops when it comes to `point` for the nth time from now on: before_transaction, in_commit
        (called, and not passed on), after_commit (Kafka has it, the worker does not know), before_send."""
        fresh = self.arm_path.with_suffix(".new")
        fresh.write_text(f"{point} {nth}\n")
        fresh.rename(self.arm_path)

    def disarm(self):
        self.arm_path.unlink(missing_ok=True)

    # How it ends.

    def kill9(self):
        """Also when it stands still."""
        return self.kill()

    def stop(self, seconds=60):
        super().stop(seconds)


def stay(seconds, still, what):
    """Watches for so long that `still()` stays true: for what must not happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert still(), what
        time.sleep(0.02)
