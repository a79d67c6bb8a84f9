"""The Kafka that a test run uses: started by tests/kafka/kafka.sh, or given by TRUNKLINE_TEST_BROKERS.

What the gateway wrote is read by Confluent's Python client, so that Trunkline is never checked by its own consumer.
"""

import os
import pathlib
import signal
import subprocess
import time
from dataclasses import dataclass

import confluent_kafka
import confluent_kafka.admin

from waiting import stands_still, wait_until

SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "kafka" / "kafka.sh"


@dataclass
class Record:
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes
    value: bytes
    headers: list  # of (name, bytes), in their order

    def header(self, name):
        """The one value of that header, as text; None when there is none."""
        values = [value for key, value in self.headers if key == name]
        assert len(values) <= 1, f"header {name} comes {len(values)} times"
        return values[0].decode() if values else None


def run_script(verb, directory, *options, within=()):
    """What kafka.sh prints on stdout."""
    command = [*within, str(SCRIPT), verb, "--dir", str(directory), *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=240)
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stderr}"
    return done.stdout


class Kafka:
    """A broker. `directory` is where kafka.sh keeps the one that we started; None: somebody else's."""

    def __init__(self, address, directory=None):
        self.address = address
        self.directory = directory
        self.admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": address, "log_level": 3})

    @classmethod
    def start(cls, directory, *options, within=(), address=None):
        """options: more of kafka.sh's, such as "--second", "127.0.0.1:19092". within: a command that runs commands, such
        as "ip", "netns", "exec", <name>. address: where it is reached, if not at the one that kafka.sh tells."""
        told = run_script("start", directory, *options, within=within)
        return cls(address or told.split()[-1], pathlib.Path(directory))

    def stop(self):
        if self.directory is not None:
            run_script("stop", self.directory)

    @property
    def pid(self):
        assert self.directory is not None, "a broker that the tests did not start has no process of ours"
        return int((self.directory / "pid").read_text())

    def freeze(self):
        """From now on it keeps its connections and answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)
        wait_until(lambda: stands_still(self.pid), 10, "Kafka to stand still", 0.005)

    def thaw(self):
        os.kill(self.pid, signal.SIGCONT)

    def crash(self):
        """Kills it, as a machine does; what it had stored is there when it starts again."""
        assert self.directory is not None, "a broker that the tests did not start is not theirs to kill"
        run_script("crash", self.directory)

    def start_again(self):
        run_script("again", self.directory)

    def revive(self):
        """Whatever a test has done to it, it runs again."""
        try:
            self.thaw()
        except ProcessLookupError:
            self.start_again()

    def topics(self, prefix=""):
        """Name -> number of partitions, of the topics whose names begin so."""
        found = self.admin.list_topics(timeout=20).topics
        return {name: len(topic.partitions) for name, topic in found.items() if name.startswith(prefix)}

    def create(self, name, partitions=1, **config):
        """Keyword arguments are the topic's settings, with _ for the dots: cleanup_policy="compact"."""
        settings = {key.replace("_", "."): str(value) for key, value in config.items()}
        topic = confluent_kafka.admin.NewTopic(name, partitions, 1, config=settings)
        for future in self.admin.create_topics([topic], operation_timeout=20).values():
            future.result(timeout=30)

    def settings(self, topic):
        """The topic's settings as the broker has them, name -> text."""
        resource = confluent_kafka.admin.ConfigResource("topic", topic)
        (future,) = self.admin.describe_configs([resource]).values()
        return {name: entry.value for name, entry in future.result(timeout=20).items()}

    def delete(self, prefix):
        """Removes the topics whose names begin so."""
        names = list(self.topics(prefix))
        if names:
            for future in self.admin.delete_topics(names).values():
                future.exception(timeout=30)

    def read(self, topic, seconds=30):
        """Every committed record that the topic holds now, partition by partition, in the order of their offsets."""
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": self.address, "group.id": "none", "enable.auto.commit": False,
            "enable.partition.eof": True, "auto.offset.reset": "earliest", "fetch.wait.max.ms": 20, "log_level": 3,
        })
        try:
            ends = wait_until(lambda: self._ends(consumer, topic, seconds), seconds, f"{topic} to tell its ends")[0]
            return sorted(
                self._read_to(consumer, topic, ends, seconds), key=lambda record: (record.partition, record.offset)
            )
        finally:
            consumer.close()

    @staticmethod
    def _ends(consumer, topic, seconds):
        """[partition -> offset of its end, of those that hold records]; None: a new partition has no leader yet."""
        ends = {}
        for partition in consumer.list_topics(topic, timeout=seconds).topics[topic].partitions:
            where = confluent_kafka.TopicPartition(topic, partition)
            try:
                low, high = consumer.get_watermark_offsets(where, timeout=seconds)
            except confluent_kafka.KafkaException as error:
                if error.args[0].code() != confluent_kafka.KafkaError.NOT_LEADER_FOR_PARTITION:
                    raise
                return None
            if high > low:
                ends[partition] = high
        return [ends]

    @staticmethod
    def _read_to(consumer, topic, ends, seconds):
        beginning = confluent_kafka.OFFSET_BEGINNING
        consumer.assign([confluent_kafka.TopicPartition(topic, partition, beginning) for partition in ends])
        left, records, deadline = dict(ends), [], time.monotonic() + seconds
        while left:
            assert time.monotonic() < deadline, f"could not read {topic} to its end within {seconds} s"
            for message in consumer.consume(1000, timeout=0.2):
                if message.error() is not None:
                    # The last records of transactions are Kafka's own: a partition may end behind what is to be read.
                    assert message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF, message.error()
                    left.pop(message.partition(), None)
                    continue
                if message.offset() < ends[message.partition()]:
                    records.append(Record(
                        topic, message.partition(), message.offset(), message.timestamp()[1], message.key(),
                        message.value(), message.headers() or [],
                    ))
                if message.offset() + 1 >= ends[message.partition()]:
                    left.pop(message.partition(), None)
        return records
