"""Kafka over TLS and SASL: the gateway and the worker come in, and say clearly why when they are not let in."""

import json
import uuid

import confluent_kafka
import pytest

import callbacks
from certificates import Authority
from commands import dial
from gateway import TOPICS, run
from kafka import Kafka
from waiting import wait_until

USER, PASSWORD = "trunkline", "open-sesame-of-the-test"


class Secure:
    """A real broker that takes strangers by SSL, with certificates, and by SASL_SSL, with passwords. The tests
    themselves come in by its plain listener."""

    def __init__(self, directory):
        self.brokers, self.clients = Authority(directory, "brokers"), Authority(directory, "clients")
        server = self.brokers.server()
        (directory / "broker.pem").write_text(server.key.read_text() + server.path.read_text())
        self.kafka = Kafka.start(directory / "kafka", "--secure", str(directory), "--user", f"{USER}:{PASSWORD}")
        self.password = directory / "password"
        self.password.write_text(PASSWORD + "\n")

    def address(self, listener):
        return (self.kafka.directory / listener).read_text().strip()

    def sasl(self, mechanism="PLAIN"):
        return {
            "bootstrap.servers": self.address("sasl_ssl"), "security.protocol": "sasl_ssl",
            "ssl.ca.location": str(self.brokers.path), "sasl.mechanism": mechanism, "sasl.username": USER,
            "sasl.password_file": str(self.password),
        }

    def certified(self, certificate=None):
        shown = certificate or self.clients.sign("trunkline")
        return {
            "bootstrap.servers": self.address("ssl"), "security.protocol": "ssl",
            "ssl.ca.location": str(self.brokers.path), "ssl.certificate.location": str(shown.path),
            "ssl.key.location": str(shown.key),
        }


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    secure = Secure(tmp_path_factory.mktemp("secure"))
    try:
        yield secure
    finally:
        secure.kafka.stop()


WAYS = {
    "plain": lambda secure: secure.sasl(),
    "scram": lambda secure: secure.sasl("SCRAM-SHA-512"),
    "certificate": lambda secure: secure.certified(),
}
OLD_SCRAM = pytest.mark.skipif(
    confluent_kafka.libversion()[1] < 0x02060100,
    reason="before 2.6.1 librdkafka says its nonce twice in SCRAM, which brokers from 4.0 on refuse",
)


@pytest.fixture
def kafka(secure):
    """That of all fixtures in this file: no other is started."""
    return secure.kafka


@pytest.fixture
def prefix():
    """The broker goes with this file, and its topics with it."""
    return f"t{uuid.uuid4().hex[:8]}-"


@pytest.mark.parametrize("way", ["plain", pytest.param("scram", marks=OLD_SCRAM), "certificate"])
def test_callbacks_reach_kafka(secure, start_gateway, prefix, way):
    gateway = start_gateway({"kafka": WAYS[way](secure)})
    callback = callbacks.yeta_record("secure")

    def kept_by_kafka():
        response = gateway.post("/callbacks" + callback.path, callback.body)
        assert response.status == 200
        return response.header("Trunkline-Durability") == "kafka"

    wait_until(kept_by_kafka, 60, "Kafka to be connected")
    identifiers = {json.loads(record.value)["id"] for record in secure.kafka.read(prefix + TOPICS["call_events"])}
    assert identifiers == set(callback.events)
    assert PASSWORD not in gateway.log_text()


@pytest.mark.parametrize("way", ["plain", "certificate"])
def test_commands_are_carried_out(secure, start_egress, simulator_7moor, commands, results, way):
    start_egress([simulator_7moor], {"kafka": WAYS[way](secure)})
    identifier = commands.submit("7moor", "call.dial", dial())
    assert results.final(identifier)["status"] == "succeeded"


def refused(secure, start_gateway, settings, words):
    """A gateway that is not let in goes on with its spool, and says why in its log and its readiness."""
    gateway = start_gateway({"kafka": settings}, ready=False)
    wait_until(lambda: words in gateway.management("/readyz").body.decode(), 30, f"/readyz to say {words}")
    assert "Kafka does not let us in; check kafka's" in gateway.management("/readyz").body.decode()
    assert any(words in line.get("reason", "") + line.get("text", "") for line in gateway.log())
    callback = callbacks.yeta_record("refused")
    response = gateway.post("/callbacks" + callback.path, callback.body)
    assert response.status == 200 and response.header("Trunkline-Durability") == "spool"
    assert PASSWORD not in gateway.log_text()
    gateway.kill()


def test_a_wrong_password_is_told(secure, start_gateway, tmp_path):
    wrong = tmp_path / "password"
    wrong.write_text("wrong")
    settings = {**secure.sasl(), "sasl.password_file": str(wrong)}
    refused(secure, start_gateway, settings, "SASL authentication error")
    told = run("topics", "check", "--config", tmp_path / "gateway-0" / "trunkline.yaml")
    assert told.returncode == 1 and "sasl.password" in told.stderr and "wrong\n" not in told.stderr, told.stderr


def test_an_unknown_authority_is_told(secure, start_gateway, tmp_path):
    settings = {**secure.sasl(), "ssl.ca.location": str(Authority(tmp_path, "stranger").path)}
    refused(secure, start_gateway, settings, "certificate verify failed")


def test_a_wrong_certificate_is_told(secure, start_gateway, tmp_path):
    settings = secure.certified(Authority(tmp_path, "stranger").sign("trunkline"))
    refused(secure, start_gateway, settings, "alert certificate unknown")


def test_the_wrong_protocol_is_told(secure, start_gateway):
    refused(secure, start_gateway, {"bootstrap.servers": secure.address("ssl")}, "security.protocol")
