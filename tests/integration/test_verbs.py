"""The verbs as people type them: a first try, samples, payloads, and what a wrong command line gets."""

import json
import re
import signal

import pytest

from gateway import ROOT, Gateway, configuration, run
from waiting import wait_until

VERBS = ("gateway", "egress", "dev", "check", "convert", "send", "topics")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_tells_its_options_and_the_version(verb):
    told = run(verb, "--help")
    assert told.returncode == 0 and told.stdout.startswith(f"usage: trunkline {verb}")
    assert run(verb, "--version").stdout == run("--version").stdout
    assert verb in run("--help").stdout


@pytest.mark.parametrize("arguments", [
    [], ["nonsense"], *([verb, "--nonsense"] for verb in VERBS), ["convert"], ["convert", "--source"], ["send"],
    ["gateway", "operand"], ["gateway", "--log-format", "xml"], ["dev", "--port", "65536"], ["dev", "--port", "x"],
    ["convert", "--source", "yeta", "--mode", "x"], ["convert", "--source", "yeta", "a", "b"],
    ["gateway", "--config", "/nonexistent/trunkline.yaml"], ["convert", "--source", "yeta", "--method", "G T"],
    ["send", "--source", "yeta", "--header", "no-colon"], ["send", "--source", "yeta", "--query", "a b"],
])
def test_a_wrong_command_line_gets_status_2_and_is_told_why(arguments):
    told = run(*arguments)
    assert (told.returncode, told.stdout) == (2, "")
    if arguments:
        assert len(told.stderr.splitlines()) == 1, told.stderr


def test_all_faults_of_a_configuration_are_told(tmp_path):
    path = tmp_path / "trunkline.yaml"
    path.write_text("nonsense: 1\nsources:\n  - {name: yeta, adapter: yeta}\n  - {name: other, adapter: nobody}\n")
    told = run("gateway", "--config", path)
    assert told.returncode == 2
    assert {int(n) for n in re.findall(r"trunkline\.yaml:(\d+): ", told.stderr)} >= {1, 3, 4}


def test_the_first_try_prints_every_vendors_events_and_ends():
    told = run("dev", "--once", "--port", 0, "--management-port", 0)
    assert told.returncode == 0, told.stderr
    events = [json.loads(line) for line in told.stdout.splitlines() if line.startswith('{"specversion"')]
    assert {event["vendor"] for event in events} == {"airudder", "jiuyun", "7moor", "yeta"}
    assert "http://127.0.0.1:" in told.stdout and "kcat -b 127.0.0.1:" in told.stdout and "\033" not in told.stdout


def test_convert_reads_a_file_or_standard_input(tmp_path):
    payload = tmp_path / "payload.json"
    payload.write_text('{"call_uuid": "u1",\n "duration_call": 3}')
    arguments = ["convert", "--source", "yeta", "--received", "2026-11-21T10:00:00+08:00"]
    told = run(*arguments, payload)
    assert told.returncode == 0 and told.stdout == run(*arguments, stdin=payload.read_bytes()).stdout
    event, = map(json.loads, told.stdout.splitlines())
    assert (event["id"], event["recordedtime"]) == ("yeta-u1-call.recorded-basic", "2026-11-21T10:00:00+08:00")

    record, = map(json.loads, run(*arguments, "--records", payload).stdout.splitlines())
    assert (record["topic"], record["key"], record["value"]) == ("trunkline.call.events", "u1", event)
    record, = map(json.loads, run(*arguments, "--mode", "binary", payload).stdout.splitlines())
    assert record["headers"]["ce_id"] == event["id"] and record["value"] == event["data"]


@pytest.mark.parametrize("body, reason", [(b'{"call_uuid":', "not_json"), (b"<r>", "not_xml"), (b"", "unknown_format"),
                                          (b'{"duration_call":3}', "missing_key")])
def test_convert_tells_why_there_would_be_no_event(body, reason):
    told = run("convert", "--source", "yeta", stdin=body)
    assert (told.returncode, told.stdout) == (1, "") and reason in told.stderr


@pytest.mark.parametrize("status, arguments", [
    (200, ["--query", "a=%20b&&c", "--header", "X-Odd:", "--endpoint", "receiveDialog"]), (405, ["--method", "GET"]),
    (400, ["--query", "a=%zz"]), (400, ["--header", "Host: a b"]), (414, ["--query", "a" * 17000]),
    (431, ["--header", "X-Long: " + "a" * 17000]), (415, ["--header", "Content-Encoding: gzip"]),
    (415, ["--header", "Content-Type: multipart/form-data"]), (404, ["--endpoint", "nowhere"]),
    (404, ["--endpoint", "receiveDialog/"]), (413, ["large"]),
], ids=lambda value: str(value)[:40])
def test_convert_refuses_what_the_gateway_refuses(dev, tmp_path, status, arguments):
    payload = tmp_path / "payload.json"
    payload.write_text('{"call_uuid":"u1"}' + " " * (262144 if arguments == ["large"] else 0))
    options = ["--source", "yeta", *(arguments if arguments != ["large"] else []), payload]
    sent, converted = run("send", "--url", dev.url, *options), run("convert", *options)
    assert sent.stdout.startswith(f"{status} "), sent
    assert converted.returncode == (0 if status == 200 else 1)
    assert status == 200 or re.search(f": the gateway would answer {status} ", converted.stderr), converted.stderr


def test_convert_has_as_much_memory_as_the_gateway(tmp_path):
    """Which goes by the size of the largest body: this one is small, but made of as many values as there can be."""
    config, payload = tmp_path / "trunkline.yaml", tmp_path / "payload.json"
    payload.write_text(f"[{'1,' * 49000}1]")
    for body_bytes, status in ((102400, 1), (262144, 0)):
        config.write_text(f"kafka: {{bootstrap.servers: k}}\ngateway: {{limits: {{body_bytes: {body_bytes}}}}}\n"
                          "sources: [{name: yeta, adapter: yeta, open: true}]\n")
        told = run("convert", "--config", config, "--source", "yeta", payload)
        assert told.returncode == status and ("too_complex" in told.stderr) == (status == 1), told.stderr


def test_convert_checks_the_signature_when_asked():
    body = b'{"TaskID":"t1","Sign":"0123456789abcdef0123456789abcdef"}'
    assert run("convert", "--source", "airudder", stdin=body).returncode == 0
    told = run("convert", "--source", "airudder", "--verify", stdin=body)
    assert told.returncode == 1 and "signature" in told.stderr


def test_every_sample_is_accepted(dev):
    # What Airudder does not sign has nobody to vouch for it where its source has a key, and none of dev's has a secret.
    unsigned = ("workflow", "predictive")
    rows = [re.split(r"\s{2,}", line.rstrip()) for line in run("send", "--list").stdout.splitlines()]
    assert {row[0] for row in rows} == {"airudder", "jiuyun", "7moor", "yeta"}
    for source, kind, *_ in rows:
        told = run("send", "--source", source, "--kind", kind, "--url", dev.url)
        refused = source == "airudder" and kind.startswith(unsigned)
        assert (told.returncode, told.stdout[:3]) == ((1, "401") if refused else (0, "200")), (source, kind, told)


@pytest.mark.parametrize("place", ["path", "query", "header"])
def test_send_puts_the_secret_where_the_source_wants_it(start_gateway, place):
    secrets = ["a-secret-of-the-source-1", "a-secret-of-the-source-2"]
    sources = [{"name": "7moor", "adapter": "7moor", "secrets": secrets, "secret_in": place}]
    gateway = start_gateway({"sources": sources})
    config = gateway.directory / "trunkline.yaml"
    told = run("send", "--config", config, "--source", "7moor", "--url", gateway.url)
    assert (told.returncode, told.stdout.strip()) == (0, '200 {"success":true}')
    told = run("send", "--config", config, "--source", "7moor", "--url", gateway.url, "-", stdin=b'{"pushType":"cdr"}')
    assert told.returncode == 0
    wait_until(lambda: gateway.metric("trunkline_dead_letters_total", reason="missing_key") == 1, 5, "the dead letter")


def test_two_gateways_do_not_share_an_instance(gateway):
    told = run("gateway", "--config", gateway.directory / "trunkline.yaml")
    assert told.returncode == 1 and "in use by process" in told.stderr


def test_without_kafka_and_without_a_spool_it_serves_503_and_is_not_ready(tmp_path):
    config = {**configuration("127.0.0.1:1", tmp_path / "data"), "spool": {"max_bytes": 0}}
    gateway = Gateway.configured(tmp_path, config)
    gateway.start(ready=False)
    answer = gateway.post("/callbacks/jiuyun", b"<req><action>Hangup</action><callId>c</callId></req>")
    assert answer.status == 503 and answer.header("Retry-After")
    assert gateway.management("/livez").status == 200
    ready = gateway.management("/readyz")
    assert ready.status == 503 and b"127.0.0.1:1" in ready.body
    gateway.signal(signal.SIGHUP)
    gateway.wait_for_log("configuration_reloaded")
    gateway.signal(signal.SIGTERM)
    gateway.wait_for_log("gateway_stopping")
    gateway.signal(signal.SIGTERM)
    assert gateway.wait(5) == 130


def test_the_management_port_knows_the_build_and_the_open_sources(dev):
    assert dev.metric("trunkline_build_info") == 1
    assert dev.metric("process_start_time_seconds") > 1.6e9
    assert dev.metric("trunkline_source_open", source="yeta") == 1
    assert dev.metric("trunkline_source_open", source="airudder") == 0
    version = re.search(r"VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text().split("project(trunkline")[1])[1]
    assert dev.metric("trunkline_build_info", version=version) == 1
