"""Disks that fail: disk.c's faults for the gateways of a test, and small file systems of a test's own."""

import contextlib
import os
import pathlib
import subprocess

import pytest

from gateway import BINARY

LIBRARY = pathlib.Path(os.environ.get("TRUNKLINE_DISK", BINARY.parent / "tests" / "libdisk.so"))


def preloaded(library, **variables):
    """The environment of a process that begins with that library."""
    assert library.exists(), f"{library} is missing: build the target {library.stem.removeprefix('lib')}"
    return {
        "LD_PRELOAD": f"{library}:{os.environ.get('LD_PRELOAD', '')}".rstrip(":"),
        # The sanitizer's runtime wants to be the first library, and works as the second.
        "ASAN_OPTIONS": f"{os.environ.get('ASAN_OPTIONS', '')}:verify_asan_link_order=0".lstrip(":"),
        **variables,
    }


class Disk:
    """What lies below the directory of a stage's data; give `env` to the stage's services."""

    def __init__(self, stage):
        self.control = stage.directory / "disk_fault"
        self.env = preloaded(
            LIBRARY, DISK_BELOW=os.path.realpath(stage.data_dir), DISK_FAULT=str(self.control)
        )

    def fail(self, *faults):
        """From now on; in place of former ones. A fault is "<call> <outcome> <count> [<ending of the path>]"."""
        new = self.control.with_suffix(".new")
        new.write_text("".join(fault + "\n" for fault in faults))
        new.replace(self.control)

    def heal(self):
        self.control.unlink(missing_ok=True)

    @staticmethod
    def struck(gateway, call=None):
        """How often a fault came true."""
        return sum(call in (None, line["call"]) for line in gateway.log("disk_fault"))


def not_run(what, why):
    """Ends a test that this machine does not let run, loudly."""
    pytest.skip(f"NOT RUN: {what}: {why}")


@contextlib.contextmanager
def file_system(directory, size):
    """A file system in memory, of that size ("4m"), mounted there; .resize(size), .read_only()."""
    directory.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "trunkline-test", str(directory)], capture_output=True, text=True
    )
    if mounted.returncode != 0:
        not_run("a file system of its own", mounted.stderr.strip() or "mount failed")
    try:
        yield FileSystem(directory)
    finally:
        # Lazily: what a failed test left running may have files open there.
        subprocess.run(["umount", "-l", str(directory)], check=True)


class FileSystem:
    def __init__(self, directory):
        self.directory = directory

    def resize(self, size):
        self._remount(f"size={size}")

    def read_only(self):
        self._remount("ro")

    def writable(self):
        self._remount("rw")

    def _remount(self, option):
        subprocess.run(["mount", "-o", f"remount,{option}", str(self.directory)], check=True)
