"""Capabilities, names and the signal at a parent's death, each in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from alived.adapters.privileges import (
    Capability,
    effective_capabilities,
    keep_capabilities,
    set_process_name,
    signal_at_parent_death,
)


def in_child(work: Callable[[], str]) -> str:
    """What `work` says in a forked process."""
    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.write(write_fd, work().encode())
            status = 0
        finally:
            os._exit(status)
    os.close(write_fd)
    with open(read_fd) as pipe:
        said = pipe.read()
    assert os.waitpid(pid, 0)[1] == 0
    return said


def status_of(name: str) -> str:
    (line,) = [x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(f"{name}:")]
    return line.split()[1]


def test_the_kernel_agrees_about_our_capabilities() -> None:
    assert effective_capabilities() == int(status_of("CapEff"), 16)


@pytest.mark.skipif(os.geteuid() != 0, reason="nothing to give up")
def test_what_is_given_up_stays_given_up() -> None:
    def work() -> str:
        keep_capabilities([Capability.NET_RAW])
        masks = [status_of(name) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs")]
        program = subprocess.run(["grep", "CapEff", "/proc/self/status"], capture_output=True, text=True)
        return " ".join([*masks, program.stdout.split()[1]])

    raw = f"{1 << 13:016x}"
    nothing = f"{0:016x}"
    assert in_child(work).split() == [nothing, raw, raw, raw, nothing, "1", raw]


@pytest.mark.skipif(os.geteuid() != 0, reason="nothing to give up")
def test_programs_of_root_may_keep_all() -> None:
    def work() -> str:
        keep_capabilities([Capability.SETUID], keep_for_programs=True)
        program = subprocess.run(["grep", "CapEff", "/proc/self/status"], capture_output=True, text=True)
        return f"{status_of('CapEff')} {program.stdout.split()[1]}"

    assert in_child(work).split() == [f"{1 << 7:016x}", status_of("CapBnd")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_without_privileges_there_is_nothing_to_complain_about() -> None:
    def work() -> str:
        os.setuid(65534)
        keep_capabilities([Capability.NET_ADMIN])
        return status_of("CapEff")

    assert in_child(work) == f"{0:016x}"


def test_a_name_is_cut_to_what_the_kernel_keeps() -> None:
    def work() -> str:
        set_process_name("alived: a long name")
        return Path("/proc/self/comm").read_text()

    assert in_child(work) == "alived: a long \n"


def test_a_refusal_is_an_oserror() -> None:
    with pytest.raises(OSError, match="prctl"):
        signal_at_parent_death(cast(signal.Signals, 10_000))


def test_the_signal_comes_when_the_parent_dies() -> None:
    """The test stands for the grandparent: its child forks and dies, the grandchild says what came."""
    script = (
        "import os, signal, sys\n"
        "from alived.adapters.privileges import signal_at_parent_death\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
        "r, w = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    signal_at_parent_death(signal.SIGTERM)\n"
        "    os.write(w, b'x')\n"
        "    print(signal.sigwait([signal.SIGTERM]).name, flush=True)\n"
        "    os._exit(0)\n"
        "os.read(r, 1)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "SIGTERM\n"
