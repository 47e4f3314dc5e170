"""A daemon with the fake engine as real processes, for tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from alived.adapters.control_client import ask
from alived.config.model import Config, Instance
from alived.hooks.config import NotifyScripts
from alived.vip.config import VipGroup
from alived.vrrp.config import VrrpInstance

PATIENCE_S = 60
"""A defect shows itself as a wait that does not end; a busy machine does not."""

LIMITS_MS = (300, 3_000, 30_000)
"""For a script that is ended because it takes too long: the first within which a busy machine lets it begin."""


def has_begun(trace: Path) -> bool:
    """Whether a script has left its line."""
    return trace.exists() and trace.read_text() != ""


def eventually(condition: Callable[[], Any], what: str) -> Any:
    give_up = time.monotonic() + PATIENCE_S
    while not (result := condition()):
        assert time.monotonic() < give_up, f"never happened: {what}"
        time.sleep(0.01)
    return result


def make_config(*names: str, notify: NotifyScripts | None = None, advert_interval_cs: int = 100) -> str:
    instances = tuple(
        Instance(
            vrrp=VrrpInstance(
                name=name, interface="lo", virtual_router_id=number, advert_interval_cs=advert_interval_cs, version=3
            ),
            vips=VipGroup(name=name),
            notify=notify or NotifyScripts(),
        )
        for number, name in enumerate(names, 1)
    )
    return msgspec.json.encode(Config(instances=instances)).decode()


class Daemon:
    """A daemon with the fake engine in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.run_dir = directory / "run"
        self.config = directory / "config"
        self.process: subprocess.Popen[bytes] | None = None
        (self.run_dir / "orders").mkdir(parents=True)

    def start(self, config: str, *options: str, **environment: str) -> None:
        self.config.write_text(config)
        command = [sys.executable, "-m", "tests.daemon.fake_daemon", "--config", str(self.config)]
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                [*command, "--runtime-dir", str(self.run_dir), *options],
                stdin=subprocess.DEVNULL,
                stderr=log,
                env=os.environ | environment,
            )

    def start_and_wait(self, config: str, *options: str, **environment: str) -> None:
        self.start(config, *options, **environment)
        eventually(lambda: " ready: " in self.log(), "the daemon is ready")

    def log(self) -> str:
        return (self.directory / "log").read_text()

    def bound(self) -> list[str]:
        return sorted(path.name for path in (self.run_dir / "bound").iterdir())

    def reaped(self) -> int:
        return len((self.run_dir / "reaped").read_text().splitlines())

    def ask(self, command: str, /, **arguments: Any) -> dict[str, Any]:
        return ask(str(self.run_dir), "alived.sock", command, arguments, PATIENCE_S)

    def processes(self) -> dict[str, dict[str, Any]]:
        return {p["role"]: p for p in self.ask("status")["result"]["processes"]}

    def pid_of(self, role: str) -> int:
        return int(eventually(lambda: self.processes()[role]["pid"], f"the {role} runs"))

    def order(self, what: str) -> None:
        (self.run_dir / "orders" / what).touch()

    def signal(self, signum: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(signum)

    def wait(self) -> int:
        assert self.process is not None
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_S)
            finally:
                self.process.kill()


def is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter if it ends between open and read
        return False
