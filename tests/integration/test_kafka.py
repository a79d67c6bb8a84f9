"""The real Kafka of the tests is what the other tests take it for."""

import confluent_kafka


def test_reads_back_what_was_written(kafka, prefix):
    topic = prefix + "round.trip"
    kafka.create(topic, partitions=3, cleanup_policy="compact")
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.address, "partitioner": "murmur2_random"})
    for number in range(300):
        producer.produce(topic, f"value {number}", f"key {number % 7}", headers=[("n", str(number)), ("n2", b"\0\xff")])
    assert producer.flush(20) == 0

    records = kafka.read(topic)
    assert sorted(int(record.value.split()[1]) for record in records) == list(range(300))
    assert all(record.header("n") == record.value.decode().split()[1] for record in records)
    assert all(record.headers[1] == ("n2", b"\0\xff") for record in records)
    by_key = {}
    for record in records:
        by_key.setdefault(record.key, set()).add(record.partition)
    assert len(by_key) == 7 and all(len(partitions) == 1 for partitions in by_key.values())
    assert kafka.topics(prefix) == {topic: 3}
    assert kafka.settings(topic)["cleanup.policy"] == "compact"


def test_a_frozen_broker_answers_nothing_and_recovers(own_kafka, prefix):
    topic = prefix + "frozen"
    own_kafka.create(topic)
    producer = confluent_kafka.Producer({"bootstrap.servers": own_kafka.address})
    producer.produce(topic, b"before")
    assert producer.flush(20) == 0
    own_kafka.freeze()
    try:
        producer.produce(topic, b"during")
        assert producer.flush(0.5) == 1
    finally:
        own_kafka.thaw()
    assert producer.flush(20) == 0
    assert [record.value for record in own_kafka.read(topic)] == [b"before", b"during"]
