"""SIGHUP reads sources, secrets, routes and trusted proxies again, and nobody on a connection notices."""

import asyncio
import json
import os
import signal
import time

import pytest
import yaml

from callbacks import sevenmoor_call_event
from gateway import TOPICS, Gateway, changed, configuration
from load import read_answer
from waiting import wait_until

LONG = os.environ.get("TRUNKLINE_TEST_LONG") == "1"
RELOADS = 1000 if LONG else 200
CLIENTS = 16

COMMON, ONE, TWO = "the-secret-of-both-lists", "the-first-list-s-secret", "the-second-list-s-secret"


def source(name, secrets=None, **members):
    checks = {"secrets": secrets} if secrets else {"open": True}
    return {"name": name, "adapter": "7moor", **checks, **members}


class Reloaded:
    """A gateway whose configuration changes while it runs."""

    def __init__(self, kafka, directory, prefix, sources, changes=None):
        base = changed(configuration(kafka.address, directory / "data", prefix), changes or {})
        self.config = {**base, "sources": sources}
        self.gateway = Gateway.configured(directory, self.config)
        self.path = directory / "trunkline.yaml"

    def write(self, config):
        text = config if isinstance(config, str) else yaml.safe_dump(config)
        beside = self.path.with_suffix(".new")
        beside.write_text(text)
        beside.rename(self.path)

    def reload(self, config=None, seconds=20):
        """Writes the file, asks, and waits until the gateway reports that it is in force. Returns what it logged."""
        return self._ask(config, "configuration_reloaded", seconds)

    def reload_in_vain(self, config, seconds=20):
        return self._ask(config, "reload_refused", seconds)

    def _ask(self, config, event, seconds):
        if config is not None:
            self.write(config)
        begin = self.gateway.log_path.stat().st_size
        self.gateway.signal(signal.SIGHUP)

        def told():
            with open(self.gateway.log_path, "rb") as log:
                log.seek(begin)
                lines = [json.loads(line) for line in log.read().splitlines(keepends=True) if line.endswith(b"\n")]
            # What belongs to a reload is logged with it, in front or behind, before the next is asked for.
            return lines if any(line["event"] == event for line in lines) else None

        return wait_until(told, seconds, event)


@pytest.fixture
def start_reloaded(kafka, prefix, tmp_path):
    started = []

    def start(sources, changes=None, on=kafka):
        started.append(Reloaded(on, tmp_path / f"gateway-{len(started)}", prefix, sources, changes))
        started[-1].gateway.start()
        return started[-1]

    yield start
    for each in started:
        each.gateway.stop()


def post(path, body):
    return f"POST {path} HTTP/1.1\r\nHost: gateway\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class Load:
    """Clients on kept connections, each of which posts one callback behind the other until it is told to stop."""

    def __init__(self, address, tls=None):
        self.address = address
        self.tls = {} if tls is None else {"ssl": tls, "server_hostname": "localhost"}
        self.stopping = asyncio.Event()
        self.answers = {"/callbacks/kept/" + COMMON: {}, "/callbacks/passing": {}}
        self.accepted = set()
        self.broken = []

    async def client(self, number):
        reader, writer = await asyncio.open_connection(*self.address, **self.tls)
        sent = 0
        try:
            while not self.stopping.is_set():
                path = list(self.answers)[sent % 2]
                callback = sevenmoor_call_event(f"call-{number}", sent, "ring")
                writer.write(post(path, callback.body))
                status = (await asyncio.wait_for(read_answer(reader), 20))[0]
                self.answers[path][status] = self.answers[path].get(status, 0) + 1
                if status == 200:
                    self.accepted.update(callback.events)
                sent += 1
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
            self.broken.append(repr(error))
        finally:
            writer.close()


def status_of(gateway, path):
    return gateway.post(path, sevenmoor_call_event("probe", time.monotonic_ns(), "ring").body).status


def test_no_connection_and_no_answer_suffers(start_reloaded, kafka, prefix):
    copies = prefix + "copies"
    # Budgets of their own, so that a busy machine is no reason for a 503.
    kept = [source("kept", [COMMON, ONE], budget_ms=20000), source("kept", [COMMON, TWO], budget_ms=20000)]
    passing = [[], [source("passing", budget_ms=20000)]]
    routes = [[], [{"types": "call.*", "topics": [copies]}]]
    reloaded = start_reloaded(kept[:1])
    gateway = reloaded.gateway
    judged = []

    def change(number):
        turn = number % 2
        reloaded.reload({**reloaded.config, "sources": [kept[turn], *passing[turn]], "routes": routes[turn]})
        if number % 10 < 2:
            listed, other = ((ONE, TWO), (TWO, ONE))[turn]
            judged.append((status_of(gateway, "/callbacks/kept/" + listed), 200))
            judged.append((status_of(gateway, "/callbacks/kept/" + other), 401))
            judged.append((status_of(gateway, "/callbacks/passing"), (404, 200)[turn]))

    async def everything():
        load = Load(gateway.address)
        clients = [asyncio.create_task(load.client(number)) for number in range(CLIENTS)]
        for number in range(RELOADS):
            await asyncio.to_thread(change, number)
        load.stopping.set()
        await asyncio.gather(*clients)
        return load

    load = asyncio.run(everything())
    steady, passing_by = load.answers.values()
    print(f"{RELOADS} reloads, answers {load.answers}")
    assert not load.broken, load.broken
    assert set(steady) == {200} and set(passing_by) == {200, 404}, load.answers
    assert [found for found, _ in judged] == [due for _, due in judged]
    assert gateway.metric("trunkline_config_reloads_total", outcome="applied") == RELOADS
    assert gateway.metric("trunkline_config_reloads_total", outcome="refused") == 0
    assert gateway.metric("trunkline_connections_total") <= CLIENTS + len(judged)
    found = {json.loads(record.value)["id"] for record in kafka.read(prefix + TOPICS["call_events"])}
    assert load.accepted <= found, f"{len(load.accepted - found)} accepted callbacks are not on Kafka"
    assert kafka.topics(copies) == {copies: 3}, "the route's topic was not made as all are"
    assert kafka.read(copies)


def test_a_file_with_faults_changes_nothing(start_reloaded):
    reloaded = start_reloaded([source("kept", [ONE])])
    gateway = reloaded.gateway
    faulty = yaml.safe_dump({**reloaded.config, "sources": [source("kept", [TWO])]}) + "surces: []\nroutes: 7\n"
    lines = reloaded.reload_in_vain(faulty)
    faults = [line for line in lines if line["event"] == "configuration_fault"]
    numbers = [faulty.splitlines().index(text) + 1 for text in ("surces: []", "routes: 7")]
    assert [fault["line"] for fault in faults] == numbers, faults
    assert all(fault["file"] == str(reloaded.path) for fault in faults)
    assert TWO not in gateway.log_text()
    assert status_of(gateway, "/callbacks/kept/" + ONE) == 200
    assert status_of(gateway, "/callbacks/kept/" + TWO) == 401
    applied = gateway.metric("trunkline_config_applied_time_seconds")
    assert gateway.metric("trunkline_config_reloads_total", outcome="refused") == 1

    reloaded.path.unlink()
    reloaded.reload_in_vain(None)
    assert status_of(gateway, "/callbacks/kept/" + ONE) == 200
    reloaded.reload_in_vain({**reloaded.config, "sources": [], "accounts": [{"name": "a", "adapter": "7moor"}]})
    assert status_of(gateway, "/callbacks/kept/" + ONE) == 200
    wait_until(lambda: time.time() > applied + 1, 5, "another second")
    reloaded.reload({**reloaded.config, "sources": [source("kept", [TWO])]})
    assert status_of(gateway, "/callbacks/kept/" + TWO) == 200
    assert gateway.metric("trunkline_config_applied_time_seconds") > applied


def test_requests_under_way_keep_their_source(start_reloaded):
    reloaded = start_reloaded([source("kept"), source("removed", [ONE])])
    gateway = reloaded.gateway
    body = sevenmoor_call_event("call", 1, "ring").body
    with gateway.client() as client:
        client.send(post("/callbacks/removed/" + ONE, body)[:-5])
        wait_until(lambda: gateway.metric("trunkline_buffered_bytes") > 0, 10, "the head to be judged")
        reloaded.reload({**reloaded.config, "sources": [source("kept")]})
        assert status_of(gateway, "/callbacks/removed/" + ONE) == 404
        client.send(body[-5:])
        assert client.response().status == 200
        client.post("/callbacks/removed/" + ONE, body)
        assert client.response().status == 404
        client.post("/callbacks/kept", body)
        assert client.response().status == 200
    assert gateway.metric("trunkline_callbacks_total", source="removed", outcome="accepted") == 1


def test_events_under_way_keep_their_source(start_reloaded, own_kafka, kafka):
    if own_kafka is not kafka:
        pytest.skip("the session's Kafka is not ours to freeze")
    patient = source("removed", budget_ms=60000)
    reloaded = start_reloaded([source("kept"), patient], {"spool": {"max_bytes": 0}})
    gateway = reloaded.gateway
    assert status_of(gateway, "/callbacks/removed") == 200
    own_kafka.freeze()
    try:
        with gateway.client(60) as client:
            client.post("/callbacks/removed", sevenmoor_call_event("call", 1, "ring").body)
            wait_until(lambda: gateway.metric("trunkline_buffered_bytes") > 0, 10, "the callback to wait for Kafka")
            for _ in range(3):
                reloaded.reload({**reloaded.config, "sources": [source("kept")]})
            own_kafka.thaw()
            assert client.response().status == 200
    finally:
        own_kafka.thaw()


def test_what_needs_a_start_is_named_and_waits(start_reloaded, kafka, prefix):
    reloaded = start_reloaded([source("kept", [ONE])])
    gateway = reloaded.gateway
    lines = reloaded.reload(changed(reloaded.config, {
        "gateway": {"port": 1, "workers": 7, "limits": {"body_bytes": 4096}},
        "kafka": {"bootstrap.servers": "127.0.0.1:1"},
        "topics": {"call_events": prefix + "elsewhere"},
        "sources": [source("kept", [TWO])],
    }))
    deferred = wait_until(lambda: gateway.log("reload_deferred"), 5, "the options that wait")
    assert deferred[0]["options"].split() == [
        "gateway.port", "gateway.workers", "gateway.limits.body_bytes", "topics.call_events", "kafka"
    ], lines
    assert status_of(gateway, "/callbacks/kept/" + TWO) == 200
    assert gateway.post("/callbacks/kept/" + TWO, b"{" + b" " * 5000).status != 413
    assert len(kafka.read(prefix + TOPICS["call_events"])) == 1
    assert prefix + "elsewhere" not in kafka.topics(prefix)


def test_secrets_in_files_and_proxies(start_reloaded, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(ONE + "\n")
    by_file = {"name": "kept", "adapter": "7moor", "secrets_file": [str(secret)]}
    near = source("near", allow=["192.0.2.0/24"])
    near.pop("open")
    reloaded = start_reloaded([by_file, near])
    gateway = reloaded.gateway
    forwarded = [("X-Forwarded-For", "192.0.2.7")]
    body = sevenmoor_call_event("call", 1, "ring").body
    assert status_of(gateway, "/callbacks/kept/" + ONE) == 200
    assert gateway.post("/callbacks/near", body, forwarded).status == 401

    secret.write_text(TWO + "\n")
    reloaded.reload(changed(reloaded.config, {"gateway": {"trusted_proxies": ["127.0.0.1"]}}))
    assert status_of(gateway, "/callbacks/kept/" + ONE) == 401
    assert status_of(gateway, "/callbacks/kept/" + TWO) == 200
    assert gateway.post("/callbacks/near", body, forwarded).status == 200


def test_a_source_that_is_gone_is_not_shown_as_open(start_reloaded):
    reloaded = start_reloaded([source("kept", [ONE]), source("removed")])
    assert reloaded.gateway.metric("trunkline_source_open", source="removed") == 1
    reloaded.reload({**reloaded.config, "sources": [source("kept", [ONE])]})
    assert reloaded.gateway.metric("trunkline_source_open", source="removed") == 0


def test_a_worker_says_that_it_does_not(start_egress):
    worker = start_egress([{
        "name": "y", "adapter": "yeta", "url": "http://127.0.0.1:9", "settings": {"app_key": "k", "app_secret": "s"}
    }])
    worker.signal(signal.SIGHUP)
    worker.wait_for_log("reload_not_supported")
    assert worker.ready()


def test_a_route_to_a_topic_that_is_not_there_is_refused(start_reloaded, kafka, prefix):
    """Where the gateway does not make topics."""
    for name in TOPICS.values():
        kafka.create(prefix + name)
    reloaded = start_reloaded([source("kept", [ONE])], {"topics": {"create": False}})
    route = {"types": "*", "topics": [prefix + "copies"]}
    fresh = {**reloaded.config, "sources": [source("kept", [TWO])], "routes": [route]}
    lines = reloaded.reload_in_vain(fresh)
    assert prefix + "copies is missing" in [line for line in lines if line["event"] == "reload_refused"][0]["reason"]
    assert status_of(reloaded.gateway, "/callbacks/kept/" + ONE) == 200
    kafka.create(prefix + "copies")
    reloaded.reload()
    assert status_of(reloaded.gateway, "/callbacks/kept/" + TWO) == 200
    assert len(kafka.read(prefix + "copies")) == 1
    assert reloaded.gateway.ready()
