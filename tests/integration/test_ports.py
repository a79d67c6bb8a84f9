"""What the lanes stand on, against the real Kafka: the transactional producer, the group consumer, the reader of one
partition, the reader of single records; each in processes of their own (ports.c, beside the binary under test), so that
they can be stopped and killed."""

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


# On a new Kafka librdkafka may miss that a group's coordinator is there, until idle connections are closed after a minute.
ANSWER_SECONDS = 90


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

    def hear(self, seconds=ANSWER_SECONDS):
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
        ports.append(Port(tmp_path / f"ports-{len(ports)}.log", verb, kafka.address, *map(str, arguments)))
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


# Kafka tells the end of a transaction before it has written its marks.


def wait_for_values(kafka, topic, *expected):
    wait_until(lambda: sorted(values(kafka, topic)) == sorted(expected), 20, f"{expected} to be what is committed")


def wait_for_offset(kafka, group, topic, offset):
    wait_until(lambda: committed(kafka, group, topic) == offset, 20, f"offset {offset} to be committed")


def test_records_and_offsets_are_visible_together_or_not_at_all(kafka, prefix, start):
    topic, commands, group = prefix + "journal", prefix + "commands", prefix + "group"
    kafka.create(topic, partitions=2, max_message_bytes=2000, message_timestamp_type="LogAppendTime")
    kafka.create(commands)
    port = start("transact", prefix + "0", topic).init()
    offset = ("offset", group, commands)

    outcome, said = port.commit(0, "one", 1, 1, "two", 1, *offset, 5)
    assert outcome == "COMMITTED"
    wait_for_values(kafka, topic, "one", "two")
    wait_for_offset(kafka, group, commands, 5)
    assert ("one", said["record"], said["time"]) in records(kafka, topic)

    # The topic takes "three" and not the long one; the transaction ends without either, and without the offset.
    assert port.commit(0, "three", 1, 1, "x" * 5000, 1, *offset, 9)[0] == "REFUSED"
    assert sorted(values(kafka, topic)) == ["one", "two"]
    assert committed(kafka, group, commands) == 5

    assert port.commit(0, "four", 1, *offset, 9)[0] == "COMMITTED"
    wait_for_values(kafka, topic, "one", "two", "four")
    wait_for_offset(kafka, group, commands, 9)
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
    wait_for_values(kafka, topic, "first", "second")


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
    wait_for_values(kafka, topic, "second")
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


@pytest.fixture
def journal(kafka, prefix, start):
    """A partition as lanes leave it: offset 0 "one", 1 a mark, 2 a record that was taken back, 3 its mark, 4 "two",
    5 "two", 6 a mark; 7 is the end. Once in a while the refusal comes before the record that is to be taken back was
    sent; then it is tried again."""
    for attempt in range(8):
        topic = f"{prefix}journal.{attempt}"
        kafka.create(topic, partitions=2, max_message_bytes=2000, message_timestamp_type="LogAppendTime")
        port = start("transact", f"{prefix}{attempt}", topic).init()
        outcome, first = port.commit(0, "one", 1)
        assert (outcome, first["record"]) == ("COMMITTED", 0)
        later_than(first["time"])
        assert port.commit(0, "never", 1, 1, "x" * 5000, 1)[0] == "REFUSED"
        later_than(int(time.time() * 1000))
        outcome, second = port.commit(0, "two", 2)
        assert outcome == "COMMITTED"
        if second["record"] == 4:
            break
    ends = end_of(kafka, topic, 0)
    wait_until(lambda: next(ends) == 7, 20, "the last mark")
    later_than(second["time"])
    return port, topic, first["time"], second["time"]


def later_than(unix_ms):
    """Until another record could not have the same time."""
    wait_until(lambda: time.time() * 1000 > unix_ms + 1, 20, "the clock to go on", pause=0.001)


def hear_all(port, *last):
    """What it says until it says that."""
    said = []
    while said[-1:] != [last]:
        said.append(port.hear())
    return said


def test_the_offset_of_a_time(journal):
    port, _, first, second = journal
    assert port.ask("at", 0, 0) == ("offset", 0, "")
    assert port.ask("at", 0, -5) == ("offset", 0, "")
    assert port.ask("at", 0, first) == ("offset", 0, "")
    word, offset, _ = port.ask("at", 0, first + 1)  # a mark or what was taken back may be the first since
    assert word == "offset" and 1 <= offset <= 4
    assert port.ask("at", 0, second) == ("offset", 4, "")
    # Nothing is that young: the end, behind the last mark.
    assert port.ask("at", 0, int(time.time() * 1000) + 3600_000) == ("offset", 7, "")
    assert port.ask("partitions") == ("partitions", 2, "")


def test_the_offset_of_a_time_in_an_empty_partition(kafka, prefix, start):
    kafka.create(prefix + "journal", partitions=3)
    port = start("transact", prefix + "0", prefix + "journal").init()
    assert port.ask("at", 2, 1000) == ("offset", 0, "")
    assert port.ask("partitions") == ("partitions", 3, "")


def test_a_reader_skips_marks_and_what_was_taken_back_and_tells_the_end(journal, start):
    port, topic, _, _ = journal
    reader = start("follow", topic, 0)
    assert hear_all(reader, "end", 7, "") == [
        ("record", 0, "one"), ("record", 4, "two"), ("record", 5, "two"), ("end", 7, ""),
    ]
    reader.tell("seek", 2)
    assert hear_all(reader, "end", 7, "")[:2] == [("record", 4, "two"), ("record", 5, "two")]
    reader.tell("seek", 6)  # the last mark: nothing to read
    assert reader.hear() == ("end", 7, "")
    reader.tell("seek", 7)  # the very end
    assert reader.hear() == ("end", 7, "")
    reader.tell("seek", 1000)  # there is none such: from the beginning
    assert hear_all(reader, "end", 7, "")[0] == ("record", 0, "one")
    assert reader.ask("pause") == ("done", 0, "")
    assert port.commit(0, "three", 1)[0] == "COMMITTED"
    other = start("follow", topic, 7)
    assert hear_all(other, "end", 9, "")[0] == ("record", 7, "three")
    assert reader.said.empty()
    reader.tell("resume")
    assert reader.hear() == ("done", 0, "")
    said = hear_all(reader, "end", 9, "")
    assert [line for line in said if line[0] == "record"] == [("record", 7, "three")]


def test_a_reader_of_much_misses_nothing(kafka, prefix, start):
    """More than its queue holds, many times over: it reads on each time without a gap or a repeat."""
    topic = prefix + "journal"
    kafka.create(topic)
    port = start("transact", prefix + "0", topic).init()
    for number in range(4):
        assert port.commit(0, "x" * 600, 10000)[0] == "COMMITTED"
    reader = start("follow", topic, 0)
    said = hear_all(reader, "end", 40004, "")
    offsets = [number for word, number, _ in said if word == "record"]
    assert offsets == [offset for offset in range(40004) if offset % 10001 != 10000]
    reader.tell("seek", 25000)
    offsets = [number for word, number, _ in hear_all(reader, "end", 40004, "") if word == "record"]
    assert offsets == [offset for offset in range(25000, 40004) if offset % 10001 != 10000]


def test_single_records_among_marks_and_what_was_taken_back(journal, start):
    port, topic, _, _ = journal
    reader = start("read", topic)
    reader.tell("fetch", 4)
    assert reader.hear() == ("record", 4, "two")
    reader.tell("fetch", 6, 2, 0, 5, 1, 3)
    assert {reader.hear() for _ in range(6)} == {
        ("record", 0, "one"), ("gone", 1, ""), ("gone", 2, ""), ("gone", 3, ""), ("record", 5, "two"), ("gone", 6, ""),
    }
    reader.tell("fetch", 7)  # is still to come
    assert port.commit(0, "three", 1)[0] == "COMMITTED"
    assert reader.hear() == ("record", 7, "three")
    for number in range(20):  # each as soon as its commit is told
        outcome, said = port.commit(0, f"value{number}", 1)
        assert outcome == "COMMITTED"
        reader.tell("fetch", said["record"])
        assert reader.hear() == ("record", said["record"], f"value{number}")
    reader.tell("fetch", 1000, 0)
    assert {reader.hear(), reader.hear()} == {("gone", 1000, ""), ("record", 0, "one")}
