"""The transactional producer and the group consumer of the bus against the real Kafka: each in processes of their own
(ports.c, beside the binary under test), so that they can be stopped and killed."""

import os
import queue
import signal
import subprocess
import threading
import time

import confluent_kafka
import pytest

from gateway import BINARY, SANITIZER
from waiting import wait_until

PROGRAM = BINARY.parent / "tests" / "ports"
PARTITIONS = 4
SESSION_SECONDS = 6  # session.timeout.ms


class Port:
    """One process of ports.c. A line that it says is (word, number, text)."""

    def __init__(self, log, *arguments):
        self.log = log
        with open(log, "wb") as stderr:
            self.process = subprocess.Popen(
                [str(PROGRAM), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
            )
        self.said = queue.Queue()
        self.partitions = set()  # owned, as far as hear() has come
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            word, number, text = line.rstrip("\n").split(" ", 2)
            self.said.put((word, int(number), text))

    def tell(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def hear(self, seconds=20):
        try:
            word, number, text = self.said.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"{self.process.args} said nothing for {seconds} s:\n{self.log.read_text()}") from None
        if word == "assigned":
            self.partitions.add(number)
        elif word in ("revoked", "lost"):
            self.partitions.remove(number)
        return word, number, text

    def ask(self, *words):
        self.tell(*words)
        return self.hear()

    def commit(self, *words):
        """The outcome, and what was said of the first record: {"record": its offset, "time": its timestamp}."""
        self.tell("commit", *words)
        return self.outcome()

    def outcome(self):
        said = {}
        while True:
            word, number, _ = self.hear()
            if word.isupper():
                return word, said
            said[word] = number

    def init(self):
        assert self.ask("init")[0] == "ready"
        return self

    def own(self, count, seconds=20):
        """Waits until it owns that many partitions."""
        deadline = time.monotonic() + seconds
        while len(self.partitions) != count:
            self.hear(max(0.1, deadline - time.monotonic()))
        return self

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.stdin.close()
            assert self.process.wait(timeout=30) == 0, self.log.read_text()
        assert not SANITIZER.search(self.log.read_text()), self.log.read_text()


@pytest.fixture
def start(kafka, tmp_path):
    ports = []

    def start_port(verb, *arguments):
        ports.append(Port(tmp_path / f"ports-{len(ports)}.log", verb, kafka.address, *arguments))
        return ports[-1]

    yield start_port
    for port in ports:
        port.end()


def records(kafka, topic):
    """What a reader of committed records sees: (value, offset, timestamp in ms). Kafka.read() waits for the record
    before a partition's end, which here is the mark of a transaction's end."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": kafka.address, "group.id": "none", "enable.auto.commit": False,
        "enable.partition.eof": True, "isolation.level": "read_committed", "fetch.wait.max.ms": 20, "log_level": 3,
    })
    found, deadline = [], time.monotonic() + 20
    try:
        left = set(consumer.list_topics(topic, timeout=20).topics[topic].partitions)
        beginning = confluent_kafka.OFFSET_BEGINNING
        consumer.assign([confluent_kafka.TopicPartition(topic, partition, beginning) for partition in left])
        while left:
            assert time.monotonic() < deadline, f"could not read {topic} to its end"
            for message in consumer.consume(1000, timeout=0.1):
                if message.error() is None:
                    found.append((message.value().decode(), message.offset(), message.timestamp()[1]))
                else:
                    assert message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF, message.error()
                    left.discard(message.partition())
    finally:
        consumer.close()
    return found


def values(kafka, topic):
    return [value for value, _, _ in records(kafka, topic)]


def committed(kafka, group, topic):
    """The group's offset of partition 0, by another client; negative: none."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka.address, "group.id": group, "log_level": 3})
    try:
        return consumer.committed([confluent_kafka.TopicPartition(topic, 0)], timeout=20)[0].offset
    finally:
        consumer.close()


def end_of(kafka, topic, partition):
    """Where the partition ends, with all that is not committed yet."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": kafka.address, "group.id": "none", "isolation.level": "read_uncommitted", "log_level": 3,
    })
    try:
        yield from iter(lambda: consumer.get_watermark_offsets(
            confluent_kafka.TopicPartition(topic, partition), timeout=20)[1], None)
    finally:
        consumer.close()


def test_records_and_offsets_are_visible_together_or_not_at_all(kafka, prefix, start):
    topic, commands, group = prefix + "journal", prefix + "commands", prefix + "group"
    kafka.create(topic, partitions=2, max_message_bytes=2000, message_timestamp_type="LogAppendTime")
    kafka.create(commands)
    port = start("transact", prefix + "0", topic).init()
    offset = ("offset", group, commands)

    outcome, said = port.commit(0, "one", 1, 1, "two", 1, *offset, 5)
    assert outcome == "COMMITTED"
    assert sorted(values(kafka, topic)) == ["one", "two"]
    assert committed(kafka, group, commands) == 5
    assert ("one", said["record"], said["time"]) in records(kafka, topic)

    # The topic takes "three" and not the long one; the transaction ends without either, and without the offset.
    assert port.commit(0, "three", 1, 1, "x" * 5000, 1, *offset, 9)[0] == "REFUSED"
    assert sorted(values(kafka, topic)) == ["one", "two"]
    assert committed(kafka, group, commands) == 5
    assert next(end_of(kafka, topic, 0)) == 4  # "one", its commit, "three", its abort

    assert port.commit(0, "four", 1, *offset, 9)[0] == "COMMITTED"
    assert sorted(values(kafka, topic)) == ["four", "one", "two"]
    assert committed(kafka, group, commands) == 9
    owner = start("own", group, commands).own(1)
    assert owner.ask("committed", 0) == ("committed", 9, "")


def test_a_second_producer_fences_the_first(kafka, prefix, start):
    topic = prefix + "journal"
    kafka.create(topic)
    first = start("transact", prefix + "0", topic).init()
    assert first.commit(0, "first", 1)[0] == "COMMITTED"
    second = start("transact", prefix + "0", topic).init()
    assert first.commit(0, "late", 1)[0] == "FENCED"
    assert first.commit(0, "later", 1)[0] == "FENCED"
    assert second.commit(0, "second", 1)[0] == "COMMITTED"
    assert values(kafka, topic) == ["first", "second"]


def test_a_second_producer_fences_the_first_in_the_middle_of_its_transaction(kafka, prefix, start):
    """The first is stopped when records of its transaction are in the log. Once in a while it had committed by then,
    and that is no test of anything: then it is tried again."""
    for attempt in range(8):
        topic, transactional_id = f"{prefix}journal.{attempt}", f"{prefix}{attempt}"
        kafka.create(topic)
        first = start("transact", transactional_id, topic).init()
        second = start("transact", transactional_id, topic)
        ends = end_of(kafka, topic, 0)
        assert next(ends) == 0
        first.tell("commit", 0, "x" * 500, 20000, "offset", prefix + "group", topic, 1)
        wait_until(lambda: next(ends) > 0, 20, "the first records", pause=0)
        os.kill(first.process.pid, signal.SIGSTOP)
        second.init()
        assert second.commit(0, "second", 1)[0] == "COMMITTED"
        first.process.send_signal(signal.SIGCONT)
        outcome, _ = first.outcome()
        ends.close()
        if outcome != "COMMITTED":
            break
        assert len(values(kafka, topic)) == 20001
    assert outcome == "FENCED"
    assert values(kafka, topic) == ["second"]
    assert committed(kafka, prefix + "group", topic) < 0


def test_what_a_killed_member_owned_goes_to_the_other(kafka, prefix, start):
    topic = prefix + "commands"
    kafka.create(topic, partitions=PARTITIONS)
    first = start("own", prefix + "group", topic).own(PARTITIONS)
    second = start("own", prefix + "group", topic)
    assert {first.hear()[0] for _ in range(PARTITIONS // 2)} == {"revoked"}
    for partition in set(range(PARTITIONS)) - first.partitions:
        first.tell("release", partition)
    second.own(PARTITIONS // 2)
    assert first.partitions | second.partitions == set(range(PARTITIONS))
    first.process.kill()
    second.own(PARTITIONS, SESSION_SECONDS + 6)
    assert first.said.empty()
    first.process.wait()


def test_leaving_hands_over_what_is_released(kafka, prefix, start):
    topic = prefix + "commands"
    kafka.create(topic, partitions=PARTITIONS)
    first = start("own", prefix + "group", topic).own(PARTITIONS)
    first.tell("leave")
    first.own(0)
    second = start("own", prefix + "group", topic)
    for partition in range(PARTITIONS - 1):
        first.tell("release", partition)
    with pytest.raises(queue.Empty):  # longer than a heartbeat or two: the last one keeps all of them
        second.said.get(timeout=3)
    first.tell("release", PARTITIONS - 1)
    assert first.hear() == ("left", 0, "")
    assert first.process.wait(timeout=20) == 0
    second.own(PARTITIONS)
