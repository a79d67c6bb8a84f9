"""HTTPS over SIGHUP: certificates, and who may come with one, change while connections go on."""

import asyncio
import ssl
import time

import pytest

import callbacks
from certificates import Authority
from gateway import changed
from test_reload import COMMON, Load, source, start_reloaded  # noqa: F401 (a fixture)
from test_tls import authority, status_with, tls_options, vendors  # noqa: F401 (fixtures)
from tls_client import TlsClient
from waiting import wait_until


def serial(gateway):
    """Of the certificate that a new connection is shown."""
    pem = ssl.get_server_certificate(gateway.address)
    return ssl.PEM_cert_to_DER_cert(pem)


def test_reload_takes_up_new_files_without_a_dropped_request(start_reloaded, authority):  # noqa: F811
    sources = [source("kept", [COMMON], budget_ms=20000), source("passing", budget_ms=20000)]
    reloaded = start_reloaded(sources, {"gateway": {"tls": tls_options(authority)}})
    gateway = reloaded.gateway
    shown = set()

    def change():
        authority.server()
        before = serial(gateway)
        reloaded.reload()
        shown.add(serial(gateway))
        assert serial(gateway) != before

    async def everything():
        load = Load(gateway.address, authority.client_context())
        clients = [asyncio.create_task(load.client(number)) for number in range(8)]
        for number in range(10):
            await asyncio.to_thread(change)
            clients.append(asyncio.create_task(load.client(100 + number)))  # new ones, all along
        load.stopping.set()
        await asyncio.gather(*clients)
        return load

    load = asyncio.run(everything())
    assert not load.broken, load.broken
    assert [set(answers) for answers in load.answers.values()] == [{200}, {200}], load.answers
    assert len(shown) == 10


def test_reload_with_broken_files_changes_nothing(start_reloaded, authority, tmp_path):  # noqa: F811
    server = Authority(tmp_path, "own").server()
    tls = {"certificate_file": str(server.path), "key_file": str(server.key)}
    reloaded = start_reloaded([source("kept")], {"gateway": {"tls": tls}})
    gateway = reloaded.gateway
    shown, expiry = serial(gateway), gateway.metric("trunkline_tls_certificate_expiry_time_seconds")
    assert 29 * 86400 < expiry - time.time() < 31 * 86400
    good_key = server.key.read_bytes()

    server.key.write_bytes(authority.key.read_bytes())
    lines = reloaded.reload_in_vain(None)
    fault = [line for line in lines if line["event"] == "configuration_fault"][0]
    assert "is not the key of" in fault["reason"] and fault["file"] == str(reloaded.path)
    assert "key_file" in reloaded.path.read_text().splitlines()[fault["line"] - 1]
    server.key.write_bytes(good_key)
    server.path.write_text("no certificate")
    lines = reloaded.reload_in_vain(None)
    assert any("certificate_file" in line.get("reason", "") for line in lines), lines
    assert serial(gateway) == shown
    assert gateway.metric("trunkline_tls_certificate_expiry_time_seconds") == expiry
    assert "PRIVATE KEY" not in gateway.log_text()


def test_reload_changes_who_may_come(start_reloaded, authority, vendors, tmp_path):  # noqa: F811
    """A certificate counts by the latest client CA, also on connections that were made before."""
    others = Authority(tmp_path, "others")
    both = tmp_path / "both.pem"
    both.write_bytes(vendors.path.read_bytes() + others.path.read_bytes())
    sources = [{"name": "kept", "adapter": "7moor", "client_certificate": True}, source("open")]
    reloaded = start_reloaded(sources, {"gateway": {"tls": tls_options(authority, vendors)}})
    gateway = reloaded.gateway
    one, two = (authority.client_context(each.sign("vendor")) for each in (vendors, others))

    def reload(path):
        reloaded.reload(changed(reloaded.config, {"gateway": {"tls": {"client_ca_file": str(path)}}}))

    def answer(client, path="/callbacks/kept"):
        client.post(path, callbacks.sevenmoor_call_event("call", time.monotonic_ns(), "ring").body)
        return client.response()

    with TlsClient(gateway.address, one) as client, TlsClient(gateway.address, one) as other_source:
        assert answer(client).status == answer(other_source).status == 200
        reload(both)
        assert status_with(gateway, two, "/callbacks/kept") == 200
        for _ in range(2):  # who is vouched for as before notices nothing
            assert answer(client).status == 200
        reload(others.path)
        assert status_with(gateway, two, "/callbacks/kept") == 200
        with pytest.raises(ssl.SSLError):
            status_with(gateway, one, "/callbacks/kept")
        for _ in range(2):  # where no certificate is asked for, none is missed
            assert answer(other_source, "/callbacks/open").status == 200
        refused = answer(client)  # it may have a better one, for a new connection
        assert refused.status == 401 and refused.header("Connection") == "close" and client.at_end()
        assert gateway.log("callback_refused")[-1]["reason"] == "certificate"


def test_a_certificate_can_be_asked_for_from_now_on(start_reloaded, authority, vendors):  # noqa: F811
    """Who was never asked for one has the chance to show one."""
    reloaded = start_reloaded([source("kept")], {"gateway": {"tls": tls_options(authority)}})
    context = authority.client_context(vendors.sign("vendor"))
    body = callbacks.sevenmoor_call_event("call", time.monotonic_ns(), "ring").body
    with TlsClient(reloaded.gateway.address, context) as client:
        client.post("/callbacks/kept", body)
        assert client.response().status == 200
        reloaded.reload(changed(reloaded.config, {
            "gateway": {"tls": tls_options(authority, vendors)},
            "sources": [{"name": "kept", "adapter": "7moor", "client_certificate": True}],
        }))
        client.post("/callbacks/kept", body)
        assert client.response().status == 401 and client.at_end()
    assert status_with(reloaded.gateway, context, "/callbacks/kept") == 200
