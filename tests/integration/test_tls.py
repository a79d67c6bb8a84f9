"""HTTPS at the callback port, to clients of other makers: versions, ciphers, certificates, framing, the end."""

import re
import select
import signal
import socket
import ssl
import subprocess
import time

import pytest

import callbacks
from certificates import Authority
from gateway import TOPICS, changed, configuration, run, sanitized
from tls_client import FarewellClient, TlsClient
from test_http_framing import (  # noqa: F401 (the same tests, with this file's `dev`)
    post,
    test_a_body_of_exactly_the_limit_is_taken,
    test_broken_framing_gets_one_answer_and_an_end,
    test_clients_that_vanish_harm_nobody,
    test_expect_continue,
    test_half_closed_clients_get_their_answers,
    test_head_gets_the_fields_alone,
    test_pipelined_requests_cut_at_random_are_answered_in_order,
    test_versions_and_the_connection_field,
    test_who_reads_only_after_a_large_upload_finds_the_answer,
)
from waiting import wait_until

OPEN = "/callbacks/yeta/receiveCallRecord"
NAMES = ["vendor.example", "second.example"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def vendors(tmp_path_factory):
    """Who signs the certificates of clients."""
    return Authority(tmp_path_factory.mktemp("vendors"), "vendors")


def tls_options(authority, vendors=None, **more):
    server = authority.server()
    options = {"certificate_file": str(server.path), "key_file": str(server.key), **more}
    return {**options, "client_ca_file": str(vendors.path)} if vendors else options


@pytest.fixture(scope="module")
def gateway(module_gateway_with, authority, vendors):
    certified = {"adapter": "7moor", "client_certificate": True}
    return module_gateway_with({
        "gateway": {"tls": tls_options(authority, vendors)},
        "sources": configuration("", "")["sources"] + [
            {"name": "any", **certified}, {"name": "named", **certified, "certificate_names": NAMES},
        ],
    })


class Encrypted:
    """The gateway as the tests of framing know it, its clients over TLS."""

    def __init__(self, gateway, context):
        self.gateway, self.context = gateway, context

    def __getattr__(self, name):
        return getattr(self.gateway, name)

    def client(self, seconds=10):
        return TlsClient(self.gateway.address, self.context, seconds)


@pytest.fixture
def dev(gateway, authority):
    return Encrypted(gateway, authority.client_context())


def s_client(gateway, *options):
    """What openssl's own client prints; it sends nothing. Its exit status first."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", "%s:%d" % gateway.address, *map(str, options)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30,
    )
    return done.returncode, done.stdout.decode(errors="replace")


# Versions and ciphers.


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(gateway, version):
    failed = gateway.metric("trunkline_tls_handshakes_failed_total")
    status, output = s_client(gateway, version, "-cipher", "ALL:@SECLEVEL=0")
    assert status == 1 and "alert protocol version" in output, output
    wait_until(lambda: gateway.metric("trunkline_tls_handshakes_failed_total") == failed + 1, 10, "it to be counted")
    assert gateway.log("handshake_failed")[-1]["reason"] == "unsupported protocol"
    assert gateway.log("handshake_failed")[-1]["sender"] == "127.0.0.1"


@pytest.mark.parametrize("version, name", [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")])
def test_new_versions_are_spoken(gateway, authority, version, name):
    status, output = s_client(gateway, version, "-CAfile", authority.path, "-verify_return_error")
    assert status == 0 and f"New, {name}, Cipher is" in output and "Verify return code: 0 (ok)" in output, output
    assert "Compression: NONE" in output


@pytest.mark.parametrize("cipher", [
    "eNULL", "aNULL", "AES128-SHA", "AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384",
])
def test_weak_ciphers_are_refused(gateway, cipher):
    status, output = s_client(gateway, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")
    assert status == 1 and "handshake failure" in output, output


def test_the_gateway_chooses_the_cipher(gateway):
    strong, weaker = "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"
    for order in (f"{strong}:{weaker}", f"{weaker}:{strong}"):
        status, output = s_client(gateway, "-tls1_2", "-cipher", order)
        assert status == 0 and f"Cipher is {strong}" in output, output


def test_renegotiation_is_refused(gateway):
    client = subprocess.Popen(
        ["openssl", "s_client", "-connect", "%s:%d" % gateway.address, "-tls1_2"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    output = client.communicate(b"R\n", timeout=30)[0].decode(errors="replace")
    assert "RENEGOTIATING" in output and "no renegotiation" in output, output


def test_ciphers_and_the_lowest_version_can_be_chosen(start_gateway, authority):
    gateway = start_gateway({"gateway": {"tls": tls_options(authority, minimum_version="1.3")}})
    assert s_client(gateway, "-tls1_2")[0] == 1
    assert s_client(gateway, "-tls1_3")[0] == 0
    chosen = "ECDHE-ECDSA-CHACHA20-POLY1305"
    gateway = start_gateway({"gateway": {"tls": tls_options(authority, ciphers=chosen)}})
    assert f"Cipher is {chosen}" in s_client(gateway, "-tls1_2")[1]
    assert s_client(gateway, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256")[0] == 1


# Clients that show a certificate, and such that do not.


def status_with(gateway, context, path):
    with TlsClient(gateway.address, context) as client:
        client.post(path, callbacks.sevenmoor_call_event("call", time.monotonic_ns(), "ring").body)
        return client.response().status


VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


@VERSIONS
def test_a_certificate_is_a_sources_check(gateway, authority, vendors, version):
    def statuses(certificate):
        context = authority.client_context(certificate, version)
        return [status_with(gateway, context, f"/callbacks/{name}") for name in ("7moor", "any", "named")]

    assert statuses(None) == [200, 401, 401]
    assert statuses(vendors.sign("elsewhere.example")) == [200, 200, 401]
    for name in NAMES:
        assert statuses(vendors.sign(name)) == [200, 200, 200]
    # Where there are DNS names, the common name is none; names are compared as they are.
    assert statuses(vendors.sign(NAMES[0], "dns", names="DNS:elsewhere.example")) == [200, 200, 401]
    assert statuses(vendors.sign("elsewhere", "dns", names=f"DNS:a.example,DNS:{NAMES[1]}")) == [200, 200, 200]
    assert statuses(vendors.sign("*.example", "star", names="DNS:*.example")) == [200, 200, 401]
    assert statuses(vendors.sign(NAMES[0] + ".evil")) == [200, 200, 401]
    assert statuses(vendors.sign("client", "for-clients", names=f"DNS:{NAMES[0]}", usage="clientAuth"))[2] == 200


@VERSIONS
@pytest.mark.parametrize("kind, alert, reason", [
    ("expired", "certificate expired", "certificate has expired"),
    ("unknown", "unknown ca", "unable to get local issuer certificate|self-signed certificate"),
    ("itself", "unknown ca", "self-signed certificate"),
    ("server", "unsupported certificate|bad certificate|unknown", "unsuitable certificate purpose"),
])
def test_other_certificates_are_refused(gateway, authority, vendors, tmp_path, version, kind, alert, reason):
    certificate = {
        "expired": lambda: vendors.sign(NAMES[0], "expired", days=-1),
        "unknown": lambda: Authority(tmp_path, "stranger").sign(NAMES[0]),
        "itself": lambda: Authority(tmp_path, NAMES[0]),
        "server": lambda: vendors.sign(NAMES[0], "of-a-server", usage="serverAuth"),
    }[kind]()
    failed = gateway.metric("trunkline_tls_handshakes_failed_total")
    with pytest.raises(ssl.SSLError) as told:
        status_with(gateway, authority.client_context(certificate, version), "/callbacks/7moor")
    assert re.search(alert.replace(" ", "[ _]"), str(told.value), re.I), told.value
    wait_until(lambda: gateway.metric("trunkline_tls_handshakes_failed_total") == failed + 1, 10, "it to be counted")
    assert re.search(reason, gateway.log("handshake_failed")[-1]["reason"])


def test_an_intermediate_authority_is_trusted_without_its_root(start_gateway, authority, tmp_path):
    root = Authority(tmp_path, "root")
    trusted, other = root.intermediate("trusted"), root.intermediate("other")
    gateway = start_gateway({"gateway": {"tls": tls_options(authority, trusted)}, "sources": [
        {"name": "7moor", "adapter": "7moor", "client_certificate": True}]})
    certificate = trusted.sign("client")
    assert status_with(gateway, authority.client_context(certificate), "/callbacks/7moor") == 200
    certificate.path.write_text(certificate.path.read_text() + trusted.path.read_text())  # with its chain, as is usual
    assert status_with(gateway, authority.client_context(certificate), "/callbacks/7moor") == 200
    strangers = other.sign("client")
    strangers.path.write_text(strangers.path.read_text() + other.path.read_text() + root.path.read_text())
    for stranger in (strangers, root.sign("client")):
        with pytest.raises(ssl.SSLError, match="(?i)unknown.ca"):
            status_with(gateway, authority.client_context(stranger), "/callbacks/7moor")


def test_check_tells_of_certificates(gateway):
    told = run("check", "--config", gateway.directory / "trunkline.yaml")
    assert told.returncode == 0, told.stderr
    assert "source any (7moor): a client certificate\n" in told.stdout
    assert "source named (7moor): a client certificate of vendor.example or second.example\n" in told.stdout
    assert gateway.metric("trunkline_source_open", source="any") == 0


# What clients do to connections.


def test_curl_is_served(gateway, authority, vendors):
    certificate = vendors.sign(NAMES[0])
    done = subprocess.run([
        "curl", "-sS", "--http1.1", "--cacert", authority.path, "--cert", certificate.path, "--key", certificate.key,
        "-w", "%{http_code} %{num_connects}\n", "-d", "{}", "-o", "/dev/null",
        f"https://localhost:{gateway.address[1]}/callbacks/named",
        "--next", "-sS", "--cacert", authority.path, "-w", "%{http_code}", "-d", "{}", "-o", "/dev/null",
        f"https://localhost:{gateway.address[1]}/callbacks/named",
    ], capture_output=True, text=True, timeout=30)
    assert done.stdout.split() == ["200", "1", "401"], (done.stdout, done.stderr)


def test_sends_farewell_and_keeps_to_one_connection(gateway, authority):
    context = authority.client_context()
    before = gateway.metric("trunkline_connections_total")
    with TlsClient(gateway.address, context) as client:
        for number in range(50):
            callback = callbacks.yeta_record(f"keep-{number}")
            client.post("/callbacks" + callback.path, callback.body, [("Connection", "close")] if number == 49 else [])
            assert client.response().status == 200
        assert client.at_end()  # which fails when TLS is not ended in order
    assert gateway.metric("trunkline_connections_total") == before + 1


def test_bytes_come_one_by_one(dev):
    """Each in a record of its own, and each of the record's bytes in a segment of its own."""
    body = callbacks.yeta_record("bytes").body
    with dev.client() as client:
        for byte in post(body):
            client.send(bytes([byte]))
        assert client.response().status == 200
    with socket.create_connection(dev.address, timeout=10) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = dev.context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        request, answer, shaken = post(body), b"", False
        while b"success" not in answer:
            try:
                if not shaken:
                    tls.do_handshake()
                    shaken = True
                    tls.write(request)
                answer += tls.read(65536)
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    plain.send(bytes([byte]))
                incoming.write(plain.recv(65536))
        assert answer.startswith(b"HTTP/1.1 200 ")


def test_large_bodies_behind_each_other(dev):
    """More than any buffer on the way holds, while earlier ones wait for Kafka."""
    body = b'{"call_uuid":"large","duration_call":1,"pad":"%s"}' % (b"x" * 65536)
    with dev.client(30) as client:
        client.socket.setblocking(True)
        client.send(post(body) * 16)
        assert [client.response().status for _ in range(16)] == [200] * 16
        assert client.quiet(0.05)


def test_half_closed_by_tls_itself(dev):
    body = b'{"call_uuid":"half","duration_call":1,"pad":"%s"}' % (b"x" * 30000)
    with FarewellClient(dev.address, dev.context) as client:
        client.send(post(body) * 8)  # more than is opened at once
        client.half_close()
        assert [client.response().status for _ in range(8)] == [200] * 8
        assert client.at_end()
    with FarewellClient(dev.address, dev.context) as client:
        client.send(post(body)[:-1])
        client.half_close()
        assert client.response().status == 400
        assert client.at_end()


def test_half_closed_with_much_on_its_way(dev):
    body = b'{"call_uuid":"half","duration_call":1,"pad":"%s"}' % (b"x" * 30000)
    with dev.client() as client:
        client.send(post(body) * 8)
        client.half_close()
        assert [client.response().status for _ in range(8)] == [200] * 8
        assert client.at_end()


def test_a_slow_reader_gets_all_its_answers(dev):
    """It reads nothing until all is sent, or nothing more is taken from it: more than the buffers between hold."""
    count = 1000
    stream, received = post(b"{") * count, b""
    with dev.client(30) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.socket.settimeout(1)
        try:
            while stream:
                stream = stream[client.socket.send(stream[:16384]) :]
        except (ssl.SSLWantWriteError, socket.timeout):
            pass
        client.socket.setblocking(False)
        while received.count(b"HTTP/1.1 422 ") < count:
            try:
                while stream:
                    stream = stream[client.socket.send(stream[:16384]) :]
            except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
                pass
            readable, _, _ = select.select([client.socket], [], [], 10)
            assert readable, f"it stopped after {received.count(b'HTTP/1.1 422 ')} answers"
            try:
                received += client.socket.recv(65536)
            except ssl.SSLWantReadError:
                pass


# Who does not speak TLS, or stops in the middle.


def test_plain_http_is_told_in_kind(gateway):
    response = gateway.post(OPEN, b"{}")
    assert response.status == 400 and response.header("Connection") == "close"


def test_noise_is_cut_off(gateway):
    """What looks like TLS with an alert, all of it without a reset."""
    failed = gateway.metric("trunkline_tls_handshakes_failed_total")
    for noise, alert in [
        (b"\0" * 500, b""), (b"SSH-2.0-OpenSSH_9.2p1\r\n", b""), (b"\x16\x03\x01\x40\x01" + b"x" * 70000, b"\x15"),
    ]:
        with gateway.client() as client:
            client.send(noise)
            answer = client.socket.recv(100)
            assert answer[:1] == alert and (answer == b"" or client.socket.recv(100) == b"")
    wait_until(lambda: gateway.metric("trunkline_tls_handshakes_failed_total") == failed + 3, 10, "all to be counted")


def test_handshakes_that_stop(start_gateway, authority):
    gateway = start_gateway({"gateway": {"tls": tls_options(authority), "limits": {"head_seconds": 1}}})
    bio = ssl.MemoryBIO()
    greeting = authority.client_context().wrap_bio(ssl.MemoryBIO(), bio, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        greeting.do_handshake()
    hello = bio.read()
    for length in (len(hello) - 1, 1):
        with gateway.client() as client:  # hangs up
            client.send(hello[:length])
    with gateway.client() as client:  # as a load balancer looks whether somebody is there: no reason for a line
        pass
    wait_until(lambda: gateway.metric("trunkline_connections_total") == 3, 10, "them to be there")
    wait_until(lambda: gateway.metric("trunkline_connections") == 0, 10, "them to be gone")
    assert gateway.metric("trunkline_tls_handshakes_failed_total") == 2
    used = cpu_seconds(gateway)
    with gateway.client() as client, gateway.client() as silent:
        client.send(hello[:-1])
        assert client.at_end() and silent.at_end()  # in time
    assert cpu_seconds(gateway) - used < 0.5
    reasons = [line["reason"] for line in gateway.log("handshake_failed")]
    assert reasons.count("it was not over in time") == 2


def cpu_seconds(gateway):
    with open(f"/proc/{gateway.process.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


@pytest.mark.skipif(sanitized(), reason="a sanitizer's memory says nothing")
def test_idle_connections_are_small(start_gateway, authority):
    gateway = start_gateway({"gateway": {"workers": 1, "tls": tls_options(authority)}})
    context = authority.client_context()

    def resident():
        with open(f"/proc/{gateway.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * 4096

    def grow(count):
        clients = [TlsClient(gateway.address, context) for _ in range(count)]
        for client in clients:
            client.post(OPEN, b"{")
            assert client.response().status == 422
        return clients

    clients, before = grow(50), resident()
    clients += grow(200)
    each = (resident() - before) / 200
    print(f"an idle connection over TLS costs {each / 1024:.0f} KiB")
    for client in clients:
        client.close()
    assert each < 64 * 1024


# The end.


def fill_with_requests(client):
    """Until nothing more is taken: it reads no answers."""
    client.socket.settimeout(0.5)
    try:
        while True:
            client.send(b"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n" * 200)
    except (TimeoutError, ssl.SSLWantWriteError):
        pass


def test_stop_amid_connections_of_all_kinds(start_gateway, authority):
    """Each in another state; none of them leaves anything behind, as the sanitizers' builds see to."""
    patience = {name: 60 for name in ("head_seconds", "body_seconds", "idle_seconds", "write_seconds")}
    options = {"tls": tls_options(authority), "shutdown_seconds": 4, "limits": patience}
    gateway = start_gateway({"gateway": options})
    context, bio = authority.client_context(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), bio, server_hostname="localhost").do_handshake()
    record = post(callbacks.yeta_record("at the end").body)
    silent = [gateway.client() for _ in range(3)]
    greeting = [gateway.client() for _ in range(3)]
    fresh, kept, heads, bodies = ([TlsClient(gateway.address, context) for _ in range(3)] for _ in range(4))
    unread = [TlsClient(gateway.address, context) for _ in range(2)]
    for client in greeting:
        client.send(bio.read()[:-1] or b"\x16")
    for client in kept:
        client.send(record)
        assert client.response().status == 200
    for client, portion in [(client, 20) for client in heads] + [(client, len(record) - 1) for client in bodies]:
        client.send(record[:portion])
    for client in unread:
        fill_with_requests(client)
    gateway.signal(signal.SIGTERM)
    wait_until(lambda: gateway.log("gateway_stopping"), 10, "it to be told")
    assert all(client.at_end() for client in kept + fresh)  # with TLS's own farewell
    bodies[0].send(record[-1:])
    answer = bodies[0].response()
    assert answer.status == 200 and answer.header("Connection") == "close" and bodies[0].at_end()
    assert gateway.wait() == 0
    for client in silent + greeting + fresh + kept + heads + bodies + unread:
        client.close()


# What else speaks HTTPS.


def test_send_speaks_https(gateway, authority, vendors, kafka):
    config = gateway.directory / "trunkline.yaml"
    certificate = vendors.sign(NAMES[0])
    arguments = ["send", "--source", "named", "--config", config, "--url", gateway.url.replace("http:", "https:")]
    sent = run(*arguments, "--ca-file", authority.path, "--certificate", certificate.path, "--key", certificate.key)
    assert sent.returncode == 0 and sent.stdout.startswith("200 "), (sent.stdout, sent.stderr)
    sent = run(*arguments, "--ca-file", authority.path)
    assert sent.returncode == 1 and sent.stdout.startswith("401 "), (sent.stdout, sent.stderr)
    sent = run(*arguments)
    assert sent.returncode == 1 and "certificate" in sent.stderr and "--ca-file" in sent.stderr
    assert kafka.read(gateway.prefix + TOPICS["call_events"])


def test_what_check_says(tmp_path, authority, vendors):
    base = changed(configuration("127.0.0.1:1", tmp_path), {"gateway": {"tls": tls_options(authority, vendors)}})

    def told(changes):
        import yaml

        path = tmp_path / "trunkline.yaml"
        path.write_text(yaml.safe_dump(changed(base, changes)))
        done = run("check", "--config", path)
        return done.returncode, done.stderr

    def tls(**changes):
        return told({"gateway": {"tls": changes}})

    other = Authority(tmp_path, "other")
    expired = authority.server("expired", days=-1)
    locked = tmp_path / "locked.key"
    subprocess.run(["openssl", "ec", "-in", other.key, "-aes256", "-passout", "pass:secret", "-out", locked], check=True,
                   capture_output=True)
    assert told({})[0] == 0
    for found, words in [
        (tls(certificate_file="/nowhere"), "cannot open /nowhere: No such file"),
        (tls(certificate_file=str(other.key)), "certificate_file: .* must hold a certificate"),
        (tls(key_file=str(other.key)), "is not the key of"),
        (tls(key_file=str(locked)), "without a password"),
        (tls(key_file=None), "needs gateway.tls.key_file"),
        (tls(certificate_file=None, key_file=None, client_ca_file=None, ciphers="HIGH"), "means nothing without"),
        (tls(client_ca_file=str(other.key)), "client_ca_file: .* must hold CA certificates"),
        (tls(ciphers="SWORDFISH"), "names none that can be used"),
        (tls(ciphers="ECDHE+AESGCM:eNULL:@SECLEVEL=0"), "lets in .*NULL.*protects nothing"),
        (tls(minimum_version="1.1"), "1.2"),
        (told({"gateway": {"tls": {"client_ca_file": None}}, "sources": [
            {"name": "a", "adapter": "7moor", "client_certificate": True}]}), "set gateway.tls.client_ca_file"),
        (told({"gateway": {"tls": None}, "sources": [{"name": "a", "adapter": "7moor", "client_certificate": True}]}),
         "set gateway.tls.certificate_file, key_file and client_ca_file"),
        (told({"sources": [{"name": "a", "adapter": "7moor", "open": True, "certificate_names": ["b"]}]}),
         "mean nothing without client_certificate"),
    ]:
        assert found[0] == 2 and re.search(words, found[1]) and re.search(r"yaml:\d+: ", found[1]), (words, found)
    status, warned = tls(certificate_file=str(expired.path), key_file=str(expired.key))
    assert status == 0 and "has expired" in warned
