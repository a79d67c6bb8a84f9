"""The golden files: a vendor's payload, and the events that must come of it.

    golden/<source>/<case>.json, .xml or .txt   the payload, byte for byte
    golden/<source>/<case>.meta.json            {"endpoint": ..., "settings": {...}}, where one is called, or some are set
    golden/<source>/<case>.events.json          the expected CloudEvents, in order; or
    golden/<source>/<case>.failure.json         {"reason": ...}: the word of the dead letter

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
        meta = json.loads(self.beside("meta").read_text()) if self.beside("meta").exists() else {}
        self.endpoint = meta.get("endpoint")
        self.settings = meta.get("settings")

    def beside(self, what):
        return self.payload.with_name(f"{self.payload.stem}.{what}.json")

    def convert(self, received=RECEIVED):
        command = [BINARY, "convert", "--source", self.source, "--received", received]
        if self.endpoint:
            command += ["--endpoint", self.endpoint]
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
            if self.settings:
                source = {"name": self.source, "adapter": self.source, "open": True, "settings": self.settings}
                json.dump({"kafka": {"bootstrap.servers": "127.0.0.1:9"}, "sources": [source]}, config)
                config.flush()
                command += ["--config", config.name]
            return subprocess.run([*command, self.payload], capture_output=True, timeout=30, check=False)

    def events(self, received=RECEIVED):
        done = self.convert(received)
        assert done.returncode == 0, done.stderr.decode()
        return [exact(line) for line in done.stdout.decode().removesuffix("\n").split("\n")]


def is_payload(path):
    return not path.name.endswith((".events.json", ".failure.json", ".meta.json"))


CASES = [Case(path) for path in sorted((HERE / "golden").glob("*/*.*")) if is_payload(path)]
CONVERTED = [case for case in CASES if not case.beside("failure").exists()]
REFUSED = [case for case in CASES if case.beside("failure").exists()]
