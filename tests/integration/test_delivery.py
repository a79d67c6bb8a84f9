"""A 2xx means that the event is on its topic, whole and in the order of its call: against a real Kafka, under load."""

import json
import os

import callbacks
from load import play

COUNT = 100000 if os.environ.get("TRUNKLINE_TEST_LONG") else 20000


def published(kafka, prefix):
    """Event id -> its records, over all topics of events."""
    found = {}
    for topic in (callbacks.CALLS, callbacks.AGENTS, callbacks.TASKS, "trunkline.unmapped"):
        for record in kafka.read(prefix + topic, seconds=120):
            found.setdefault(json.loads(record.value)["id"], []).append(record)
    return found


def test_every_answered_callback_is_on_its_topic_and_calls_keep_their_order(gateway, kafka, prefix):
    stories = callbacks.mixed(COUNT, "c", seed=20261121)
    answers = play(gateway.address, stories)

    assert len(answers) == sum(map(len, stories)) >= COUNT
    assert {answer.status for answer in answers} == {200}
    found = published(kafka, prefix)
    expected = {event: topic for answer in answers for event, topic in answer.callback.events.items()}
    assert expected.keys() == found.keys()
    for event, topic in expected.items():
        (record,) = found[event]
        assert record.topic == prefix + topic
        assert json.loads(record.value)["data"]["vendor"]
    for story in stories:
        places = [found[event][0] for callback in story for event in callback.events]
        assert len({(place.topic, place.partition, place.key) for place in places}) == 1
        assert [place.offset for place in places] == sorted(place.offset for place in places)
    assert gateway.metric("trunkline_callbacks_total", outcome="accepted") == len(answers)
    assert kafka.read(prefix + "trunkline.deadletter") == []


def test_answers_are_what_each_vendor_expects(gateway):
    expected = {
        "/7moor": b'{"success":true}',
        "/yeta/receiveCallRecord": b"success",
        "/yeta/receiveVoice": b"success",
        "/airudder/taskFinished": b"{}",
        "/jiuyun": b"<?xml version='1.0' encoding='utf-8'?><Response><statusCode>0000</statusCode>"
                   b"<statusMsg>Success</statusMsg></Response>",
    }
    seen = {answer.callback.path: answer.body for answer in play(gateway.address, callbacks.mixed(60, "a", 3), 2)}
    assert seen == expected


def test_a_body_of_exactly_the_limit_reaches_kafka_whole(gateway, kafka, prefix):
    head, tail = b'{"call_uuid":"limit-1","direction":2,"duration_call":1,"note":"', b'"}'
    body = head + b"x" * (262144 - len(head) - len(tail)) + tail

    assert gateway.post("/callbacks/yeta/receiveCallRecord", body).status == 200
    (record,) = kafka.read(prefix + callbacks.CALLS)
    assert json.dumps(json.loads(record.value)["data"]["vendor"], separators=(",", ":")).encode() == body

    refused = gateway.post("/callbacks/yeta/receiveCallRecord", body + b" ")
    assert refused.status == 413
