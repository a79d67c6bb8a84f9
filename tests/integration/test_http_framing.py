"""HTTP on the wire: where a request ends is never in doubt, and whoever breaks that is told so once and cut off."""

import random
import time

import pytest

import callbacks
from waiting import wait_until

HOST = b"Host: gateway\r\n"
POST = b"POST /callbacks/yeta/receiveCallRecord HTTP/1.1\r\n" + HOST
EVIL = b"POST /callbacks/yeta/receiveCallRecord HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\n{}"
LIMIT = 262144


def post(body, fields=b""):
    return POST + fields + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(body, size, fields=b""):
    """`body` in chunks of `size` bytes, with an extension and a trailer, which mean nothing."""
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    text = b"".join(b"%x;part=1\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return POST + fields + b"Transfer-Encoding: chunked\r\n\r\n" + text + b"0\r\nTrailer: x\r\n\r\n"


def answered(dev):
    """Requests that were answered, whatever the answer; without what dev's simulated 7moor pushes."""
    page = dev.metrics()  # one page: two would tell of two moments
    return sum(
        number for series, number in page.items()
        if series.startswith("trunkline_callbacks_total{") and 'source="7moor"' not in series
    )


BROKEN = {
    "a trailer, and then no end": (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n" + EVIL, 400),
    "a coding before chunked": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + EVIL, 501),
    "an unknown coding": (POST + b"Transfer-Encoding: xchunked\r\n\r\n" + EVIL, 501),
    "a coding behind chunked": (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n" + EVIL, 501),
    "two codings": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + EVIL, 400),
    "a length and a coding": (POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}" + EVIL, 400),
    "a coding and a length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}" + EVIL, 400),
    "two lengths": (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}" + EVIL, 400),
    "one length twice": (POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}" + EVIL, 400),
    "a list of lengths": (POST + b"Content-Length: 2, 2\r\n\r\n{}" + EVIL, 400),
    "a space before the colon": (POST + b"Content-Length : 2\r\n\r\n{}" + EVIL, 400),
    "no length": (POST + b"Content-Length: \r\n\r\n{}" + EVIL, 400),
    "a sign": (POST + b"Content-Length: +2\r\n\r\n{}" + EVIL, 400),
    "letters in a length": (POST + b"Content-Length: 2x\r\n\r\n{}" + EVIL, 400),
    "a length beyond 64 bits": (POST + b"Content-Length: 18446744073709551618\r\n\r\n{}" + EVIL, 413),
    "a length beyond the limit": (POST + b"Content-Length: %d\r\n\r\n{}" % (LIMIT + 1), 413),
    "a chunk size that overflows": (POST + b"Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{}" + EVIL, 413),
    "a chunk size with a space": (POST + b"Transfer-Encoding: chunked\r\n\r\n2 \r\n{}\r\n0\r\n\r\n" + EVIL, 400),
    "a chunk size with a prefix": (POST + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n" + EVIL, 400),
    "a chunk longer than its size": (POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n" + EVIL, 400),
    "a line folded by a space": (POST + b"A: b\r\n c\r\n\r\n" + EVIL, 400),
    "a line folded by a tab": (POST + b"A: b\r\n\tc\r\n\r\n" + EVIL, 400),
    "a bare line feed": (POST + b"A: b\nContent-Length: 2\r\n\r\n{}" + EVIL, 400),
    "a bare carriage return": (POST + b"A: b\rContent-Length: 2\r\n\r\n{}" + EVIL, 400),
    "a line without a colon": (POST + b"A b\r\n\r\n" + EVIL, 400),
    "an odd name": (POST + b"A(b): c\r\n\r\n" + EVIL, 400),
    "an empty name": (POST + b": c\r\n\r\n" + EVIL, 400),
    "a NUL in a value": (POST + b"A: b\0c\r\n\r\n" + EVIL, 400),
    "a NUL in the path": (b"POST /callbacks\0/yeta HTTP/1.1\r\n" + HOST + b"\r\n" + EVIL, 400),
    "no Host": (POST.replace(HOST, b"") + b"\r\n" + EVIL, 400),
    "two Hosts": (POST + HOST + b"\r\n" + EVIL, 400),
    "an odd Host": (POST.replace(HOST, b"Host: a b\r\n") + b"\r\n" + EVIL, 400),
    "a list of Hosts": (POST.replace(HOST, b"Host: a,b\r\n") + b"\r\n" + EVIL, 400),
    "an asterisk without OPTIONS": (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n" + EVIL, 400),
    "HTTP/2.0": (POST.replace(b"HTTP/1.1", b"HTTP/2.0") + b"\r\n" + EVIL, 505),
    "HTTP/7.3": (POST.replace(b"HTTP/1.1", b"HTTP/7.3") + b"\r\n" + EVIL, 505),
    "HTTP/1.2": (POST.replace(b"HTTP/1.1", b"HTTP/1.2") + b"\r\n" + EVIL, 505),
    "no version": (b"GET /callbacks/yeta\r\n" + HOST + b"\r\n" + EVIL, 400),
    "chunks in HTTP/1.0": (chunked(b"{}", 2).replace(b"HTTP/1.1", b"HTTP/1.0") + EVIL, 400),
    "white space first": (b" " + post(b"{}") + EVIL, 400),
    "two spaces in the request line": (POST.replace(b"POST ", b"POST  ") + b"\r\n" + EVIL, 400),
    "an unknown expectation": (POST + b"Expect: wonders\r\nContent-Length: 2\r\n\r\n{}" + EVIL, 417),
    "a TLS greeting": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "a path without end": (b"POST /" + b"a" * 70000, 414),
    "a field without end": (POST + b"A: " + b"a" * 70000, 431),
    "fields without end": (POST + b"A: b\r\n" * 2000, 431),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_framing_gets_one_answer_and_an_end(dev, case):
    request, status = BROKEN[case]
    before = answered(dev)
    with dev.client() as client:
        client.send(request)
        response = client.response()
        assert response.status == status
        assert response.header("Connection") == "close"
        assert response.header("Content-Type") == "application/problem+json"
        assert b"success" not in response.body.lower()
        assert client.at_end()
    assert answered(dev) == before + 1  # what stood behind it was never a request


def test_the_first_impossible_byte_is_enough(dev):
    for start in (b"POST /callbacks/yeta HTTP/2", POST + b"Content-Length: 2x", POST + HOST[:5], POST + b"A: b\r\n "):
        with dev.client() as client:
            client.send(start)
            assert client.response().status in (400, 505)
            assert client.at_end()


@pytest.mark.parametrize("form", ["length", "chunks"])
def test_a_post_cut_at_every_byte_is_one_request(dev, form):
    body = b'{"call_uuid":"cut","duration_call":28,"text":"\r\n\r\nPOST / HTTP/1.1\r\n"}'.replace(b"\r\n", b"\\r\\n")
    request = post(body) if form == "length" else chunked(body, 17)
    before = dev.metric("trunkline_callbacks_total", source="yeta", outcome="accepted")
    with dev.client() as client:
        for cut in range(1, len(request)):
            client.send_pieces([request[:cut], request[cut:]], pause=0.001)
            response = client.response()
            assert (response.status, response.body) == (200, b"success"), f"cut at {cut}"
        assert client.quiet(0.1)
    accepted = dev.metric("trunkline_callbacks_total", source="yeta", outcome="accepted")
    assert accepted - before == len(request) - 1


def test_pipelined_requests_cut_at_random_are_answered_in_order(dev):
    chance = random.Random(1)
    kinds = [
        (post(b'{"call_uuid":"p","duration_call":1}'), 200),
        (chunked(b'{"call_uuid":"p","duration_call":1}', 5), 200),
        (POST.replace(b"yeta", b"nobody") + b"Content-Length: 5\r\n\r\nhello", 404),
        (POST.replace(b"POST", b"PUT") + b"Content-Length: 5\r\n\r\nhello", 405),
        (post(b"no JSON"), 422),
        (post(b"{}", b"Content-Encoding: gzip\r\n"), 415),
        (b"\r\n" + post(b'{"call_uuid":"p","duration_call":1}'), 200),
    ]
    for _ in range(10):
        order = [chance.choice(kinds) for _ in range(50)]
        stream = b"".join(request for request, _ in order)
        with dev.client() as client:
            while stream:
                length = chance.randint(1, 600)
                client.send(stream[:length])
                stream = stream[length:]
                if chance.random() < 0.2:
                    time.sleep(0.001)
            assert [client.response().status for _ in order] == [status for _, status in order]
            assert client.quiet(0.05)


def test_a_body_of_exactly_the_limit_is_taken(dev):
    body = b'{"call_uuid":"limit","duration_call":1,"pad":"%s"}' % (b"x" * LIMIT)
    body = body[: LIMIT - 2] + b'"}'
    assert len(body) == LIMIT
    with dev.client() as client:
        for request in (post(body), chunked(body, 50000)):
            client.send(request)
            assert client.response().status == 200
        client.send(chunked(body + b" ", 50000))
        assert client.response().status == 413


@pytest.mark.parametrize("mebibytes, seconds", [(32, 0), (3, 2)])
def test_who_reads_only_after_a_large_upload_finds_the_answer(dev, mebibytes, seconds):
    pieces = 4 * mebibytes
    with dev.client() as client:
        client.send(POST + b"Content-Length: %d\r\n\r\n" % (mebibytes << 20))
        for _ in range(pieces):
            client.send(b"x" * (1 << 18))
            time.sleep(seconds / pieces)
        assert client.response().status == 413
        assert client.at_end()


def test_expect_continue(dev):
    body = callbacks.yeta_record("expect").body
    head = POST + b"Expect: 100-Continue\r\nContent-Length: %d\r\n\r\n" % len(body)
    with dev.client() as client:
        client.send(head)
        assert client.response().status == 100
        client.send(body)
        assert client.response().status == 200
        client.send(head + body)  # it does not wait: nothing to tell it
        assert client.response().status == 200
        client.send(head.replace(b"yeta", b"nobody"))
        assert client.response().status == 404
        assert client.at_end()


def test_versions_and_the_connection_field(dev):
    body = callbacks.yeta_record("versions").body
    for version, field, kept in [
        (b"1.1", b"", True), (b"1.1", b"Connection: Close\r\n", False), (b"1.1", b"Connection: keep-alive, close\r\n", False),
        (b"1.0", b"", False), (b"1.0", b"Connection: Keep-Alive\r\n", True),
    ]:
        with dev.client() as client:
            for _ in range(2 if kept else 1):
                client.send(post(body, field).replace(b"HTTP/1.1", b"HTTP/" + version))
                response = client.response()
                assert response.status == 200
                assert (response.header("Connection") == "close") == (not kept)
            assert kept or client.at_end()


def test_half_closed_clients_get_their_answers(dev):
    body = callbacks.yeta_record("half").body
    with dev.client() as client:
        client.send(post(body) * 3)
        client.half_close()
        assert [client.response().status for _ in range(3)] == [200] * 3
        assert client.at_end()
    with dev.client() as client:
        client.send(post(body)[:-1])
        client.half_close()
        assert client.response().status == 400
        assert client.at_end()


def test_clients_that_vanish_harm_nobody(dev):
    request = post(callbacks.yeta_record("vanish").body)
    for number in range(200):
        client = dev.client()
        client.send(request[: number * 7 % len(request)] if number % 2 else request)
        if number % 4 < 2:
            client.reset()
        else:
            client.close()
    with dev.client() as client:
        client.send(request)
        assert client.response().status == 200
    wait_until(lambda: dev.metric("trunkline_connections") == 0, 5, "all connections to be gone")
    assert dev.metric("trunkline_buffered_bytes") == 0


def test_head_gets_the_fields_alone(dev):
    with dev.client() as client:
        client.send(b"HEAD /nowhere HTTP/1.1\r\n" + HOST + b"\r\n" + post(b"no JSON"))
        assert client.response(to_head=True).status == 404
        assert client.response().status == 422
