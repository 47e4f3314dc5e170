"""Processes that two watch: keepalived and a worker of alived, both told what to track by the same text."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable

from alived.config.load import load
from tests.daemon.worker.worker_play import WorkerPlay
from tests.lab.entering_keepalived import EnteringKeepalived
from tests.lab.lab import PATIENCE_S, Lab

BASE = 100
"""Priority of the instance; each tracker that is up adds 1."""
_QUORUM = re.compile(r"Quorum (gained|lost) for tracked process (\w+)")
_PRIORITY = re.compile(r"\(VI\) Changing effective priority from \d+ to (\d+)")
_ACTOR = """
import os, sys, time
def call(name):
    with open("/proc/self/comm", "w") as comm:
        comm.write(name)
call(sys.argv[1])
for line in sys.stdin:
    word, *arguments = line.split()
    if word == "rename":
        call(*arguments)
    elif word == "execute":
        os.execv(arguments[0], arguments)
    elif not os.fork():
        time.sleep(1000)
"""
Changes = dict[str, list[bool]]
"""By tracker: True for a quorum gained, False for one lost."""


class Cast:
    """Processes that nobody else has: `name` is what the kernel calls them, `program` what their command line does."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.name = f"alv{os.getpid()}"
        self.program, self.other = str(directory / self.name), str(directory / "another")
        for path in (self.program, self.other):
            shutil.copy(shutil.which("sleep") or "/bin/sleep", path)
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str) -> None:
        self._begin(self.program, *(arguments or ("1000",)))

    def start_actor(self) -> None:
        """One that does what it is told."""
        self._begin(sys.executable, "-c", _ACTOR, self.name)

    def _begin(self, *command: str) -> None:
        self._running.append(subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True))

    def tell(self, *words: str) -> None:
        """The newest process, an actor: fork, rename NAME, execute PROGRAM ARGUMENT..."""
        stdin = self._running[-1].stdin
        assert stdin
        stdin.write(" ".join(words).encode() + b"\n")
        stdin.flush()

    def end(self) -> None:
        """The newest process, with what it forked."""
        with self._running.pop() as process:
            os.killpg(process.pid, 9)

    def close(self) -> None:
        while self._running:
            self.end()


class Scene:
    """What each of the two said since it knew all."""

    def __init__(self, lab: Lab, blocks: dict[str, str]) -> None:
        """blocks: name of a `vrrp_track_process` -> its lines."""
        self._names = tuple(blocks)
        self.keepalived = EnteringKeepalived(lab.network.namespace("n1"), lab.network.directory / "n1")
        lab.daemons["n1"] = self.keepalived  # which the lab ends
        self.keepalived.config.write_text(_text(blocks))
        loaded = load(str(self.keepalived.config))
        assert loaded.config, loaded.diagnostics
        self.keepalived.start()
        lab.until(lambda: "proc_events has confirmed" in self.keepalived.log, "the kernel tells keepalived")
        self.worker = WorkerPlay(loaded.config)
        self._until(
            lambda: self._told_by_kernel() and len(self.worker.verdicts) >= len(blocks), "the kernel tells alived"
        )
        self._up_at_first = {one.name for one in self.worker.verdicts if one.up}
        self._begun = len(self.worker.verdicts)
        self._ours_expected, self._theirs_expected = self._none(), self._none()

    def _told_by_kernel(self) -> bool:
        return all("the kernel tells what changes" in one.details for one in self.worker.snapshot().trackers)

    def _none(self) -> Changes:
        return {name: [] for name in self._names}

    def ours(self) -> Changes:
        return self._by_name((one.name, one.up) for one in self.worker.verdicts[self._begun :])

    def theirs(self) -> Changes:
        return self._by_name((name, what == "gained") for what, name in _QUORUM.findall(self.keepalived.log))

    def _by_name(self, changes: Iterable[tuple[str, bool]]) -> Changes:
        found = self._none()
        for name, up in changes:
            found[name].append(up)
        return found

    def expect(self, changes: str, theirs: str | None = None) -> None:
        """Both say this and nothing else: "+NAME" for a quorum gained, "-NAME" for one lost. theirs: if keepalived says
        another thing; its priority follows from it."""
        _append(self._ours_expected, changes)
        _append(self._theirs_expected, changes if theirs is None else theirs)
        up = [said[-1] if said else name in self._up_at_first for name, said in self._theirs_expected.items()]
        priority = BASE + sum(up)
        self._until(
            lambda: (
                (self.ours(), self.theirs(), self._their_priority())
                == (self._ours_expected, self._theirs_expected, priority)
            ),
            f"{changes} of alived, {changes if theirs is None else theirs} and priority {priority} of keepalived",
        )

    def _their_priority(self) -> int:
        return int([str(BASE), *_PRIORITY.findall(self.keepalived.log)][-1])

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE_S
        self.worker.until(lambda: condition() or time.monotonic() > end)
        assert condition(), (
            f"never came: {what}\nalived: {self.ours()}\nkeepalived: {self.theirs()}\n{self.keepalived.log}"
        )


def _text(blocks: dict[str, str]) -> str:
    trackers = "".join(f"vrrp_track_process {name} {{\n{lines}\n}}\n" for name, lines in blocks.items())
    tracks = "\n".join(f"{name} weight 1" for name in blocks)
    instance = (
        f"interface eth0\nvirtual_router_id 51\npriority {BASE}\nadvert_int 1\nvirtual_ipaddress {{\n192.0.2.100\n}}"
    )
    return f"{trackers}vrrp_instance VI {{\n{instance}\ntrack_process {{\n{tracks}\n}}\n}}\n"


def _append(expected: Changes, changes: str) -> None:
    for change in changes.split():
        expected[change[1:]].append(change[0] == "+")
