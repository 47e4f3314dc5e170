"""`alived demo` as a user runs it."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

import pytest

from alived.adapters.netns import run_ip
from tests.lab.lab import PATIENCE_S, has_peer

pytestmark = pytest.mark.lab

DEMO = [sys.executable, "-m", "alived", "demo"]


def tag_of(pid: int) -> str:
    """The random name of a running demo, from the command line of its probe; other demos may run beside it."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has ended meanwhile
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                for word in (folder / "cmdline").read_bytes().decode(errors="replace").split("\0"):
                    if parent == pid and word.startswith("alived-demo-") and word.endswith("-client"):
                        return word.removesuffix("-client")
        time.sleep(0.02)
    raise AssertionError("the demo has no probe")


def left_over(tag: str) -> list[str]:
    """Its namespaces and files."""
    namespaces = [word for word in run_ip(["netns", "list"]).split() if word.startswith(tag)]
    return namespaces + [str(path) for path in pathlib.Path(tempfile.gettempdir()).glob(f"{tag}*")]


@pytest.mark.parametrize(
    "options",
    [
        (),
        pytest.param(
            ("--with", "keepalived"),
            marks=pytest.mark.skipif(not has_peer("keepalived"), reason="keepalived is not installed"),
        ),
    ],
    ids=["alived", "with-keepalived"],
)
def test_every_step_ends_with_one_owner_and_nothing_is_left(options: Sequence[str]) -> None:
    process = subprocess.Popen([*DEMO, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    tag = tag_of(process.pid)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    table = output[output.index("owner now") :]
    for fault in "kill -9", "SIGTERM", "SIGSTOP", "SIGCONT", "cable is pulled", "cable is plugged in":
        assert fault in table
    assert "wanted" not in table
    assert not left_over(tag)


def test_with_raft_there_are_never_two() -> None:
    process = subprocess.Popen([*DEMO, "--engine", "raft"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    tag = tag_of(process.pid)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    table = output[output.index("owner now") :]
    for fault in (
        "kill -9",
        "SIGSTOP",
        "hear each other no more",
        "nobody hears",
        "cable is pulled",
        "SIGTERM",
        "hand over",
    ):
        assert fault in table
    assert "wanted" not in table
    assert not left_over(tag)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_it_leaves_nothing(signum: signal.Signals) -> None:
    process = subprocess.Popen(DEMO, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    tag = tag_of(process.pid)
    os.kill(process.pid, signum)
    process.wait()
    end = time.monotonic() + PATIENCE_S
    while left := left_over(tag):
        assert time.monotonic() < end, left
        time.sleep(0.05)


def test_without_the_ip_command_it_says_so_in_one_line(tmp_path: pathlib.Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(DEMO, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "Error: The command ip is missing (Debian package iproute2).\n"


@pytest.mark.parametrize(
    "options",
    [
        ("--version", "2", "--interval", "0.5"),
        ("--interval", "0.001"),
        ("--version", "4"),
        ("--engine", "raft", "--version", "3"),
        ("--engine", "raft", "--with", "keepalived"),
    ],
)
def test_what_the_protocol_cannot_do_is_refused(options: Sequence[str]) -> None:
    done = subprocess.run([*DEMO, *options], capture_output=True, text=True)
    assert done.returncode == 2
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr
