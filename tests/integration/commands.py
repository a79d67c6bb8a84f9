"""Commands as producers submit them, and results as they read them: by Confluent's client, never by our own code."""

import json
import time
import uuid
from collections import defaultdict

import confluent_kafka

FINAL = {"succeeded", "failed", "expired", "cancelled", "unknown"}
STATUSES = FINAL | {"accepted", "dispatched", "late_answer"}


def command_type(name):
    return f"io.trunkline.command.{name}.v1"


def dial(callee="17319132391", agent="6000", **data):
    """data of 7moor's call.dial"""
    return {"agent": agent, "callee": callee, **data}


def dial_yeta(callee="19900000001", robot="719", line="69101338", **data):
    return {"callee": callee, "robot": robot, "line": line, **data}


class Commands:
    """Submits to one commands topic; keys are accounts, and the partitioner is Java's."""

    def __init__(self, brokers, topic):
        self.topic = topic
        self.producer = confluent_kafka.Producer({
            "bootstrap.servers": brokers, "partitioner": "murmur2_random", "enable.idempotence": True, "linger.ms": 1,
            "log_level": 3, "queue.buffering.max.messages": 1000000,
        })
        self.faults = []

    def _on_delivery(self, error, _message):
        if error is not None:
            self.faults.append(error)

    def produce(self, value, key, headers=(), partition=None):
        """A record as it stands, without waiting for Kafka; flush() does."""
        where = {} if partition is None else {"partition": partition}
        while True:
            try:
                self.producer.produce(
                    self.topic, value=value, key=key, headers=list(headers), on_delivery=self._on_delivery, **where
                )
                return
            except BufferError:
                self.producer.poll(0.1)

    def flush(self, seconds=60):
        left = self.producer.flush(seconds)
        assert left == 0 and not self.faults, f"{left} commands undelivered, {self.faults[:3]}"

    def add(self, account, name, data=None, id=None, partition=None, **members):
        """Hands in a bare command without waiting; returns its id. `members`: priority, expirytime, …"""
        id = id or uuid.uuid4().hex
        command = {"id": id, "type": command_type(name), "account": account, **members}
        if data is not None:
            command["data"] = data
        self.produce(json.dumps(command, ensure_ascii=False).encode(), account.encode(), partition=partition)
        return id

    def submit(self, account, name, data=None, id=None, partition=None, **members):
        """The same, and Kafka has it."""
        id = self.add(account, name, data, id, partition, **members)
        self.flush()
        return id

    def submit_many(self, account, name, datas, **members):
        """One command for each of `datas`; their ids."""
        ids = [self.add(account, name, data, **members) for data in datas]
        self.flush()
        return ids

    def submit_event(self, account, name, data=None, id=None, binary=False, **attributes):
        """The command as a CloudEvent, structured or binary."""
        id = id or uuid.uuid4().hex
        event = {
            "specversion": "1.0", "id": id, "type": command_type(name), "source": "/tests", "account": account,
            **attributes,
        }
        body = json.dumps(data or {}, ensure_ascii=False)
        if binary:
            headers = [(f"ce_{attribute}", value.encode()) for attribute, value in event.items()]
            self.produce(body.encode(), account.encode(), [("content-type", b"application/json"), *headers])
        else:
            event |= {"datacontenttype": "application/json", "data": data or {}}
            headers = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
            self.produce(json.dumps(event, ensure_ascii=False).encode(), account.encode(), headers)
        self.flush()
        return id


class Results:
    """Follows one results topic as a careful consumer does: only what is committed.

    Everything that came is kept by command id: results[id] is the list of its events, in their order.
    """

    def __init__(self, brokers, topic, partitions):
        self.brokers, self.topic, self.partitions = brokers, topic, partitions
        self.by_id = defaultdict(list)
        self.consumer = self._consumer()

    def _consumer(self):
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": self.brokers, "group.id": "none", "enable.auto.commit": False,
            "auto.offset.reset": "earliest", "isolation.level": "read_committed", "enable.partition.eof": True,
            "fetch.wait.max.ms": 20, "log_level": 3,
        })
        beginning = confluent_kafka.OFFSET_BEGINNING
        consumer.assign([
            confluent_kafka.TopicPartition(self.topic, partition, beginning) for partition in range(self.partitions)
        ])
        return consumer

    def close(self):
        self.consumer.close()

    @staticmethod
    def _event(message):
        event = json.loads(message.value())
        data = event["data"]
        assert data["status"] in STATUSES and event["type"] == command_type(data["status"]), event
        if data["status"] != "late_answer":
            assert event["id"] == f"{data['account']}/{data['command']}/{data['status']}", event
        assert message.key().decode() == f"{data['account']}/{data['command']}", message.key()
        return event

    def poll(self, seconds=0.1):
        """Takes in what has come; how many."""
        count = 0
        for message in self.consumer.consume(5000, timeout=seconds):
            if message.error() is None:
                event = self._event(message)
                self.by_id[event["data"]["command"]].append(event)
                count += 1
            else:
                assert message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF, message.error()
        return count

    def __getitem__(self, id):
        return self.by_id[id]

    def wait_until(self, condition, seconds, what):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}; {self._summary()}"
            self.poll()

    def _summary(self):
        counts = defaultdict(int)
        for events in self.by_id.values():
            counts[events[-1]["data"]["status"] if events else "nothing"] += 1
        return f"last statuses: {dict(counts)}"

    # Of one command.

    def statuses(self, id):
        return [event["data"]["status"] for event in self.by_id[id]]

    def finals(self, id):
        return [event["data"] for event in self.by_id[id] if event["data"]["status"] in FINAL]

    def wait_for(self, id, status, seconds=30):
        """data of the first result of that status"""
        self.wait_until(lambda: status in self.statuses(id), seconds, f"{id} to be {status}")
        return next(event["data"] for event in self.by_id[id] if event["data"]["status"] == status)

    def final(self, id, seconds=30):
        """data of its final result, of which there is one"""
        self.wait_until(lambda: self.finals(id), seconds, f"the final result of {id}")
        (data,) = self.finals(id)
        return data

    # Of many.

    def wait_for_finals(self, ids, seconds=60):
        """id -> data"""
        ids = list(ids)
        self.wait_until(lambda: all(self.finals(id) for id in ids), seconds, f"{len(ids)} final results")
        return {id: self.finals(id)[0] for id in ids}

    def assert_one_final_each(self, ids, seconds=60):
        """Exactly one final result for each, in all that the topic holds now; id -> data. A command that was submitted
        twice may have its result twice: name its id in neither list, and look at finals()."""
        ids = list(ids)
        self.wait_for_finals(ids, seconds)
        found = self.all(seconds)
        for id in ids:
            finals = [event["data"]["status"] for event in found[id] if event["data"]["status"] in FINAL]
            assert len(finals) == 1, f"{id} has {len(finals)} final results: {finals}"
        return {id: next(e["data"] for e in found[id] if e["data"]["status"] in FINAL) for id in ids}

    def all(self, seconds=60):
        """Everything committed that the topic holds now, read afresh: id -> events."""
        consumer, found = self._consumer(), defaultdict(list)
        left, deadline = set(range(self.partitions)), time.monotonic() + seconds
        try:
            while left:
                assert time.monotonic() < deadline, f"could not read {self.topic} to its end within {seconds} s"
                for message in consumer.consume(5000, timeout=0.2):
                    if message.error() is None:
                        event = self._event(message)
                        found[event["data"]["command"]].append(event)
                    elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                        left.discard(message.partition())
                    else:
                        raise confluent_kafka.KafkaException(message.error())
        finally:
            consumer.close()
        return found
