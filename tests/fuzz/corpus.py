"""Makes the fuzz targets' inputs out of the golden files: corpus.py DIRECTORY writes DIRECTORY/<noun>/ for each target.

Beside them each target has inputs of its own in tests/fuzz/corpus/<noun>/. A new folder of golden files is here by itself."""

import hashlib
import json
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
GOLDEN = ROOT / "tests/adapters/golden"
BESIDE = (".events.json", ".failure.json", ".handshake.json", ".meta.json", ".schema.json")
END_OF_YAML = b"...\n"


def payloads():
    """Each with what is told of its request."""
    for path in sorted(GOLDEN.glob("*/*.*")):
        if path.name != "source.yaml" and not path.name.endswith(BESIDE):
            meta = path.with_name(f"{path.stem}.meta.json")
            yield path, json.loads(meta.read_text()) if meta.exists() else {}


def events():
    for path in sorted(GOLDEN.glob("*/*.events.json")):
        yield from json.loads(path.read_text())


def request(path, meta):
    """As it comes over the network."""
    body = path.read_bytes()
    endpoint = "/" + meta["endpoint"] if "endpoint" in meta else ""
    query = "?" + meta["query"] if "query" in meta else ""
    lines = [f"{meta.get('method', 'POST')} /callbacks/{path.parent.name}{endpoint}{query} HTTP/1.1", "Host: h",
             *(f"{name}: {value}" for name, value in meta.get("headers", {}).items()), f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def chunks(body, size):
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def headers(pairs):
    return "".join(f"{name}: {value}\n" for name, value in pairs if value).encode() + b"\n"


def letter(path, meta):
    """A dead letter's record."""
    fields = [(f"http.{name.lower()}", value) for name, value in meta.get("headers", {}).items()]
    told = {"id": "0" * 32, "reason": "not_json", "source": path.parent.name, "vendor": path.parent.name, "account": "a",
            "recordedtime": "2024-01-02T03:04:05.006+08:00", "method": meta.get("method", "POST"),
            "endpoint": meta.get("endpoint"), "query": meta.get("query")}
    return headers([*told.items(), *fields]) + path.read_bytes()


def binary(event):
    attributes = [(f"ce_{name}", value) for name, value in event.items() if name != "data"]
    return headers([*attributes, ("content-type", "application/json")]) + json.dumps(event["data"]).encode()


def inputs():
    """Pairs of a target's noun and an input."""
    for path, meta in payloads():
        body, wire = path.read_bytes(), request(path, meta)
        configured = path.with_name("source.yaml")
        yield from (("guard", wire), ("callback", wire), ("chunked", chunks(body, 100)),
                    ("deadletter", letter(path, meta)))
        if path.suffix in (".json", ".xml"):
            yield path.suffix[1:], body
        if configured.exists():
            yield "mapping", configured.read_bytes() + END_OF_YAML + wire
    for path in [*GOLDEN.glob("*/source.yaml"), ROOT / "deploy/trunkline.yaml"]:
        yield "config", path.read_bytes()
    ledger = []
    for event in events():
        yield from (("cloudevent", json.dumps(event).encode()), ("cloudevent", binary(event)))
        ledger.append(f"{event['source']}\t{event['id']}\n" if len(ledger) % 2 else f"{event['id']}\n")
    yield "ledger", "".join(ledger[:200]).encode()


def main(directory):
    for target in HERE.glob("fuzz_*.c"):
        shutil.rmtree(directory / target.stem.removeprefix("fuzz_"), ignore_errors=True)
        (directory / target.stem.removeprefix("fuzz_")).mkdir(parents=True)
    for noun, data in inputs():
        assert (directory / noun).is_dir(), f"there is no tests/fuzz/fuzz_{noun}.c"
        (directory / noun / hashlib.sha256(data).hexdigest()[:20]).write_bytes(data)


main(pathlib.Path(sys.argv[1]))
