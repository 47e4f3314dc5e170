"""From a failure to the VIP elsewhere, cut into parts, each beside the least that it can take.

`released` is the advert of priority 0 of the old master. The least from the failure to there: of a
script the start of its `fall`th failing run, which it tells itself; of a process nothing; of a check between fall - 1
and fall intervals. From there to the answer of the new master: Skew_Time. With owners elected by Raft there is nothing
to wait for once it is known: the least from there to the answer of the new owner is 0.

keepalived's own checks move no address, so the same server is asked by a script there.
"""

from __future__ import annotations

import contextlib
import pathlib
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from alived.adapters.netns import inside
from bench.client import Event, Kind
from bench.failover import PROBE_PERIOD_S
from bench.stage import PRIORITY, Stage, first, master_down_interval, ms

Row = dict[str, float | None]
ADVERT_S = 0.1
INTERVAL_S = 0.1
FALL = 2
PORT = 20000
PATIENCE_S = 5


def reaction(name: str, *, tracker: str, runs: int) -> tuple[list[Row], dict[str, Any]]:
    """Each run: what the master tracks fails at a random moment and is well again after the takeover."""
    with contextlib.ExitStack() as undo:
        directory = pathlib.Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="alived-bench-")))
        kind = ScriptedCheck if tracker == "check" and name == "keepalived" else TRACKERS[tracker]
        tracked = kind(directory)
        stage = Stage(name, advert_int=ADVERT_S, blocks=tracked.blocks, lines=tracked.lines)
        undo.enter_context(stage)
        undo.enter_context(tracked.running(stage))
        stage.start()
        rows = []
        for _ in range(runs):
            rows.append(_once(stage, tracked))
            tracked.mend()
            stage.settle()
    return rows, {"skew_time_ms": round(1e3 * _skew_s(), 1)}


def _skew_s() -> float:
    return master_down_interval(PRIORITY[2], ADVERT_S) - 3 * ADVERT_S


class Tracked(Protocol):
    """What both routers track; the master's can fail."""

    blocks: Sequence[str]
    """%ROUTER% stands for the number of the router."""
    lines: Sequence[str]

    def __init__(self, directory: pathlib.Path) -> None: ...

    def running(self, stage: Stage) -> contextlib.AbstractContextManager[None]: ...

    def fail(self) -> None: ...

    def mend(self) -> None: ...

    def known_ns(self, failed_ns: int) -> int | None:
        """The first moment at which the daemon could know enough; None: it is not known."""


def _once(stage: Stage, tracked: Tracked) -> Row:
    failed_ns, events = _watch(stage, tracked.fail)
    answered_ns = first(events, Kind.REPLY, 2, failed_ns)
    released_ns = first(events, Kind.STOP, 1, failed_ns)
    answer_ms = ms(answered_ns, released_ns)
    return {
        "failed_to_released_ms": ms(released_ns, failed_ns),
        "known_to_released_ms": ms(released_ns, tracked.known_ns(failed_ns)),
        "released_to_answer_ms": answer_ms,
        "answer_over_theory_ms": None if answer_ms is None else answer_ms - 1e3 * _skew_s(),
        "failed_to_answer_ms": ms(answered_ns, failed_ns),
    }


def _watch(stage: Stage, fail: Callable[[], None]) -> tuple[int, list[Event]]:
    client, failed_ns, events = stage.client, 0, list[Event]()
    sock, request = stage.question(stage.vips[0])
    client.events()
    fail_at = time.monotonic() + 0.2 + random.random() * INTERVAL_S
    end = fail_at + PATIENCE_S
    while (now := time.monotonic()) < end:
        sock.send(request)
        if not failed_ns and now >= fail_at:
            failed_ns = time.time_ns()
            fail()
        events += client.events(PROBE_PERIOD_S)
        if failed_ns and first(events, Kind.REPLY, 2, failed_ns):
            break
    return failed_ns, events


class Script:
    """Says each time that it fails."""

    def __init__(self, directory: pathlib.Path) -> None:
        self._directory = directory
        self._mailbox = directory / "mailbox"
        self._told: list[int] = []
        for n in PRIORITY:
            program = self.program(n)
            program.write_text(f"#!/bin/sh\ntest ! -e $0.bad || {{ echo > {self._mailbox}; exit 1; }}\n")
            program.chmod(0o755)
        self.blocks = [
            "vrrp_script chk {",
            f"  script {directory}/chk%ROUTER%",
            f"  interval {INTERVAL_S}",
            f"  fall {FALL}",
            "}",
        ]
        self.lines = ["track_script {", "  chk", "}"]

    def program(self, router: int) -> pathlib.Path:
        return self._directory / f"chk{router}"

    @contextlib.contextmanager
    def running(self, _stage: object) -> Iterator[None]:
        subprocess.run(["mkfifo", self._mailbox], check=True)
        with self._mailbox.open("r+b", buffering=0) as mailbox:
            threading.Thread(target=self._listen, args=(mailbox,), daemon=True).start()
            yield
            mailbox.write(b"end\n")

    def _listen(self, mailbox: Any) -> None:
        while (told := mailbox.read(64)) and b"end" not in told:
            self._told.append(time.time_ns())

    def fail(self, router: int = 1) -> None:
        self._told.clear()
        self._flag = self.program(router).with_suffix(".bad")
        self._flag.touch()

    def mend(self) -> None:
        self._flag.unlink()

    def known_ns(self, _failed_ns: int) -> int | None:
        return self._told[FALL - 1] if len(self._told) >= FALL else None


class Process:
    """Is killed."""

    def __init__(self, directory: pathlib.Path) -> None:
        self._directory = directory
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self.blocks = ["vrrp_track_process it {", "  process bench-it-%ROUTER%", "  weight 0", "}"]
        self.lines = ["track_process {", "  it", "}"]

    @contextlib.contextmanager
    def running(self, _stage: Stage) -> Iterator[None]:
        try:
            for n in 1, 2:
                shutil.copy("/bin/sleep", self._directory / f"bench-it-{n}")
                self._start(n)
            yield
        finally:
            for process in self._processes.values():
                process.kill()
                process.wait()

    def _start(self, n: int) -> None:
        self._processes[n] = subprocess.Popen([self._directory / f"bench-it-{n}", "1000"])

    def fail(self) -> None:
        self._processes[1].kill()

    def mend(self) -> None:
        self._processes[1].wait()
        self._start(1)

    def known_ns(self, failed_ns: int) -> int | None:
        return failed_ns


class Check:
    """A server that stops listening."""

    def __init__(self, _directory: pathlib.Path) -> None:
        self._servers: dict[int, socket.socket] = {}
        self.blocks = [
            f"check it {{\ntcp {{\ntarget 127.0.0.1 {PORT}\n}}",
            f"interval {INTERVAL_S}\nfall {FALL}\n}}",
        ]
        self.lines = ["track_check {", "  it", "}"]

    @contextlib.contextmanager
    def running(self, stage: Stage) -> Iterator[None]:
        self._namespaces = {n: stage.network.namespace(f"r{n}") for n in (1, 2)}
        for n in 1, 2:
            self._start(n)
        yield
        for server in self._servers.values():
            server.close()

    def _start(self, n: int) -> None:
        with inside(self._namespaces[n]):
            self._servers[n] = socket.create_server(("127.0.0.1", PORT))

    def fail(self) -> None:
        self._servers[1].close()

    def mend(self) -> None:
        self._start(1)

    def known_ns(self, _failed_ns: int) -> int | None:
        return None


class ScriptedCheck(Check):
    """The same by bash, which can connect."""

    def __init__(self, directory: pathlib.Path) -> None:
        super().__init__(directory)
        program = directory / "connect"
        program.write_text(f"#!/bin/bash\nexec 3<>/dev/tcp/127.0.0.1/{PORT}\n")
        program.chmod(0o755)
        self.blocks = ["vrrp_script it {", f"  script {program}", f"  interval {INTERVAL_S}", f"  fall {FALL}", "}"]
        self.lines = ["track_script {", "  it", "}"]


TRACKERS: dict[str, type[Tracked]] = {"script": Script, "process": Process, "check": Check}
