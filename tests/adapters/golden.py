"""The golden files: a vendor's payload, and the events that must come of it. A new folder is found by itself.

    golden/<source>/<case>.json, .xml, .form or .txt   the payload, byte for byte; empty where there is no body
    golden/<source>/<case>.meta.json       what else is told of the request: {"method", "endpoint", "query", "headers": {}};
                                           "verify": true has its signature checked, too; "settings": {...} of the source
    golden/<source>/<case>.events.json     the expected CloudEvents, in order; or
    golden/<source>/<case>.failure.json    {"reason": ...}: the word of the dead letter or the refusal; or
    golden/<source>/<case>.handshake.json  {"content_type", "body"}: the answer to a request that only checks the URL

    golden/<source>/source.yaml            the configuration with that source, as `--config` takes it; without it the
                                           folder is named as one of the adapters
    golden/<source>/<type>.schema.json     of its own event types: $id is their dataschema

Expected events are written from the documentation, by hand. With TRUNKLINE_GOLDEN_UPDATE=1 the runner rewrites them with
what the binary says: for a change that is meant, followed by a look at the diff.
"""

import json
import os
import pathlib
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BINARY = pathlib.Path(os.environ.get("TRUNKLINE_BIN", ROOT / "build" / "trunkline")).resolve()
UPDATE = os.environ.get("TRUNKLINE_GOLDEN_UPDATE") == "1"
RECEIVED = "2024-01-02T03:04:05+08:00"
LATER = "2025-06-07T08:09:10.011+08:00"


class Digits(str):
    """A number as it is written: 2.50 is not 2.5, and nothing is rounded to a double."""


def strict_object(pairs):
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), f"a member stands twice among {names}"
    return dict(pairs)


def exact(text):
    """JSON with its numbers digit for digit; no member may stand twice."""
    return json.loads(text, parse_int=Digits, parse_float=Digits, object_pairs_hook=strict_object)


def kinds(value):
    """Digits equal to the text of the same characters must still differ from it."""
    if isinstance(value, dict):
        return {name: kinds(member) for name, member in value.items()}
    if isinstance(value, list):
        return [kinds(element) for element in value]
    return ("number", str(value)) if isinstance(value, Digits) else value


def written(value, indent=""):
    """exact()'s opposite, in the layout of the golden files."""
    inner = indent + "  "
    if isinstance(value, dict) and value:
        members = (f"{inner}{json.dumps(name, ensure_ascii=False)}: {written(member, inner)}" for name, member in value.items())
        return "{\n" + ",\n".join(members) + f"\n{indent}}}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(inner + written(element, inner) for element in value) + f"\n{indent}]"
    return str(value) if isinstance(value, Digits) else json.dumps(value, ensure_ascii=False)


class Case:
    def __init__(self, payload):
        self.payload = payload
        self.source = payload.parent.name
        self.name = f"{self.source}/{payload.stem}"
        self.meta = json.loads(self.beside("meta").read_text()) if self.beside("meta").exists() else {}
        assert self.meta.keys() <= {"method", "endpoint", "query", "headers", "verify", "settings"}, self.name

    def beside(self, what):
        return self.payload.with_name(f"{self.payload.stem}.{what}.json")

    def options(self, verify):
        """What the file besides the payload says, as options of `convert`."""
        for name in ("method", "endpoint", "query"):
            if name in self.meta:
                yield from (f"--{name}", self.meta[name])
        for name, value in self.meta.get("headers", {}).items():
            yield from ("--header", f"{name}: {value}")
        if verify and self.meta.get("verify"):
            yield "--verify"

    def convert(self, received=RECEIVED, verify=True):
        command = [BINARY, "convert", "--source", self.source, "--received", received, *self.options(verify)]
        configured = self.payload.with_name("source.yaml")
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
            if configured.exists():
                command += ["--config", configured]
            elif "settings" in self.meta:
                source = {"name": self.source, "adapter": self.source, "open": True, "settings": self.meta["settings"]}
                json.dump({"kafka": {"bootstrap.servers": "127.0.0.1:9"}, "sources": [source]}, config)
                config.flush()
                command += ["--config", config.name]
            return subprocess.run([*command, self.payload], capture_output=True, timeout=30, check=False)

    def events(self, received=RECEIVED, verify=True):
        done = self.convert(received, verify)
        assert done.returncode == 0, done.stderr.decode()
        return [exact(line) for line in done.stdout.decode().removesuffix("\n").split("\n")]


EXPECTATIONS = ("events", "failure", "handshake", "meta")


def is_payload(path):
    beside = tuple(f".{what}.json" for what in EXPECTATIONS)
    return path.name != "source.yaml" and not path.name.endswith((*beside, ".schema.json"))


CASES = [Case(path) for path in sorted((HERE / "golden").glob("*/*.*")) if is_payload(path)]
REFUSED = [case for case in CASES if case.beside("failure").exists()]
HANDSHAKES = [case for case in CASES if case.beside("handshake").exists()]
CONVERTED = [case for case in CASES if case not in REFUSED and case not in HANDSHAKES]
