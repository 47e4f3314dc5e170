"""Forks, and what every forked process does first."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
from collections.abc import Callable
from typing import NoReturn

EXIT_CRASHED = 70
"""sysexits.h EX_SOFTWARE: an exception that nobody expected."""
EXIT_FAILED = 71
"""sysexits.h EX_OSERR: the world failed, and the process cannot go on."""
_IGNORED = (
    *(signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE),
    # A service manager sends it to everybody when its watchdog hears nothing; abort(3) ends a process all the same.
    signal.SIGABRT,
)
"""Signals for the parent"""


def fork_into(run: Callable[[], NoReturn]) -> int:
    """Gives the number of the new process, in which `run` begins with all signals blocked. Raises OSError."""
    # A signal between fork and the child's own handlers would run the parent's in the child.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            run()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    return pid


def forget_parent(keep_fds: set[int]) -> None:
    """Undoes what fork copied and a child must not have: open files, signal handlers, garbage collection of ours."""
    signal.set_wakeup_fd(-1)
    for signum in _IGNORED:
        signal.signal(signum, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    for name in os.listdir("/proc/self/fd"):
        if (fd := int(name)) > 2 and fd not in keep_fds:
            with contextlib.suppress(OSError):  # listdir's own is gone already
                os.close(fd)
    gc.freeze()
