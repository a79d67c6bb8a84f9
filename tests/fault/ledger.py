"""What the clients wrote down: every callback with what became of it, in memory and, as it happens, in a file."""

import json
import threading
from dataclasses import asdict, dataclass, field


@dataclass
class Entry:
    """A callback, once its sender has nothing more to do for it. Times are monotonic seconds."""

    call: str
    step: int  # its place in the story of its call
    path: str  # behind /callbacks
    body: str
    events: dict  # event id -> topic, without the test's prefix
    posted: float  # when its first bytes went out
    attempts: list = field(default_factory=list)  # what came of each: a status, "refused", "reset" or "timeout"
    answered: float = None  # when its 2xx was read; None: it has none
    durability: str = None  # as the 2xx told
    life: str = None  # of the gateway that gave the 2xx: "<instance>#<number of its start>"

    @property
    def source(self):
        return self.path.split("/")[1]

    @property
    def instance(self):
        return self.life.partition("#")[0]


class Ledger:
    def __init__(self, path):
        self.path = path
        self.entries = []
        self.answered = 0
        self._lock = threading.Lock()
        self._file = open(path, "w", buffering=1)

    def write(self, entry):
        with self._lock:
            self.entries.append(entry)
            self.answered += entry.answered is not None
            self._file.write(json.dumps(asdict(entry), ensure_ascii=False) + "\n")

    def close(self):
        self._file.close()

    @staticmethod
    def read(path):
        """The entries of a file."""
        with open(path) as lines:
            return [Entry(**json.loads(line)) for line in lines]
