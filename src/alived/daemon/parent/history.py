"""What happened: the last transitions, in memory for `alived history` and in a file that outlives the daemon.

The file is in the runtime directory (a tmpfs); it is written by the parent only. What the disk does not take is
counted, and never keeps anybody waiting who has adverts to send.
"""

from __future__ import annotations

import collections
import os

import msgspec

from alived.daemon.shared.messages import ServerChanged, Transition
from alived.owner import State

KEPT = 1000
CLUSTER = "CLUSTER"
"""Kind of an entry that is no change of state: a command to the cluster and what came of it."""
MAX_FILE = 4 << 20
"""Bytes; a longer file is written anew with what memory has."""
_decoder = msgspec.json.Decoder(Transition)


class History:
    """The last `KEPT` transitions, oldest first."""

    def __init__(self, path: str) -> None:
        """Goes on with what a former daemon wrote, as far as it can be read."""
        self._path = path
        self._ring: collections.deque[Transition] = collections.deque(maxlen=KEPT)
        self.unwritten = 0
        """Transitions that are in memory only, because the file did not take them."""
        self.unreadable = 0
        """Lines of the file that make no sense: cut off by a crash."""
        self._load()

    def add(self, transition: Transition) -> None:
        self._ring.append(transition)
        try:
            if self._append(transition) > MAX_FILE:
                self._rewrite()
        except OSError:
            self.unwritten += 1

    def last(self, count: int) -> list[Transition]:
        """The last `count`, oldest first."""
        return list(self._ring)[-count:] if count > 0 else []

    def _append(self, transition: Transition) -> int:
        """Gives the new size of the file."""
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.write(fd, msgspec.json.encode(transition) + b"\n")
            return os.lseek(fd, 0, os.SEEK_END)
        finally:
            os.close(fd)

    def _rewrite(self) -> None:
        temporary = f"{self._path}.new"
        with open(temporary, "wb") as file:
            file.writelines(msgspec.json.encode(t) + b"\n" for t in self._ring)
        os.replace(temporary, self._path)

    def _load(self) -> None:
        try:
            with open(self._path, "rb") as file:
                lines = file.read(2 * MAX_FILE).splitlines()
        except OSError:
            return  # none yet: the first start since the machine booted
        for line in lines[-KEPT:]:
            try:
                self._ring.append(_decoder.decode(line))
            except (msgspec.DecodeError, msgspec.ValidationError):
                self.unreadable += 1


def quorum_entry(change: ServerChanged) -> Transition:
    """A quorum that was gained or lost, as a line of the history; no owner changes by it."""
    state = "its quorum" if change.up else "no quorum"
    return _entry(change.kind, change.virtual_server, f"has {state}: {change.reason}", change.time_ns, change.wall_time)


def audit_entry(sentence: str, time_ns: int, wall_time: float) -> Transition:
    """What an operator did to the cluster, as a line of the history; no state changes by it."""
    return _entry(CLUSTER, "cluster", sentence, time_ns, wall_time)


def _entry(kind: str, name: str, sentence: str, time_ns: int, wall_time: float) -> Transition:
    return Transition(
        kind=kind,
        name=name,
        old=State.INIT,
        new=State.INIT,
        priority=0,
        reason=sentence,
        evidence=(),
        time_ns=time_ns,
        wall_time=wall_time,
    )
