"""What the spool and the tools that look back want of the bus, against the real Kafka: what has not been sent is given
up and nothing else, a patient producer gives nothing up, a range of time is read whole; by the ports of test_ports.py."""

import queue
import time

import pytest

from test_ports import Port, later_than
from waiting import wait_until

REQUESTS = 5  # that a producer has in flight at most


@pytest.fixture
def start_on(tmp_path):
    ports = []

    def start_port(broker, verb, *arguments):
        log = tmp_path / f"ports-{len(ports)}.log"
        ports.append(Port(log, verb, broker.address, *map(str, arguments)))
        return ports[-1]

    yield start_port
    for port in ports:
        port.end()


class Publisher:
    """A port that publishes, and what became of the records so far."""

    def __init__(self, port):
        self.port, self.sent, self.fates = port, 0, {}

    def send(self, count):
        self.port.tell("send", self.sent, count)
        self.sent += count

    def listen(self, seconds):
        try:
            fate, number, _ = self.port.said.get(timeout=seconds)
        except queue.Empty:
            return
        assert number not in self.fates, f"record {number} was reported twice"
        self.fates[number] = fate

    def until(self, condition, what):
        wait_until(lambda: condition() or self.listen(0.05), 40, what, pause=0)

    def those(self, fate):
        return sorted(number for number, its in self.fates.items() if its == fate)


@pytest.mark.timeout(200)
def test_what_is_given_up_leaves_no_trace_in_the_rest(own_kafka, prefix, start_on):
    """Kafka is frozen with requests in flight and records behind them; the latter are given up. Nothing that is
    acknowledged then is missing, twice, or out of order: an idempotent producer has gaps in its numbers now."""
    for attempt in range(5):
        topic = f"{prefix}events.{attempt}"
        own_kafka.create(topic)
        publisher = Publisher(start_on(own_kafka, "publish", "not", topic))
        publisher.send(50)
        publisher.until(lambda: len(publisher.fates) == 50, "the first reports")
        own_kafka.freeze()
        try:
            for _ in range(REQUESTS + 3 + attempt):
                publisher.send(20)
                time.sleep(0.02)  # a request each, or more in fewer: what is in flight is chance
            publisher.port.tell("purge")
            publisher.until(lambda: publisher.those("failed"), "the first that is given up")
            publisher.listen(0.2)
            if attempt % 2:
                publisher.send(20)
        finally:
            own_kafka.thaw()
        publisher.send(200)
        publisher.until(lambda: len(publisher.fates) == publisher.sent, "all reports")
        acknowledged, failed = publisher.those("acknowledged"), publisher.those("failed")
        assert len(acknowledged) + len(failed) == publisher.sent
        assert set(range(publisher.sent - 200, publisher.sent)) <= set(acknowledged)
        assert failed and failed[0] >= 50
        assert [int(record.value) for record in own_kafka.read(topic)] == acknowledged
        assert "producer_died" not in publisher.port.log.read_text()


@pytest.mark.timeout(120)
def test_a_killed_kafka_costs_a_patient_producer_nothing(own_kafka, prefix, start_on):
    if own_kafka.directory is None:
        pytest.skip("the broker is somebody else's")
    own_kafka.create(prefix + "events", partitions=3)
    publisher = Publisher(start_on(own_kafka, "publish", "patient", prefix + "events"))
    publisher.send(100)
    own_kafka.crash()
    try:
        publisher.send(100)
    finally:
        own_kafka.start_again()
    publisher.send(100)
    publisher.until(lambda: len(publisher.fates) == 300, "all reports")
    assert publisher.those("acknowledged") == list(range(300))
    assert [int(record.value) for record in own_kafka.read(prefix + "events")] == list(range(300))


def test_the_partition_is_that_where_the_record_is(kafka, prefix, start_on):
    kafka.create(prefix + "events", partitions=7)
    port = start_on(kafka, "publish", "not", prefix + "events")
    wait_until(lambda: port.ask("partition", "key")[1] >= 0, 20, "the partition to be known")
    _, partition, _ = port.ask("partition", "key")
    assert port.ask("send", 0, 1) == ("acknowledged", 0, "")
    assert [record.partition for record in kafka.read(prefix + "events")] == [partition]


def test_a_range_of_time(kafka, prefix, start_on):
    """With marks, with what was taken back, and with a partition that holds nothing."""
    topic = prefix + "events"
    kafka.create(topic, partitions=2, max_message_bytes=2000, message_timestamp_type="LogAppendTime")
    port = start_on(kafka, "transact", prefix + "0", topic).init()
    outcome, first = port.commit(0, "one", 2)
    assert outcome == "COMMITTED"
    later_than(first["time"])
    assert port.commit(0, "never", 1, 1, "x" * 5000, 1)[0] == "REFUSED"
    outcome, second = port.commit(0, "two", 1)
    assert outcome == "COMMITTED"
    later_than(second["time"])
    outcome, third = port.commit(0, "three", 20)
    assert outcome == "COMMITTED"

    def values(since, until):
        said = hear_until_end(start_on(kafka, "range", since, until, topic))
        return [text for word, _, text in said if word == "record"]

    assert values(0, 0) == ["one", "one", "two"] + ["three"] * 20
    assert values(0, second["time"]) == ["one", "one"]
    assert values(second["time"], 0) == ["two"] + ["three"] * 20
    assert values(second["time"], third["time"]) == ["two"]
    assert values(third["time"] + 3600_000, 0) == []
    assert values(third["time"], second["time"]) == []


def hear_until_end(port):
    said = [port.hear()]
    while said[-1][0] != "end":
        said.append(port.hear())
    return said
