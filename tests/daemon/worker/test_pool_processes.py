"""Real and virtual servers through the processes: checks, verdicts, scripts, pipes and the status; and deaths."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alived.base import Family
from alived.config.model import Config, GlobalDefs, PoolMember, Service
from alived.health.config import AnyCheck, FileCheck
from alived.health.trackers_config import TrackFile, Weight
from alived.hooks.config import Script
from alived.lvs.config import Endpoint, Protocol, RealServer, VirtualServer
from alived.notify.config import Fifo, Fifos
from tests.daemon.checked import listening, tcp, unused_port
from tests.daemon.processes import Daemon, eventually

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="scripts are started by root")
ENGINES = pytest.mark.parametrize("options", [(), ("--single",)], ids=["processes", "single"])
VIRTUAL = "[192.0.2.1]:tcp:80"
A, B = "[192.0.2.7]:tcp:80", "[192.0.2.8]:tcp:80"


class Told:
    """Scripts that leave a line each in a file."""

    def __init__(self, directory: Path) -> None:
        directory.chmod(0o755)
        self._trace = directory / "trace"
        self._program = directory / "tell"
        self._program.write_text(
            f'#!/bin/sh\necho "$1 $ALIVED_KIND $ALIVED_STATE $ALIVED_NAME $ALIVED_VIRTUAL_SERVER" >> {self._trace}\n'
        )
        self._program.chmod(0o755)
        self.pipe = str(directory / "pipe")

    def script(self, word: str) -> Script:
        return Script(argv=(str(self._program), word), user="root")

    @property
    def lines(self) -> list[str]:
        return self._trace.read_text().splitlines() if self._trace.exists() else []

    def configuration(self, *members: tuple[str, AnyCheck], **virtual: Any) -> str:
        pool = tuple(
            PoolMember(
                server=RealServer(endpoint=Endpoint(address, 80), family=Family.IPV4),
                checks=(check,),
                notify_up=self.script("up"),
                notify_down=self.script("down"),
            )
            for address, check in members
        )
        service = Service(
            virtual_server=VirtualServer(
                service=Endpoint("192.0.2.1", 80), family=Family.IPV4, protocol=Protocol.TCP, **virtual
            ),
            pool=pool,
            quorum_up=self.script("quorum_up"),
            quorum_down=self.script("quorum_down"),
        )
        defaults = GlobalDefs(rt_priority=0, fifos=Fifos(lvs=Fifo(path=self.pipe, user="root", group="root")))
        weights = TrackFile(name="weights", path=str(self._trace) + ".weight", weight=Weight(2))
        config = Config(global_defs=defaults, track_files=(weights,), virtual_servers=(service,))
        return msgspec.json.encode(config).decode()

    def weigh(self, number: int) -> None:
        Path(str(self._trace) + ".weight").write_text(f"{number}\n")


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path)


class Pipe:
    """A reader, who is there before the daemon."""

    def __init__(self, path: str) -> None:
        os.mkfifo(path)
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._text = ""

    @property
    def lines(self) -> list[str]:
        with contextlib.suppress(BlockingIOError):
            self._text += os.read(self._fd, 65536).decode()
        return self._text.splitlines()

    def close(self) -> None:
        os.close(self._fd)


def shown(daemon: Daemon) -> dict[str, Any]:
    (one,) = daemon.ask("status")["result"]["virtual_servers"]
    assert isinstance(one, dict)
    return one


def checks(daemon: Daemon) -> list[dict[str, Any]]:
    found = daemon.ask("status")["result"]["checks"]
    assert isinstance(found, list)
    return found


def states(daemon: Daemon) -> list[str]:
    service = shown(daemon)
    return [service["state"], *(server["state"] for server in service["real_servers"])]


@ENGINES
def test_scripts_pipes_status_and_log_say_the_same(daemon: Daemon, told: Told, options: tuple[str, ...]) -> None:
    pipe, port = Pipe(told.pipe), unused_port()
    daemon.start(told.configuration(("192.0.2.7", tcp(port)), omega=True), *options)
    eventually(lambda: len(told.lines) == 3, "up at the start, then down")
    assert sorted(told.lines) == [
        f"down RS DOWN {A} {VIRTUAL}",
        f"quorum_down VS DOWN {VIRTUAL} {VIRTUAL}",
        f"quorum_up VS UP {VIRTUAL} {VIRTUAL}",
    ]
    lines = [f"VS {VIRTUAL} UP", f"RS {A} {VIRTUAL} DOWN", f"VS {VIRTUAL} DOWN"]
    eventually(lambda: pipe.lines == lines, "lines of keepalived")
    reason = "TCP_CHECK of 192.0.2.7:80 for 192.0.2.1:80 failed: connection refused"
    assert shown(daemon)["real_servers"][0]["reason"] == reason
    assert f"real server {A} of {VIRTUAL} is down: {reason}" in daemon.log()
    with listening(port):
        eventually(lambda: states(daemon) == ["up", "up"], "it is up")
        daemon.signal(signal.SIGTERM)
        daemon.wait()
    assert pipe.lines[3:] == [
        f"RS {A} {VIRTUAL} UP",
        f"VS {VIRTUAL} UP",
        f"RS {A} {VIRTUAL} DOWN",
        f"VS {VIRTUAL} DOWN",
    ]
    assert sorted(told.lines[5:]) == [f"down RS DOWN {A} {VIRTUAL}", f"quorum_down VS DOWN {VIRTUAL} {VIRTUAL}"]
    pipe.close()


def test_a_worker_that_dies_takes_no_server_with_it(daemon: Daemon, told: Told) -> None:
    with listening() as port:
        dead = unused_port()
        daemon.start_and_wait(told.configuration(("192.0.2.7", tcp(port)), ("192.0.2.8", tcp(dead))))
        eventually(lambda: states(daemon) == ["up", "up", "down"], "one is down")
        os.kill(daemon.pid_of("worker"), signal.SIGKILL)
        eventually(lambda: daemon.processes()["worker"]["restarts"] == 1, "another worker")
        eventually(lambda: all((check["probes"] or {}).get("streak", 0) > 3 for check in checks(daemon)), "it asks")
        assert states(daemon) == ["up", "up", "down"]
        with listening(dead):
            eventually(lambda: states(daemon) == ["up", "up", "up"], "what was down comes up")
    assert [line.split()[0] for line in told.lines].count("quorum_up") == 1


def test_the_number_in_a_file_is_added_to_the_weight(daemon: Daemon, told: Told) -> None:
    told.weigh(3)
    check = FileCheck(track_file="weights")
    daemon.start_and_wait(told.configuration(("192.0.2.7", check), ("192.0.2.8", check)))

    def weights() -> list[int]:
        return [server["weight"] for server in shown(daemon)["real_servers"]]

    eventually(lambda: weights() == [7, 7], "1 + 3 x 2")
    told.weigh(-(1 << 31))
    eventually(lambda: states(daemon) == ["down", "down", "down"], "the least of numbers is a failure")
    told.weigh(0)
    eventually(lambda: states(daemon) == ["up", "up", "up"], "0 adds nothing")
    assert weights() == [1, 1]
    (tracker,) = daemon.ask("status")["result"]["trackers"]
    assert [one["name"] for one in tracker["tracked_by"]] == ["192.0.2.1:80 192.0.2.7:80", "192.0.2.1:80 192.0.2.8:80"]


def test_a_reload_keeps_what_is_known_and_tells_of_what_is_gone(daemon: Daemon, told: Told) -> None:
    with listening() as port:
        dead = unused_port()
        daemon.start_and_wait(told.configuration(("192.0.2.7", tcp(port)), ("192.0.2.8", tcp(dead))))
        eventually(lambda: states(daemon) == ["up", "up", "down"], "one is down")
        daemon.config.write_text(told.configuration(("192.0.2.8", tcp(dead)), ("192.0.2.9", tcp(port))))
        assert daemon.ask("reload")["ok"]
        assert states(daemon) == ["up", "down", "up"]
        eventually(lambda: f"down RS DOWN {A} {VIRTUAL}" in told.lines, "the one that is gone is told of")
        assert sum(line.startswith("down RS") for line in told.lines) == 2
