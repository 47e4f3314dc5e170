"""VRRP daemons as the demo, the lab tests and the benchmark run them: in a namespace, with files of their own."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

import msgspec

from alived.adapters.netns import kill_all, signal_all


class InstanceText(msgspec.Struct, frozen=True, kw_only=True):
    """What a `vrrp_instance` of keepalived.conf says; both daemons read it."""

    name: str
    interface: str = "eth0"
    virtual_router_id: int
    priority: int
    advert_int: float = 1.0
    addresses: Sequence[str] = ()
    state: str = "BACKUP"
    lines: Sequence[str] = ()
    """More lines of the block, as they are."""


ADVERTISED_MOST = 200
"""An advert carries at most 255 addresses; the rest go where keepalived.conf wants them."""


def keepalived_conf(
    instances: Sequence[InstanceText], *, version: int = 3, global_defs: Sequence[str] = (), blocks: Sequence[str] = ()
) -> str:
    """The text of a keepalived.conf; `blocks` are further top-level blocks, before the instances."""
    lines = ["global_defs {", "  router_id lab", f"  vrrp_version {version}", "  script_user root"]
    lines += [f"  {line}" for line in global_defs] + ["}", *blocks]
    for instance in instances:
        lines += [
            f"vrrp_instance {instance.name} {{",
            f"  state {instance.state}",
            f"  interface {instance.interface}",
            f"  virtual_router_id {instance.virtual_router_id}",
            f"  priority {instance.priority}",
            f"  advert_int {instance.advert_int:g}",
            *(f"  {line}" for line in instance.lines),
        ]
        advertised, excluded = instance.addresses[:ADVERTISED_MOST], instance.addresses[ADVERTISED_MOST:]
        for keyword, addresses in ("virtual_ipaddress", advertised), ("virtual_ipaddress_excluded", excluded):
            if addresses:
                lines += [f"  {keyword} {{", *(f"    {address}" for address in addresses), "  }"]
        lines += ["}"]
    return "\n".join(lines) + "\n"


class Daemon:
    """A daemon in a namespace. Subclasses say how it is started; `config` is the file that it reads."""

    name = ""

    def __init__(self, namespace: str, directory: pathlib.Path) -> None:
        self.namespace = namespace
        self.directory = directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.config = directory / "daemon.conf"
        self.log_file = directory / "daemon.log"
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def launch(self) -> list[str]:
        """The command, run in the namespace."""
        return ["ip", "netns", "exec", self.namespace, *self.command()]

    def start(self) -> int:
        """Starts it and gives the moment (ns since the epoch, the clock of captured frames)."""
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self.launch(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return time.time_ns()

    @property
    def pid(self) -> int:
        assert self.process is not None, "not started"
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def pids(self) -> list[int]:
        """The process and all its descendants, parents first."""
        parent_of: dict[int, int] = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                with contextlib.suppress(OSError):  # it has ended meanwhile
                    stat = pathlib.Path(f"/proc/{entry}/stat").read_text()
                    parent_of[int(entry)] = int(stat.rpartition(")")[2].split()[1])
        tree = [self.pid]
        for pid in tree:
            tree += [child for child, parent in parent_of.items() if parent == pid]
        return tree

    def reload(self) -> None:
        os.kill(self.pid, signal.SIGHUP)

    def terminate(self) -> None:
        """Asks for a graceful end; `wait` waits for it."""
        os.kill(self.pid, signal.SIGTERM)

    def wait(self, timeout: float = 15) -> float:
        """Waits for the end and gives the seconds; kills what has not ended by then."""
        assert self.process is not None, "not started"
        begin = time.monotonic()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
        return time.monotonic() - begin

    def kill(self, pids: Sequence[int] = ()) -> None:
        """kill -9 of the whole tree; those who measure ask for `pids()` beforehand."""
        pids = pids or self.pids()
        kill_all(pids)
        assert self.process is not None, "not started"
        self.process.wait()
        for pid in pids:
            with contextlib.suppress(ChildProcessError):  # only ours if we adopt orphans
                os.waitpid(pid, 0)

    def freeze(self) -> None:
        signal_all(self.pids(), signal.SIGSTOP)

    def thaw(self) -> None:
        signal_all(tuple(reversed(self.pids())), signal.SIGCONT)

    def stop(self) -> None:
        """Ends it if it runs, frozen or not."""
        if self.alive:
            self.thaw()
            self.terminate()
            self.wait()


class Alived(Daemon):
    """This alived, run by this Python."""

    name = "alived"
    prefix: Sequence[str] = (sys.executable, "-m", "alived")

    @property
    def runtime_dir(self) -> pathlib.Path:
        return self.directory / "run"

    def command(self) -> list[str]:
        return [*self.prefix, "run", "--config", str(self.config), "--runtime-dir", str(self.runtime_dir)]


class Keepalived(Daemon):
    """The real keepalived, VRRP only."""

    name = "keepalived"
    prefix: Sequence[str] = ("keepalived",)

    def command(self) -> list[str]:
        files = self.directory / "keepalived.pid", self.directory / "vrrp.pid"
        for file in files:
            file.unlink(missing_ok=True)  # as after the reboot of a machine that crashed
        # -G: without a syslog daemon every line would go to the console of the machine, at milliseconds each.
        return [*self.prefix, "-n", "-l", "-G", "-P", "-f", str(self.config), "-p", str(files[0]), "-r", str(files[1])]
