"""Who may post: every failed check gets the same answer, and leaving a check out is never a way in."""

import hashlib
import re

import pytest

import callbacks

SECRET = "a-secret-of-the-path-1"
OTHER = "a-secret-of-the-path-2"
SOURCES = [
    {"name": "airudder", "adapter": "airudder", "settings": {"key": "k1"}},
    {"name": "jiuyun", "adapter": "jiuyun", "secrets": [SECRET, OTHER], "expect": {"appId": ["app-1", "app-2"]}},
    {"name": "7moor", "adapter": "7moor", "secrets": [SECRET], "secret_in": ["header"], "expect": {"accountId": "77"}},
    {"name": "yeta", "adapter": "yeta", "secrets": [SECRET], "secret_in": ["query"]},
    {"name": "far", "adapter": "yeta", "allow": ["192.0.2.0/24"]},
    {"name": "near", "adapter": "yeta", "allow": ["127.0.0.0/8", "::1"]},
]
RECORD = b'{"call_uuid":"u1","duration_call":3,"direction":2}'


def task(key):
    return callbacks.airudder_task("69a78d532fcd036b6db57000000000", key).body


def hangup(app):
    return b"<req><action>Hangup</action><type>22</type><appId>%s</appId><callId>c1</callId></req>" % app


@pytest.fixture(scope="module")
def guarded(module_gateway_with):
    return module_gateway_with({"sources": SOURCES})


REFUSED = {
    "wrong signature": ("/airudder/taskFinished", task("k2"), []),
    "signature of an empty key": ("/airudder/taskFinished", task(""), []),
    "signature left out": ("/airudder/taskFinished", b'{"TaskID":"t","TaskName":"n"}', []),
    "unsigned kind, nobody vouches": ("/airudder/workflow", b'{"workflow_id":"w","status":"done"}', []),
    "no secret in the path": ("/jiuyun", hangup(b"app-1"), []),
    "wrong secret in the path": ("/jiuyun/a-secret-of-the-path-3", hangup(b"app-1"), []),
    "prefix of the secret": (f"/jiuyun/{SECRET[:-1]}", hangup(b"app-1"), []),
    "unexpected appId": (f"/jiuyun/{SECRET}", hangup(b"app-3"), []),
    "no appId": (f"/jiuyun/{SECRET}", b"<req><action>Hangup</action><callId>c1</callId></req>", []),
    "no secret in the header": ("/7moor", b'{"accountId":"77"}', []),
    "wrong secret in the header": ("/7moor", b'{"accountId":"77"}', [("X-Trunkline-Secret", OTHER)]),
    "unexpected accountId": ("/7moor", b'{"accountId":"78"}', [("X-Trunkline-Secret", SECRET)]),
    "no secret in the query": ("/yeta/receiveCallRecord", RECORD, []),
    "wrong secret in the query": (f"/yeta/receiveCallRecord?secret={OTHER}", RECORD, []),
    "wrong address": ("/far/receiveCallRecord", RECORD, []),
    "wrong address, forged": ("/far/receiveCallRecord", RECORD, [("X-Forwarded-For", "192.0.2.7")]),
}

ACCEPTED = {
    "signature": ("/airudder/taskFinished", task("k1"), []),
    "secret in the path": (f"/jiuyun/{SECRET}", hangup(b"app-1"), []),
    "the other secret, the other appId": (f"/jiuyun/{OTHER}", hangup(b"app-2"), []),
    "secret in the header": ("/7moor", b'{"accountId":"77","note":1}', [("X-Trunkline-Secret", SECRET)]),
    "accountId as a number": ("/7moor", b'{"accountId":77}', [("x-trunkline-secret", SECRET)]),
    "secret in the query": (f"/yeta/receiveCallRecord?a=b&secret={SECRET}", RECORD, []),
    "address": ("/near/receiveCallRecord", RECORD, []),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_lets_in(guarded, case):
    path, body, headers = ACCEPTED[case]
    assert guarded.post("/callbacks" + path, body, headers).status == 200


def uniform(response):
    """The answer's bytes without what may differ: Date and request id."""
    fields = [(name, value) for name, value in response.headers if name not in ("Date", "X-Request-Id")]
    return response.version, response.status, response.reason, fields, response.body


def test_every_failed_check_gets_the_same_401(guarded):
    answers = {case: guarded.post("/callbacks" + path, body, headers) for case, (path, body, headers) in REFUSED.items()}
    assert {case: answer.status for case, answer in answers.items()} == dict.fromkeys(REFUSED, 401)
    reference = uniform(next(iter(answers.values())))
    for case, answer in answers.items():
        assert uniform(answer) == reference, case
        assert answer.header("WWW-Authenticate")
        assert answer.header("Content-Type") == "application/problem+json"
    assert len({answer.header("X-Request-Id") for answer in answers.values()}) == len(answers)


def test_nothing_refused_reaches_kafka_or_leaks_into_the_log(guarded, kafka):
    for path, body, headers in REFUSED.values():
        guarded.post("/callbacks" + path, body, headers)
    for topic in kafka.topics(guarded.prefix):
        for record in kafka.read(topic):
            everything = record.value + b"".join(name.encode() + value for name, value in record.headers)
            assert SECRET.encode() not in everything and OTHER.encode() not in everything
    log = guarded.log_text()
    assert SECRET not in log and OTHER not in log and SECRET[:-1] not in log and "k1" not in re.findall(r"\w+", log)


def test_a_dead_letter_bears_no_secret(guarded, kafka):
    body = b'{"accountId":"77","pushType":"cdr"}'
    headers = [("X-Trunkline-Secret", SECRET), ("User-Agent", "vendor/1")]
    assert guarded.post("/callbacks/7moor", body, headers).status == 200
    letters = [r for r in kafka.read(guarded.prefix + "trunkline.deadletter") if r.value == body]
    assert letters[0].header("reason") == "missing_key" and letters[0].header("source") == "7moor"
    assert letters[0].key == hashlib.sha256(body).hexdigest()[:32].encode()
    assert ("http.user-agent", b"vendor/1") in letters[0].headers
    assert all(SECRET.encode() not in value for _, value in letters[0].headers)


def test_unreadable_bodies_are_kept_from_known_senders_and_refused_from_others(guarded, kafka):
    known = [
        (f"/jiuyun/{SECRET}", b"<req><a></req>"), (f"/yeta/receiveDialog?secret={SECRET}", b'{"a":1,"a":2}'),
        ("/near", b'{"a":"\xff"}'), ("/near", b"42"), ("/near", b""),
        (f"/jiuyun/{SECRET}", b'<!DOCTYPE r [<!ENTITY a "aaaa">]><req>&a;</req>'),
    ]
    for path, body in known:
        assert guarded.post("/callbacks" + path, body).status == 200, body
    letters = {record.value for record in kafka.read(guarded.prefix + "trunkline.deadletter")}
    assert {body for _, body in known} <= letters

    refused = guarded.post("/callbacks/airudder/taskFinished", b'{"TaskID":"t","Sign":')
    assert refused.status == 422
    assert b'{"TaskID":"t","Sign":' not in {r.value for r in kafka.read(guarded.prefix + "trunkline.deadletter")}


def test_no_refusal_contains_the_word_that_yeta_looks_for(guarded):
    answers = [guarded.post("/callbacks" + path, body, headers) for path, body, headers in REFUSED.values()]
    answers.append(guarded.post("/callbacks/nowhere"))
    answers.append(guarded.post("/callbacks/near/nowhere"))
    answers.append(guarded.post("/callbacks/airudder", b"nonsense"))
    answers.append(guarded.post("/callbacks/near", b"{}", [("Content-Encoding", "gzip")]))
    for bad in (b"GET /callbacks/near HTTP/1.1\r\nHost: g\r\n\r\n", b"nonsense\r\n\r\n"):
        with guarded.client() as client:
            client.send(bad)
            answers.append(client.response())
    assert {a.status for a in answers} == {400, 401, 404, 405, 415, 422}
    for answer in answers:
        assert b"success" not in (answer.reason.encode() + answer.body + repr(answer.headers).encode()).lower()


def test_a_trusted_proxy_names_the_sender(start_gateway):
    sources = [{"name": "far", "adapter": "yeta", "allow": ["192.0.2.0/24"]}]
    gateway = start_gateway({"gateway": {"trusted_proxies": ["127.0.0.1"]}, "sources": sources})

    def status(forwarded):
        return gateway.post("/callbacks/far", RECORD, [("X-Forwarded-For", forwarded)]).status

    assert status("192.0.2.7") == 200
    assert status("198.51.100.1, 192.0.2.7") == 200
    assert status("192.0.2.7, 198.51.100.1") == 401
    assert status("192.0.2.7, 127.0.0.1") == 200
    assert status("nonsense") == 401
