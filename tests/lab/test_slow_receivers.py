"""Nobody who is told of changes can hold up an advert or a heartbeat: receivers that hang, are away, or do not read."""

from __future__ import annotations

import contextlib
import itertools
import os
import pathlib
import re
import socket
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest

from alived.adapters.control_client import ask as ask_control
from alived.adapters.netns import inside
from alived.adapters.runtime_dir import SOCKET_FILE
from alived.hooks.events import Kind, Word
from alived.notify.outbox_events import Letter
from tests.lab.attempts import attempts
from tests.lab.cluster import ClusterLab, term_of
from tests.lab.lab import CLIENT, PATIENCE_S, Lab, advertisers, instance

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]
NEWS = 400
PER_SECOND = 100
REAL_TIME = "vrrp_rt_priority 50"
HIGH, LOW = 150, 120
STALL_MS = 20
"""No daemon sends meanwhile: this is two adverts left out, and half of what a heartbeat may be late."""
NODES = ("n1", "n2", "n3")
EVENTS = "master backup fault stop deleted master_priority backup_priority"


@contextlib.contextmanager
def silent(lab: Lab, node: str) -> Iterator[int]:
    """A port whose server takes connections (the kernel does) and never says a word."""
    with inside(lab.network.namespace(node)), socket.create_server((lab.network.address(node), 0)) as sock:
        yield int(sock.getsockname()[1])


class StuckPipe:
    """A named pipe that is full, and that nobody reads until the end."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        os.mkfifo(path)
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self._junk = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                self._junk += os.write(self._fd, b"x" * 4096)

    def read_on(self) -> str:
        """What there is now behind the junk."""
        said = b""
        with contextlib.suppress(BlockingIOError):
            while True:
                said += os.read(self._fd, 1 << 16)
        skipped, self._junk = min(self._junk, len(said)), max(0, self._junk - len(said))
        return said[skipped:].decode()

    def close(self) -> None:
        os.close(self._fd)


def stopped_reader(directory: pathlib.Path) -> pathlib.Path:
    """Opens its pipe, and stops for good before it reads a line."""
    path = directory / "stopped.sh"
    path.write_text("#!/bin/sh\nexec < $1\nkill -STOP $$\n")
    path.chmod(0o755)
    return path


def flap(tracked: pathlib.Path, changes: int) -> None:
    for number in range(changes):
        tracked.write_text("0" if number % 2 else str(LOW - HIGH))
        time.sleep(1 / PER_SECOND)


def priorities(lines: Sequence[str]) -> list[int]:
    """Of the lines about a MASTER, in order."""
    found = (re.fullmatch(r'INSTANCE "VI" MASTER(?:_PRIORITY)? (\d+)', line) for line in lines)
    return [int(each[1]) for each in found if each]


def receivers(port: int, address: str) -> list[str]:
    """Blocks of webhooks of which none takes anything."""
    where = {"hangs": f"{address}:{port}", "away": "192.0.2.99:80", "refuses": f"{address}:1"}
    hooks = [
        line
        for name, host in where.items()
        for line in (f"webhook {name} {{", f"url http://{host}/", f"events {EVENTS}", "timeout 300", "}")
    ]
    return ["notifications {", *hooks, "}"]


@pytest.mark.usefixtures("make_lab")
def test_adverts_of_10_ms_go_on_beside_receivers_that_do_not_listen() -> None:
    for attempt in attempts(STALL_MS):
        with attempt, Lab("n1", "n2") as lab:
            adverts_go_on(lab)


def adverts_go_on(lab: Lab) -> None:
    """What n1 has to tell, a hundred times a second, delays no advert so much that n2 would take over after 36 ms."""
    directory = lab.network.directory
    tracked = directory / "tracked"
    tracked.write_text("0")
    with contextlib.closing(StuckPipe(directory / "stuck")) as pipe, silent(lab, "n2") as port:
        address = lab.network.address("n2")
        lab.start("n2", instance(100, advert_int=0.01), global_defs=[REAL_TIME])
        lab.start(
            "n1",
            instance(HIGH, "track_file {", "  changes weight 1", "}", "smtp_alert on", advert_int=0.01),
            global_defs=[
                REAL_TIME,
                "vrrp_notify_priority_changes on",
                f"notify_fifo {pipe.path}",
                f"vrrp_notify_fifo {directory}/unread",
                f'vrrp_notify_fifo_script "{stopped_reader(directory)}"',
                *("notification_email {", "ops@example.com", "}", f"smtp_server {address} {port}"),
            ],
            blocks=["track_file changes {", f"  file {tracked}", "}", *receivers(port, address)],
        )
        lab.until_owner("n1")
        began_ns, before = time.time_ns(), history(lab)
        assert ("VI", "BACKUP", "MASTER") in before["n1"]
        flap(tracked, NEWS)
        found = lab.status("n1")
        lab.hear()
        assert history(lab) == before, lab.story()
        frames = [frame for frame in lab.frames if frame[1].time_ns >= began_ns]
        assert advertisers(frames) == {"n1"}, lab.story()
        assert found["scheduling"].startswith("SCHED_RR"), found["scheduling"]
        states = {one["name"]: one["state"] for one in found["notifications"]}
        assert set(states) == {"mail", "hangs", "away", "refuses"}
        assert "idle" not in states.values()
        waits = {one["keyword"]: one for one in found["pipes"]}["notify_fifo"]
        assert (waits["waiting"] > NEWS // 4, waits["dropped"]) == (True, 0)
        lines: list[str] = []
        lab.until(lambda: lines.extend(pipe.read_on().splitlines()) or len(lines) >= waits["waiting"], "all is read")
        seen = priorities(lines)
        assert seen[0] == HIGH
        assert set(seen) == {HIGH, LOW}
        assert all(one != after for one, after in itertools.pairwise(seen[1:])), "a change was left out"


@pytest.mark.usefixtures("make_cluster_lab")
def test_heartbeats_go_on_beside_receivers_that_do_not_listen() -> None:
    for attempt in attempts(STALL_MS):
        with attempt, ClusterLab(*NODES) as lab:
            heartbeats_go_on(lab)


def heartbeats_go_on(lab: ClusterLab) -> None:
    """A hundred news a second come from an instance on each node; the group elected by Raft has its owner and term
    before and after. What the owner has to tell of the group names the term."""
    directory = lab.network.directory
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(silent(lab, CLIENT))
        reader = stopped_reader(directory)
        pipes = {node: stack.enter_context(contextlib.closing(StuckPipe(directory / f"{node}.fifo"))) for node in NODES}
        for number, node in enumerate(NODES):
            (directory / f"{node}.tracked").write_text("0")
            top = speaking(directory, node, pipes[node].path, reader, f"{lab.network.address(CLIENT)}:{port}", number)
            lab.prepare(node, top=top)
            lab.daemons[node].start()
        observer = lab.observe()
        lab.until_leader()
        owner = lab.until_settled(observer)
        before = {node: term_of(lab.member_view(node)) for node in NODES}
        begin_ns = time.time_ns()
        for round_ in range(NEWS):
            for node in NODES:
                (directory / f"{node}.tracked").write_text("0" if round_ % 2 else str(LOW - HIGH))
            observer.watch(1 / PER_SECOND)
        found = {node: lab.status(node) for node in NODES}
        assert {node: term_of(lab.member_view(node)) for node in NODES} == before
        assert observer.owners(begin_ns) == [owner], lab.explain(observer, begin_ns)
        for node in NODES:
            (waits,) = (one for one in found[node]["pipes"] if one["keyword"] == "notify_fifo")
            assert waits["waiting"] > NEWS // 4, "there was much to tell"
            assert {one["name"]: one["state"] for one in found[node]["notifications"]}.keys() == {"hangs", "away"}
        spool = lab.directory(owner) / "run" / "spool" / "hangs"
        letters = [msgspec.json.decode(path.read_bytes(), type=Letter).news for path in sorted(spool.iterdir())]
        taken = [news for news in letters if (news.kind, news.word) == (Kind.RAFT, Word.MASTER)]
        assert [news.term for news in taken] == [before[owner]]


def speaking(
    directory: pathlib.Path, node: str, pipe: pathlib.Path, reader: pathlib.Path, host: str, number: int
) -> dict[str, Any]:
    """Further keywords of a node: whom it tells, and an instance of its own that has a lot to tell."""
    hook = {"events": EVENTS, "timeout": 300}
    return {
        "global_defs": {
            "vrrp_version": 3,
            "script_user": "root",
            "vrrp_rt_priority": 50,
            "vrrp_notify_priority_changes": True,
            "notify_fifo": str(pipe),
            "vrrp_notify_fifo": f"{directory}/{node}.unread",
            "vrrp_notify_fifo_script": str(reader),
        },
        "track_files": [{"name": "changes", "file": f"{directory}/{node}.tracked"}],
        "notifications": {
            "webhooks": [
                {"name": "hangs", "url": f"http://{host}/", **hook},
                {"name": "away", "url": "http://192.0.2.99/", **hook},
            ]
        },
        "vrrp_instances": [
            {
                "name": "VI",
                "interface": "eth0",
                "virtual_router_id": 60 + number,
                "priority": HIGH,
                "advert_int": 0.01,
                "virtual_ipaddress": [f"192.0.2.{110 + number}/24"],
                "track_file": ["changes weight 1"],
            }
        ],
    }


def history(lab: Lab) -> dict[str, list[tuple[str, str, str]]]:
    """Changes of state so far, by node."""
    found = {}
    for node in lab.nodes:
        answer = ask_control(str(lab.network.directory / node / "run"), SOCKET_FILE, "history", {}, PATIENCE_S)
        found[node] = [(one["name"], one["old"], one["new"]) for one in answer["result"]]
    return found
