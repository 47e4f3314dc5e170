"""What happens again and again leaves no cycles: the worker hardly ever collects garbage."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Iterator

import msgspec
import pytest

from alived.adapters.loop import Loop
from alived.base import NS_PER_MS
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.messages import BusMessage, TrackerVerdicts
from alived.daemon.worker.worker import Worker
from alived.health.checks_config import NamedCheck
from alived.health.config import HttpCheck, TcpCheck, Url
from tests.daemon.tracked_scripts import shell, tracked

AGAIN = {"delay_loop_ns": 5 * NS_PER_MS, "start_to_start": True, "warmup_ns": 0, "connect_ip": "127.0.0.1"}


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
        listener.setblocking(False)
        yield listener


def test_runs_of_scripts_and_checks_leave_no_cycles(server: socket.socket) -> None:
    if os.geteuid() != 0:
        pytest.skip("scripts are started by root")
    port = server.getsockname()[1]
    answered = TcpCheck(connect_port=port, **AGAIN)  # type: ignore[arg-type]
    refused = TcpCheck(connect_port=1, **AGAIN)  # type: ignore[arg-type]
    silent = HttpCheck(connect_port=port, urls=(Url(path="/"),), connect_timeout_ns=5 * NS_PER_MS, **AGAIN)  # type: ignore[arg-type]
    config = msgspec.structs.replace(
        tracked(shell("echo said", interval_ms=5)),
        checks=tuple(
            NamedCheck(name=name, check=check) for name, check in (("a", answered), ("r", refused), ("s", silent))
        ),
    )
    loop, sent = Loop(), list[BusMessage]()
    worker = Worker(ChildContext("worker", loop, config, sent.append))
    worker.start()
    worker.handle(TrackerVerdicts(()))
    turn_for(loop, 50)
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        turn_for(loop, 200)
        gc.collect()
        left = [type(thing).__name__ for thing in gc.garbage if type(thing).__module__.startswith("alived")]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
        ended: list[bool] = []
        worker.stop(lambda: ended.append(True))
        while not ended:
            turn_for(loop, 5)
        loop.close()
    assert left == []


def turn_for(loop: Loop, ms: int) -> None:
    loop.call_later(ms * NS_PER_MS, loop.stop)
    loop.run()
