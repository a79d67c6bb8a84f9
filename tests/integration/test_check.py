"""`trunkline check`: every fault at once with status 2; with status 0 how each source is protected, and each account's
limits."""

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


MAPPED = """
kafka: {bootstrap.servers: "127.0.0.1:9"}
routes: [{types: com.acme.*, topics: all}]
sources:
  - name: acme
    adapter: generic
    mapping:
      vendor: acme
      signature: {keys: "${CHECK_KEY}", in: header.x-acme-signature}
      events:
        - {when: {/event: hangup}, type: call.ended, key: /id}
        - {type: com.acme.ticket.closed.v1, topic: acme.tickets, key: /id}
"""


def test_says_which_types_of_its_own_a_source_has(check):
    status, stdout, stderr = check(MAPPED)
    assert (status, stderr) == (0, "")
    assert stdout.splitlines() == [
        "FILE: good",
        "source acme (generic): the vendor's signature",
        "  com.acme.ticket.closed.v1 to acme.tickets, all",
    ]
    status, stdout, stderr = check(MAPPED.replace("key: /id", "key: id").replace("keys:", "key:"))
    assert (status, stdout) == (2, "")
    assert [line.split(" ")[0] for line in stderr.splitlines()] == ["FILE:9:", "FILE:9:", "FILE:11:", "FILE:12:"]


def test_says_when_the_disk_is_too_small_for_the_spool(check):
    status, stdout, stderr = check(GOOD + "\nspool: {max_bytes: 1125899906842624}\n")
    assert status == 0 and "FILE: good" in stdout
    assert "3 to think over:" in stderr and "FILE: the spool may take 1288490188 MiB" in stderr
    assert "3 to think over:" not in check(GOOD + "\nspool: {max_bytes: 0}\n")[2]


def test_says_when_the_spool_is_too_small_for_a_callback(check):
    status, _stdout, stderr = check(GOOD + "\nspool: {max_bytes: 10000000, source_share_percent: 5}\n")
    assert status == 0
    assert "spool.max_bytes: one source may take 500000 bytes of it" in stderr and "up to 589824" in stderr
    assert "spool.max_bytes" not in check(GOOD + "\nspool: {max_bytes: 10000000, source_share_percent: 6}\n")[2]
    assert "spool.max_bytes" not in check(GOOD + "\nspool: {max_bytes: 0}\n")[2]


ACCOUNTS = """
kafka: {bootstrap.servers: "127.0.0.1:9"}
accounts:
  - {name: y, adapter: yeta, hours: ["09:00-12:00"], settings: {app_key: k, app_secret: "${CHECK_SECRET}"}}
  - {name: m, adapter: 7moor, settings: {appkey: k, secret: "${CHECK_SECRET}"}, limit: {requests: 3}}
  - {name: a, adapter: yeta}
"""


def test_says_within_which_limits_each_account_is_used(check):
    status, stdout, stderr = check(ACCOUNTS)
    assert status == 0
    assert stdout.splitlines() == [
        "FILE: good",
        "account m (7moor): 3 requests in 60 s, 64 at a time",
        "account y (yeta): no limit, 4 at a time, calls at certain hours",
        "account a: left out, it has no credentials",
    ]
    assert stderr.splitlines() == [
        "1 to think over:",
        'FILE:5: account "m": url is plain http, so anybody on the way can read the numbers that are called; set an '
        "https URL if the vendor has one",
    ]


def test_a_fault_of_accounts_directory_names_the_file(check, tmp_path):
    (tmp_path / "accounts").mkdir()
    (tmp_path / "accounts" / "one.yaml").write_text("name: one\nadapter: 7moor\nsettings: {appkey: other}\n")
    status, stdout, stderr = check(f"accounts_directory: {tmp_path}/accounts" + ACCOUNTS)
    assert (status, stdout) == (2, "")
    assert stderr == (f'{tmp_path}/accounts/one.yaml:3: account "one": its credentials are not whole: set '
                      "settings.secret, too, or none of them to leave the account out\n")


def test_the_sample_is_good_and_leaves_accounts_without_credentials_out():
    names = ("SEVENMOOR_APPKEY", "SEVENMOOR_SECRET", "YETA_APP_KEY", "YETA_APP_SECRET")
    env = {"TRUNKLINE_OPEN": "true", **dict.fromkeys(names, "")}
    told = run("check", "--config", ROOT / "deploy" / "trunkline.yaml", env=env)
    assert told.returncode == 0, told.stderr
    assert "account 7moor: left out, it has no credentials" in told.stdout
    env.update(SEVENMOOR_APPKEY="k", SEVENMOOR_SECRET="hush", SEVENMOOR_LIMIT="7", YETA_APP_KEY="k",
               YETA_APP_SECRET="hush", YETA_URL="https://127.0.0.1:1", SEVENMOOR_WINDOW_SECONDS="9")
    told = run("check", "--config", ROOT / "deploy" / "trunkline.yaml", env=env)
    assert told.returncode == 0 and "hush" not in told.stdout + told.stderr
    assert "account 7moor (7moor): 7 requests in 9 s, 64 at a time" in told.stdout
    assert "account yeta (yeta): no limit, 4 at a time" in told.stdout


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
