"""docs/adding-a-vendor.md followed to the letter: from an empty directory to events on a real Kafka; what a mapping refuses."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess

import pytest
import yaml

from free_ports import free_ports
from gateway import BINARY, ROOT, Gateway, configuration, run
from waiting import wait_until

GUIDE = (ROOT / "docs/adding-a-vendor.md").read_text()
GOLDEN = ROOT / "tests/adapters/golden"
FENCES = re.findall(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
FILES = {name: text for _, name, text in FENCES if name}
OWN = ("KAFKA_", "TRUNKLINE_", "HERON_")


def steps():
    """The guide's commands, each with the lines that it says come of them."""
    found = []
    for kind, _, text in FENCES:
        for line in text.splitlines() if kind == "console" else ():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def fits(shown, told):
    """`…` stands for anything."""
    pattern = "\n".join(".*".join(map(re.escape, re.split(" *… *", line))) for line in shown)
    return re.fullmatch(pattern, told, re.DOTALL)


class Reader:
    """Who has nothing but the guide, a shell, and ports of their own."""

    def __init__(self, directory, brokers):
        self.directory = directory
        self.ports = dict(zip(("8080", "8081"), map(str, free_ports(2))))
        (directory / "bin").mkdir()
        (directory / "bin/trunkline").symlink_to(BINARY)
        base = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
        self.env = {
            **base, "PATH": f"{directory / 'bin'}:{os.environ['PATH']}", "KAFKA_BROKERS": brokers,
            "TRUNKLINE_PORT": self.ports["8080"], "TRUNKLINE_MANAGEMENT_PORT": self.ports["8081"],
            "TRUNKLINE_DATA_DIR": str(directory / "data"),
        }
        self.process = None
        for name, text in FILES.items():
            (directory / name).write_text(text)

    def type(self, command):
        """What the command tells."""
        for port, own in self.ports.items():
            command = command.replace(f"127.0.0.1:{port}", f"127.0.0.1:{own}")
        if command.endswith(" &"):
            with open(self.directory / "gateway.log", "wb") as log:
                self.process = subprocess.Popen(
                    shlex.split(command[:-2]), cwd=self.directory, env=self.env, stdout=log, stderr=log)
            return ""
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.directory, env=self.env, capture_output=True, text=True, timeout=120)
        # curl tells on stderr each time that it tries again.
        told = done.stdout if command.startswith("curl") else done.stdout + done.stderr
        return "\n".join(line for line in told.splitlines() if line)

    def end(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(60) == 0, (self.directory / "gateway.log").read_text()


@pytest.fixture(scope="module")
def reader(kafka, tmp_path_factory):
    reader = Reader(tmp_path_factory.mktemp("guide"), kafka.address)
    try:
        yield reader
    finally:
        reader.end()


def read_event(kafka, topic, account):
    """The one event of that account on the topic, with its record."""

    def found():
        records = [(record, json.loads(record.value)) for record in kafka.read(topic)]
        return [pair for pair in records if pair[1].get("account") == account]

    pairs = wait_until(found, 30, f"an event on {topic}")
    assert len(pairs) == 1, pairs
    return pairs[0]


def test_the_guide_leads_from_an_empty_directory_to_events_on_kafka(kafka, reader):
    account = f"guide-{os.getpid()}"
    reader.env["HERON_ACCOUNT"] = account
    followed = steps()
    assert len(followed) > 10
    for command, shown in followed:
        told = reader.type(command)
        assert fits(shown, told), f"$ {command}\n{told}\n--- and the guide says\n" + "\n".join(shown)

    record, event = read_event(kafka, "trunkline.call.events", account)
    assert (record.key, event["id"], event["type"]) == (b"c-829", "heron-ev-01-call.ended", "io.trunkline.call.ended.v1")
    record, event = read_event(kafka, "acme.surveys", account)
    assert (record.key, event["type"]) == (b"c-829", "com.acme.survey.completed.v1")
    assert event["dataschema"] == json.loads(FILES["com.acme.survey.completed.v1.schema.json"])["$id"]
    record, event = read_event(kafka, "trunkline.unmapped", account)
    assert event["data"]["vendor"] == {"event": "queue.opened", "id": "ev-03", "queue": "sales"}


def test_the_guide_shows_the_golden_files():
    """So what it shows is held against schemas, and fuzzed."""
    for name, golden in {"heron.yaml": "source.yaml", "callback.json": "batch.json"}.items():
        assert FILES[name] == (GOLDEN / "heron" / golden).read_text()
    assert FILES["com.acme.survey.completed.v1.schema.json"] == (GOLDEN / "heron/com.acme.survey.completed.v1.schema.json").read_text()


@pytest.mark.skipif(shutil.which("cc") is None, reason="no compiler")
def test_the_guides_adapter_is_c(tmp_path):
    code, = (text for kind, _, text in FENCES if kind == "c")
    (tmp_path / "kestrel.c").write_text(code)
    done = subprocess.run(
        ["cc", "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", "-fsyntax-only",
         f"-I{ROOT}", f"-I{ROOT / 'gateway'}", tmp_path / "kestrel.c"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", [name for name in re.findall(r"`([a-z_/]+\.c)`|\(\.\./([a-z_/.]+)\)", GUIDE) for name in name if name])
def test_the_files_that_the_guide_names_are_there(name):
    assert (ROOT / name).exists() or (ROOT / "tests/fuzz" / name).exists()


@pytest.fixture(scope="module")
def vendors(kafka, new_prefix, tmp_path_factory):
    """A gateway with the configured vendors of the golden files, on topics of its own."""
    directory, prefix = tmp_path_factory.mktemp("vendors"), new_prefix()
    sources = []
    for path in sorted(GOLDEN.glob("*/source.yaml")):
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", path.read_text())
        sources += yaml.safe_load(text)["sources"]
    for source in sources:
        for event in source["mapping"]["events"]:
            if "topic" in event:
                event["topic"] = prefix + event["topic"]
    gateway = Gateway.configured(directory, {**configuration(kafka.address, directory / "data", prefix), "sources": sources})
    gateway.prefix = prefix
    yield gateway.start()
    gateway.stop()


def send(gateway, source, *arguments):
    told = run("send", "--config", gateway.directory / "trunkline.yaml", "--source", source, "--url", gateway.url, *arguments)
    status, _, body = told.stdout.partition(" ")
    assert (told.returncode == 0) == status.startswith("2"), told
    return int(status), body.rstrip("\n")


@pytest.mark.parametrize("source, payload, answer, event", [
    ("heron", "batch.json", '{"received":"b-7f3a"}', "com.acme.survey.completed"),
    ("pelican", "hangup.form", "success", "call.ended"), ("osprey", "cdr.xml", "<ok/>", "call.recorded")])
def test_what_send_signs_is_accepted_and_what_is_not_signed_is_not(vendors, source, payload, answer, event):
    before = vendors.metric("trunkline_events_total", type=event)
    assert send(vendors, source, GOLDEN / source / payload) == (200, answer)
    assert vendors.metric("trunkline_events_total", type=event) == before + 1
    body = re.sub(rb"&sign=\w+", b"", (GOLDEN / source / payload).read_bytes())
    assert vendors.post(f"/callbacks/{source}", body).status == 401
    assert vendors.metric("trunkline_events_total", type=event) == before + 1


def test_a_stale_signature_and_a_wrong_one_are_refused(vendors):
    path = GOLDEN / "heron/batch.json"
    assert send(vendors, "heron", "--signed-at", "2024-01-02T03:04:00+08:00", path)[0] == 401
    assert send(vendors, "heron", "--header", "X-Heron-Signature: sha256=" + 64 * "0", path)[0] == 401
    assert vendors.post("/callbacks/pelican", (GOLDEN / "pelican/hangup.form").read_bytes()).status == 401
    assert vendors.post("/callbacks/osprey?sig=AAAA", (GOLDEN / "osprey/cdr.xml").read_bytes()).status == 401


def test_urls_are_verified_and_nothing_is_published(vendors):
    before = vendors.metric("trunkline_custody_callbacks_total", fate="accepted")
    assert send(vendors, "heron", "--method", "GET", "--query", "mode=subscribe&challenge=a%20b") == (200, "a b")
    assert send(vendors, "osprey", GOLDEN / "osprey/verify.xml") == (200, "<ok>a1 &amp; b2</ok>")
    assert send(vendors, "heron", "--method", "PUT", GOLDEN / "heron/batch.json")[0] == 405
    assert vendors.metric("trunkline_custody_callbacks_total", fate="accepted") == before


def test_a_source_without_samples_says_so(vendors):
    config = vendors.directory / "trunkline.yaml"
    assert "heron            has no samples" in run("send", "--config", config, "--list").stdout
    told = run("send", "--config", config, "--source", "heron", "--url", vendors.url)
    assert told.returncode == 1 and "give a FILE" in told.stderr
