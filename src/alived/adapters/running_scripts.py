"""Which scripts run, in memory that outlives the process that started them: what that one leaves behind is killed.

A script must not go on when nobody waits for it any more: another worker would run it a second time beside the first.
PR_SET_PDEATHSIG would have the kernel do that, but only the script itself could ask for it, between fork and exec, and
nobody forks (`script_process`). So the worker notes what it starts in a file that it shares with its parent. The
parent looks there when a worker has died, and the next daemon when the whole tree was killed.

A process is known by its number, by being the leader of its session and by the moment at which it began: the number
alone could be another's by now.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
from collections.abc import Iterator

SLOTS = 4096
"""More run only if there are more scripts than that; they are not noted, and end by themselves."""
_BYTES_PER_SLOT = 16
_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_START_NS = 1_000_000_000
"""From our note of the time until the kernel has made the process, at most."""


class RunningScripts:
    """Pairs of process number (0: the slot is free) and time of its start, CLOCK_BOOTTIME."""

    def __init__(self, path: str = "") -> None:
        """path: of a file that is made if it is not there; "": memory that is shared with children only."""
        size = SLOTS * _BYTES_PER_SLOT
        if path:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                os.ftruncate(fd, size)
                self._memory = mmap.mmap(fd, size)
            finally:
                os.close(fd)
        else:
            self._memory = mmap.mmap(-1, size)
        self._cells = memoryview(self._memory).cast("q")
        self._free = list(range(SLOTS))

    def begun(self, pid: int, since_ns: int) -> int | None:
        """since_ns: just before it was started. Gives the slot, for `ended`; None if all are taken."""
        if not self._free:
            return None
        slot = self._free.pop()
        self._cells[2 * slot + 1] = since_ns
        self._cells[2 * slot] = pid
        return slot

    def ended(self, slot: int | None) -> None:
        if slot is not None:
            self._cells[2 * slot] = 0
            self._free.append(slot)

    def kill_left(self) -> list[str]:
        """After the death of whoever started them: kills what still runs, with its process group, and forgets all.
        Gives a sentence for each."""
        sentences = []
        for slot in range(SLOTS):
            pid, since_ns = self._cells[2 * slot], self._cells[2 * slot + 1]
            self._cells[2 * slot] = 0
            command = _command(pid) if pid else ""
            if pid and signal_if_it_is(pid, since_ns, signal.SIGKILL):
                sentences.append(f"killed {command} (process {pid}), which nobody waited for any more")
        self._free = list(range(SLOTS))
        return sentences

    @contextlib.contextmanager
    def kept_from_children(self) -> Iterator[None]:
        """What is forked meanwhile does not have this memory."""
        self._memory.madvise(mmap.MADV_DONTFORK)
        try:
            yield
        finally:
            self._memory.madvise(mmap.MADV_DOFORK)

    def close(self) -> None:
        self._cells.release()
        self._memory.close()


def signal_if_it_is(pid: int, since_ns: int, signum: signal.Signals) -> bool:
    """To the process group of a script, if this is still the script that began then; else False."""
    if not _is(pid, since_ns):
        return False
    with contextlib.suppress(ProcessLookupError):  # it has just ended
        os.killpg(pid, signum)
    return True


def _is(pid: int, since_ns: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()  # from the third on, see proc(5)
    except (FileNotFoundError, ProcessLookupError):
        return False
    session, began_ns = int(fields[3]), int(fields[19]) * _TICK_NS
    return session == pid and since_ns - _TICK_NS < began_ns < since_ns + _START_NS


def _command(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read(200).replace(b"\0", b" ").decode(errors="backslashreplace").strip() or "a script"
    except (FileNotFoundError, ProcessLookupError):
        return "a script"
