"""The simulated vendors: `trunkline simulate` as a process, what it saw, and requests made independently of our code."""

import base64
import hashlib
import hmac
import http.client
import json
import pathlib
import random
import re
import subprocess
import time
from dataclasses import dataclass, field

from gateway import BINARY, SANITIZER
from waiting import wait_until

KEY, SECRET = "2000103", "simulated-secret"
ROOT_7MOOR = "/openapi/v1/call/"


@dataclass
class Call:
    """A request as the simulator wrote it down. Times are nanoseconds of this machine's monotonic clock."""

    seq: int
    door_ns: int  # when it came to the vendor's door: here limits are counted
    read_ns: int  # when its last byte was read; earlier than at the door for a straggler
    wall_ns: int
    method: str
    target: str
    path: str
    headers: dict  # names in lower case
    body: object  # parsed, or the text
    status: int
    answer: object  # the proper answer, whatever came of it on its way
    code: str
    acted: bool  # the vendor did what was asked
    exceeded: bool
    behaviour: str
    concurrent: int
    in_window: int
    operation: str = field(default="")  # the path's last part

    @classmethod
    def read(cls, line):
        headers = {name.lower(): value for name, value in line["headers"]}
        assert len(headers) == len(line["headers"]), f"a header came twice: {line['headers']}"
        return cls(
            line["seq"], line["door_monotonic_ns"], line["read_monotonic_ns"], line["door_wall_ns"], line["method"],
            line["target"], line["path"], headers, parsed(line["body"]), line["status"], parsed(line["answer"]),
            line["code"], line["acted"], line["exceeded"], line["behaviour"], line["concurrent"], line["in_window"],
            line["path"].rsplit("/", 1)[-1],
        )


def parsed(text):
    """The JSON in it, else the text itself, also where it is nested too deeply to be read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def most_in_window(calls, seconds):
    """The most of these calls that came to the door within any window of that length, its end not included."""
    times = sorted(call.door_ns for call in calls)
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] >= seconds * 1_000_000_000:
            first += 1
        most = max(most, last - first + 1)
    return most


def request(url, method, target, body=None, headers=(), seconds=10):
    """One HTTP request on a connection of its own: (status, headers, body)."""
    host, port = re.fullmatch(r"http://(.+):(\d+)", url).groups()
    connection = http.client.HTTPConnection(host, int(port), timeout=seconds)
    try:
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body, ensure_ascii=False).encode()
        connection.request(method, target, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def sign_7moor(key=KEY, secret=SECRET, timestamp=None, nonce=None):
    """7moor's headers, computed here from its document alone."""
    timestamp = str(int(time.time()) if timestamp is None else timestamp)
    nonce = f"{random.randrange(10**6):06}" if nonce is None else nonce
    digest = hmac.new(secret.encode(), (key + timestamp + nonce).encode(), hashlib.sha256).digest()
    return {
        "m7-appkey": key, "m7-timestamp": timestamp, "m7-nonce": nonce, "m7-sign": base64.b64encode(digest).decode(),
        "content-type": "application/json",
    }


class Simulator:
    """One process of `trunkline simulate`. stop() it, or let the fixture do so."""

    def __init__(self, vendor, directory, **options):
        """Options as on the command line, with _ for -; True for one without a value."""
        self.vendor = vendor
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log_path = self.directory / "stderr.log"
        self.ledger_path = self.directory / "ledger.jsonl"
        self.key, self.secret = options.get("key", KEY), options.get("secret", SECRET)
        options = {"key": KEY, "secret": SECRET, "ledger": self.ledger_path, **options}
        self.arguments = ["simulate", vendor, "--log-format", "json"]
        for name, value in options.items():
            self.arguments += ["--" + name.replace("_", "-"), *([] if value is True else [str(value)])]
        self.process = None
        self.url = self.control_url = None

    def start(self, seconds=20):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(BINARY), *self.arguments], stdin=subprocess.DEVNULL, stderr=log)

        def started():
            assert self.process.poll() is None, f"the simulator ended:\n{self.log_path.read_text()}"
            return [line for line in self.log_path.read_text().splitlines() if "simulator_started" in line]

        line = json.loads(wait_until(started, seconds, "the simulator to start")[0])
        self.url, self.control_url = line["url"], line["control_url"]
        return self

    def stop(self, seconds=20):
        if self.process is None or self.process.returncode is not None:
            return
        self.process.terminate()
        status = self.process.wait(seconds)
        text = self.log_path.read_text()
        assert status == 0 and not SANITIZER.search(text), f"the simulator ended with {status}:\n{text}"

    # What it is told.

    def control(self, method, path, body=None):
        status, _, answer = request(self.control_url, method, "/simulator/" + path, body, seconds=60)
        assert status == 200, f"{method} {path} {body}: {answer.decode()}"
        return json.loads(answer)

    def behave(self, *behaviours, **behaviour):
        """behave(path="dialOut", next=1, answer="close"), or several as mappings; behind those there are."""
        self.control("POST", "behaviour", [*behaviours, *([behaviour] if behaviour else [])])

    def reset(self):
        self.control("POST", "reset")

    def options(self, **options):
        """limit=…, window_ms=…, token_seconds=…"""
        self.control("POST", "options", options)

    def revoke(self):
        self.control("POST", "revoke")

    # What it saw.

    def state(self):
        return self.control("GET", "state")

    def calls(self, operation=None, since=0):
        """All calls behind that number, or those whose path ends so."""
        found = []
        while True:
            page = self.control("GET", f"calls?since={since}")
            assert since > 0 or page["forgotten"] == 0, "the simulator has forgotten calls"
            found += [Call.read(line) for line in page["calls"]]
            if not page["calls"] or found[-1].seq == page["last"]:
                return [call for call in found if operation is None or call.path.endswith("/" + operation)]
            since = found[-1].seq

    def acted(self, operation=None):
        """The calls that the vendor carried out."""
        return [call for call in self.calls(operation) if call.acted]

    def wait_for_calls(self, count, operation=None, seconds=30):
        """At least so many, and what they are."""
        def enough():
            calls = self.calls(operation)
            return calls if len(calls) >= count else None

        return wait_until(enough, seconds, f"{count} calls of {operation or 'any operation'}", 0.05)

    def max_in_window(self, seconds):
        return most_in_window(self.calls(), seconds)

    # What a client of its own asks, for tests of the simulator itself.

    def post(self, target, body=None, headers=(), seconds=10):
        """(status, headers, body parsed if it is JSON)"""
        status, fields, answer = request(self.url, "POST", target, body, headers, seconds)
        return status, fields, parsed(answer.decode(errors="replace"))

    def post_7moor(self, operation, body, **signing):
        """The answer's JSON to a signed request."""
        headers = sign_7moor(**{"key": self.key, "secret": self.secret, **signing})
        return self.post(ROOT_7MOOR + operation, body, headers)[2]

    def token(self):
        body = {"app_key": self.key, "app_secret": self.secret}
        answer = self.post("/openapi/oauth/v1/token", body)[2]
        assert answer["code"] == 0, answer
        return answer["result"]["token"]

    def post_yeta(self, path, body, token):
        return self.post(f"/openapi/{path}?token={token}", body)[2]
