"""Shells as people use them, with the completion that the binary gives them."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading

from gateway import BINARY, run
from waiting import wait_until


class Shell:
    """One in a home of its own, where `trunkline` is the binary under test."""

    name = None

    def __init__(self, home):
        self.home = home
        self.script = home / f"completion.{self.name}"
        self.script.write_text(run("completion", self.name).stdout)
        programs = home / "bin"
        programs.mkdir()
        (programs / "trunkline").symlink_to(BINARY.resolve())
        path = f"{programs}:{os.environ['PATH']}"
        kept = {name: text for name, text in os.environ.items() if name.endswith("SAN_OPTIONS")}
        self.env = {**kept, "HOME": str(home), "PATH": path, "TERM": "xterm", "LC_ALL": "C.UTF-8"}

    def close(self):
        pass


class Bash(Shell):
    name = "bash"

    def offered(self, *words):
        """What the last of the words may become: the words split as readline does it."""
        script = r"""
            set -eu
            source ~/completion.bash
            compopt() { echo "compopt $*"; }
            COMP_WORDS=(trunkline "$@") COMP_CWORD=$#
            _trunkline
            printf '%s\n' ${COMPREPLY[@]+"${COMPREPLY[@]}"}
        """
        done = subprocess.run(
            ["/bin/bash", "-c", script, "bash", *map(str, words)], env=self.env, capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return done.stdout.split("\n")[:-1]


class Fish(Shell):
    name = "fish"

    def offered(self, line):
        """What the last word of the line may become -> its meaning."""
        done = subprocess.run(
            ["fish", "--no-config", "-c", 'source ~/completion.fish; complete -C "$argv"', line], env=self.env,
            capture_output=True, text=True, timeout=30,
        )
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return dict((each + "\t").split("\t")[:2] for each in done.stdout.splitlines())


class Zsh(Shell):
    """It has a terminal, keys are pressed, and one key tells what stands on the line."""

    name = "zsh"
    TAB, TELL = "\t", "\x18\x14"
    SETUP = r"""
        LISTMAX=1000 PS1=
        autoload -Uz compinit
        compinit -u -d ~/dump
        source ~/completion.zsh
        tell() { print -r -- "$BUFFER" >~/line; BUFFER=; }
        began() { : >~/began; }
        zle -N tell
        zle -N zle-line-init began
        bindkey '^X^T' tell
    """

    def __init__(self, home):
        super().__init__(home)
        (home / "setup").write_text(self.SETUP)
        self.terminal, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 500, 200, 0, 0))
        self.process = subprocess.Popen(
            ["zsh", "-f", "-i"], stdin=theirs, stdout=theirs, stderr=theirs, env=self.env, cwd=home, start_new_session=True
        )
        os.close(theirs)
        self.shown = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._press("source ~/setup\n")
        self._wait(lambda: (home / "began").exists(), "its first line to be edited")

    def _read(self):
        try:
            while chunk := os.read(self.terminal, 65536):
                self.shown += chunk.decode(errors="replace")
        except OSError:
            pass  # it has ended

    def _press(self, keys):
        os.write(self.terminal, keys.encode())

    def _wait(self, condition, what):
        try:
            wait_until(lambda: self.process.poll() is None and condition(), 30, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; it shows {self.shown[-2000:]!r}") from None

    def completed(self, line):
        """The line as it is after the tabulator."""
        told = self.home / "line"
        told.unlink(missing_ok=True)
        self.shown = ""
        self._press(line + self.TAB + self.TELL)
        self._wait(lambda: told.exists() and told.read_text().endswith("\n"), f"{line!r} to be completed")
        return told.read_text()[:-1]

    def listed(self, line):
        """What it shows below the line, where there is more than one way on."""
        assert self.completed(line) == line
        return self.shown

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join()
        os.close(self.terminal)
