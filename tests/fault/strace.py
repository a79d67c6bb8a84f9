"""What a process asked of the kernel, and in which order: strace's record of a running gateway, read call by call.

strace holds a thread at each end of a call until it has written the line. So a call that was only made because another
had returned stands behind that return in the record, whichever threads the two were of.
"""

import os
import re
import signal
import subprocess
from dataclasses import dataclass, field

from waiting import wait_until

READS = ("read", "readv", "recvfrom", "recvmsg")
WRITES = ("write", "writev", "sendto", "sendmsg", "pwrite64")
SYNCS = ("fsync", "fdatasync")

LINE = re.compile(r"(\d+) +(\d+\.\d+) (.*)", re.S)
RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)", re.S)
CALL = re.compile(r"(\w+)\((.*)", re.S)
RESULT = re.compile(r".*\) += (-?\d+|\?)[^=]*$", re.S)
TARGET = re.compile(r"\d+<(.*?)> *[,)]", re.S)
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"(\.\.\.)?', re.S)


@dataclass
class Call:
    name: str
    target: str  # the file's path, or TCP:[here->there]
    entered: int  # where it stands in the record
    entered_at: float  # seconds, Unix
    returned: int = None  # where its return stands; None: it never returned
    result: int = None
    data: bytes = b""  # what was written, or what was read
    text: str = field(default="", repr=False)


def unquoted(text):
    parts = []
    for quoted, cut in STRING.findall(text):
        assert not cut, "strace has cut a string: its limit is too low"
        parts.append(quoted.encode("latin-1", "backslashreplace").decode("unicode_escape").encode("latin-1"))
    return b"".join(parts)


def read(path):
    """Every traced call on a file or socket, in the order in which they were entered."""
    calls, open_calls = [], {}
    with open(path, encoding="latin-1") as record:
        for position, line in enumerate(record):
            thread, when, rest = LINE.match(line).groups()
            resumed, entered = RESUMED.match(rest), CALL.match(rest)
            if resumed:
                call = open_calls.pop(thread, None)
                if call is None:
                    continue  # it was under way when the tracing began
                call.text += resumed.group(2)
            elif entered:
                call = Call(entered.group(1), "", position, float(when), text=entered.group(2))
                calls.append(call)
                if rest.rstrip().endswith("<unfinished ...>"):
                    call.text = call.text.rstrip()[: -len("<unfinished ...>")]
                    open_calls[thread] = call
                    continue
            else:
                continue  # signals, ends of threads
            result = RESULT.match(call.text)
            call.returned = position
            call.result = int(result.group(1)) if result and result.group(1) != "?" else None
    for call in calls:
        target = TARGET.match(call.text)
        call.target = target.group(1) if target else ""
        call.data = unquoted(call.text[target.end():]) if target else b""
        if call.name in (*READS, *WRITES) and call.result is not None:
            call.data = call.data[:max(call.result, 0)]
    return calls


class Trace:
    """strace on a running gateway, all its threads; leave it, then read(). injections: what strace shall do to calls,
    such as "fdatasync:error=EIO:when=5"."""

    def __init__(self, gateway, path, injections=()):
        self.gateway, self.path, self.injections = gateway, path, injections
        self.process = None

    def __enter__(self):
        command = ["strace", "-f", "-qq", "-ttt", "-yy", "-s", "4000000", "-o", str(self.path)]
        command += ["-e", "trace=" + ",".join((*READS, *WRITES, *SYNCS)), "-p", str(self.gateway.process.pid)]
        for injection in self.injections:
            command += ["-e", f"inject={injection}"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        tasks = f"/proc/{self.gateway.process.pid}/task"
        wait_until(lambda: all(self._traced(f"{tasks}/{task}/status") for task in os.listdir(tasks)), 20,
                   "strace to hold every thread")
        return self

    def _traced(self, status):
        if self.process.poll() is not None:
            raise AssertionError(f"strace ended with {self.process.returncode}:\n{self.process.stderr.read()}")
        with open(status, encoding="ascii") as lines:
            return re.search(rf"^TracerPid:\s+{self.process.pid}$", lines.read(), re.M) is not None

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=60)

    def read(self):
        return read(self.path)


def frames(calls, head_bytes=4):
    """Kafka's messages on one direction of one connection: (bytes, position of the call that completed it)."""
    stream, made = b"", []
    for call in calls:
        stream += call.data
        while len(stream) >= head_bytes:
            length = int.from_bytes(stream[:head_bytes], "big")
            if len(stream) < head_bytes + length:
                break
            made.append((stream[head_bytes:head_bytes + length], call))
            stream = stream[head_bytes + length:]
    return made
