"""`trunkline topics` against the real Kafka."""

import yaml

from gateway import TOPICS, configuration, run
from waiting import wait_until

USED = [name for role, name in TOPICS.items() if role != "raw"]  # raw is off by default


def topics(what, directory, brokers, prefix, **kafka):
    config = configuration(brokers, directory / "data", prefix)
    config["kafka"].update(kafka)
    path = directory / "trunkline.yaml"
    path.write_text(yaml.safe_dump(config, allow_unicode=True))
    return run("topics", what, "--config", path)


def rows(output):
    """First word of each line -> the rest of it."""
    return dict((line.split(None, 1) + [""])[:2] for line in output.splitlines())


def test_create_makes_what_is_missing_and_check_agrees(kafka, prefix, tmp_path):
    before = topics("check", tmp_path, kafka.address, prefix)
    assert before.returncode == 1
    assert all(rows(before.stdout)[prefix + name].startswith("missing") for name in USED)
    assert before.stderr.count("\n") == 1

    made = topics("create", tmp_path, kafka.address, prefix)
    assert made.returncode == 0, made.stderr
    assert f"{len(USED)} of {len(USED)} topics were missing" in made.stdout
    assert kafka.topics(prefix) == {prefix + name: 3 for name in USED}
    assert kafka.settings(prefix + "trunkline.journal")["message.timestamp.type"] == "LogAppendTime"
    assert kafka.settings(prefix + "trunkline.journal")["cleanup.policy"] == "delete"
    assert kafka.settings(prefix + "trunkline.dialog.context")["cleanup.policy"] == "compact"

    again = topics("create", tmp_path, kafka.address, prefix)
    assert again.returncode == 0 and f"0 of {len(USED)} topics" in again.stdout
    after = topics("check", tmp_path, kafka.address, prefix)
    assert after.returncode == 0 and after.stderr == ""
    assert set(rows(after.stdout).values()) == {"good"}


def test_the_journal_gets_as_many_partitions_as_the_commands_have(kafka, prefix, tmp_path):
    """A producer may have come first, and made their topic."""
    kafka.create(prefix + "trunkline.commands", 5)
    wait_until(lambda: kafka.topics(prefix), 30, "the broker to tell of the topic")
    topics("create", tmp_path, kafka.address, prefix)
    made = kafka.topics(prefix)
    assert (made[prefix + "trunkline.journal"], made[prefix + "trunkline.results"]) == (5, 3)


def test_check_tells_every_difference_and_what_to_do(kafka, prefix, tmp_path):
    kafka.create(prefix + "trunkline.call.events", 5, max_message_bytes=100000)
    kafka.create(prefix + "trunkline.dialog.context", 3)
    kafka.create(prefix + "trunkline.journal", 3, cleanup_policy="delete", retention_ms=60000)

    done = topics("create", tmp_path, kafka.address, prefix)
    assert done.returncode == 1
    found = rows(done.stdout)
    events = found[prefix + "trunkline.call.events"]
    assert events.startswith("different")
    assert "has 5 partitions, the configuration says 3" in events
    assert "max.message.bytes is 100000, needs 589824 or more: raise it" in events
    assert "cleanup.policy is delete, should be compact: alter it" in found[prefix + "trunkline.dialog.context"]
    journal = found[prefix + "trunkline.journal"]
    assert "retention.ms is 60000, should be 259200000" in journal
    assert "message.timestamp.type is CreateTime, should be LogAppendTime" in journal
    assert found[prefix + "trunkline.task.events"] == "good"
    # What was there is as it was.
    assert kafka.topics(prefix)[prefix + "trunkline.call.events"] == 5
    assert kafka.settings(prefix + "trunkline.dialog.context")["cleanup.policy"] == "delete"


def test_list_needs_no_kafka(prefix, tmp_path):
    done = topics("list", tmp_path, "127.0.0.1:1", prefix)
    assert done.returncode == 0 and done.stderr == ""
    found = rows(done.stdout)
    assert set(found) == {"TOPIC"} | {prefix + name for name in USED}
    assert found[prefix + "trunkline.dialog.context"].split() == ["3", "-", "compact", "-", "-", "589824"]


def test_says_what_it_cannot_do(kafka, prefix, tmp_path):
    nobody = topics("check", tmp_path, "127.0.0.1:1", prefix)
    assert nobody.returncode == 1 and nobody.stdout == ""
    assert nobody.stderr == (
        "trunkline topics: cannot reach Kafka at 127.0.0.1:1 within 10 s; check kafka.bootstrap.servers, and "
        "kafka.security.protocol if it wants TLS or SASL\n"
    )
    refused = topics("check", tmp_path, kafka.address, prefix, acks="1")
    assert refused.returncode == 2 and '"acks" is not yours to set' in refused.stderr
    usage = run("topics", "destroy")
    assert usage.returncode == 2 and "list, create or check" in usage.stderr
