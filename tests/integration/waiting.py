"""Waiting for a condition, never for a time: what a test waits for has a name and a deadline."""

import pathlib
import re
import time


def wait_until(condition, seconds, what, pause=0.02):
    """Calls `condition` until it gives something true, and returns that. OSError counts as "not yet"."""
    deadline = time.monotonic() + seconds
    while True:
        problem = ""
        try:
            result = condition()
            if result:
                return result
        except OSError as error:
            problem = f" ({error})"
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what}{problem}")
        time.sleep(pause)


def stands_still(pid):
    """Whether a SIGSTOP has come to all of that process."""
    return re.search(r"^State:\s+T", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M) is not None
