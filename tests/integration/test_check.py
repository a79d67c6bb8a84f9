"""`trunkline check`: every fault at once with status 2; how each source is protected with status 0."""

import pytest

from gateway import ROOT, run

GOOD = """
kafka: {bootstrap.servers: "127.0.0.1:9"}
sources:
  - {name: a, adapter: airudder, settings: {key: "${CHECK_KEY}"}, secrets: ["${CHECK_SECRET}"], secret_in: [path, header]}
  - {name: b, adapter: yeta, allow: [192.0.2.0/24, "::1"], expect: {business_id: "1"}}
  - {name: c, adapter: 7moor, open: true}
"""
SECRETS = {"CHECK_KEY": "hush-key", "CHECK_SECRET": "hush-secret"}


@pytest.fixture
def check(tmp_path):
    def check(text, **env):
        path = tmp_path / "trunkline.yaml"
        path.write_text(text)
        done = run("check", "--config", path, env={**SECRETS, **env})
        assert "hush" not in done.stdout + done.stderr
        return done.returncode, done.stdout.replace(str(path), "FILE"), done.stderr.replace(str(path), "FILE")

    return check


def test_says_how_each_source_is_protected(check):
    status, stdout, stderr = check(GOOD)
    assert status == 0
    assert stdout.splitlines() == [
        "FILE: good",
        "source a (airudder): the vendor's signature; 1 secret in the path or header",
        "source b (yeta): 2 networks; expects business_id",
        "source c (7moor): OPEN: anybody may post to it",
    ]
    assert stderr.splitlines() == [
        "2 to think over:",
        'FILE:4: source "a": secret 1 is shorter than 16 characters; `openssl rand -hex 16` makes a good one',
        'FILE:6: source "c": it is open: anybody who knows its URL may post events',
    ]


def test_tells_all_faults_at_once(check):
    status, stdout, stderr = check(GOOD + "raw: hm\ntopcis: {}\n", CHECK_SECRET="hush/hush")
    assert (status, stdout) == (2, "")
    assert [line.split(" ")[0] for line in stderr.splitlines()] == ["FILE:4:", "FILE:7:", "FILE:8:"]


def test_a_missing_file_is_a_fault():
    done = run("check", "--config", "/nonexistent.yaml")
    assert done.returncode == 2 and "cannot open /nonexistent.yaml" in done.stderr


@pytest.mark.parametrize("arguments", [["--nope"], ["stray"], ["--config"]])
def test_a_wrong_command_line_is_one_line_and_status_2(arguments):
    done = run("check", *arguments)
    assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1


def test_options_prints_the_reference():
    done = run("check", "--options")
    assert done.returncode == 0
    assert done.stdout == (ROOT / "docs" / "configuration.md").read_text()
