"""A machine whose PID 1 is a real systemd, in namespaces of its own, on the network of a node of the lab.

Its files are this machine's; what it writes stays in memory and goes with it. None of this machine's services runs.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator

import pytest

import alived
from alived.adapters.netns import inside
from tests.lab.lab import Lab

SYSTEMD = pathlib.Path("/lib/systemd/systemd")
TOOLS = "systemctl", "journalctl", "unshare", "nsenter", "setpriv", "tail"
REPOSITORY = pathlib.Path(__file__).parents[2]
SOURCE = pathlib.Path(alived.__file__).parents[1]
PATIENCE_S = 120.0
"""How long a test waits for what must come: a systemd that starts on a busy machine, too."""

_BOOT = r"""
set -e
echo 0 >"$CGROUP/cgroup.procs"
exec setpriv --pdeathsig KILL --bounding-set -sys_module,-sys_boot,-sys_time,-sys_rawio \
    unshare --pid --fork --kill-child --mount --uts --ipc --cgroup sh -c '
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$ROOT"
cd "$ROOT"
mkdir changes work new
mount -t overlay -o lowerdir=/,upperdir=changes,workdir=work overlay new
cd new
mount -t proc proc proc
for path in proc/sys proc/sys/net; do mount --bind $path $path; done
mount -o remount,bind,ro proc/sys
mount -t sysfs sysfs sys
mount -o remount,bind,ro sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for path in dev/shm run tmp etc/systemd/system; do mount -t tmpfs tmpfs $path; done
for path in $SHOWN; do
    mkdir -p ".$path"
    mount --rbind "$path" ".$path"
    mount -o remount,bind,ro ".$path"
done
echo "$MACHINE_ID" >etc/machine-id
: >etc/fstab
mkdir .before
pivot_root . .before
umount -l /.before
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin '$SYSTEMD' --system --unit=basic.target
'
"""
_ALIVED = f"""#!/bin/sh
export PYTHONPATH={SOURCE}
exec {sys.executable} -m alived "$@"
"""


def why_not() -> str:
    """Why no systemd can be started here, or ""."""
    if not SYSTEMD.exists():
        return f"needs {SYSTEMD} (Debian package systemd)"
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        return f"needs {', '.join(missing)}"
    if (root := _cgroup_root()) is None or not os.access(root, os.W_OK):
        return "needs a writable cgroup2"
    return ""


def _cgroup_root() -> pathlib.Path | None:
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup2":
            return pathlib.Path(where)
    return None


class SystemdMachine:
    """`with SystemdMachine(lab, "n1") as machine`: booted, alived installed as README.md says, nothing started."""

    def __init__(self, lab: Lab, node: str) -> None:
        self._lab = lab
        self._node = node
        self._pid = 0

    def __enter__(self) -> SystemdMachine:
        with contextlib.ExitStack() as undo:
            directory = pathlib.Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="alived-machine-")))
            self._cgroup = undo.enter_context(_cgroup())
            self._console = directory / "console"
            undo.callback(self._start(directory / "root"))
            self._pid = self._first_process()
            self.until(lambda: self.systemctl("is-system-running") in ("running", "degraded"), "systemd has started")
            self.write("/usr/bin/alived", _ALIVED, 0o755)
            unit = REPOSITORY / "integrations/systemd/alived.service"
            self.write("/etc/systemd/system/alived.service", unit.read_text())
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def _start(self, root: pathlib.Path) -> Callable[[], object]:
        """Gives what ends it."""
        root.mkdir()
        environment = {
            "PATH": os.environ["PATH"],
            "CGROUP": str(self._cgroup),
            "MACHINE_ID": uuid.uuid4().hex,
            "ROOT": str(root),
            "SHOWN": " ".join(sorted({str(SOURCE), str(REPOSITORY), sys.prefix})),
            "SYSTEMD": str(SYSTEMD),
        }
        with inside(self._lab.network.namespace(self._node)), self._console.open("wb") as console:
            process = subprocess.Popen(
                ["sh", "-c", _BOOT],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        self._process = process

        def end() -> None:
            process.kill()  # and with it the kernel kills PID 1, and with that all the others
            process.wait()

        return end

    def _first_process(self) -> int:
        """What PID 1 there is here, once it is systemd."""
        children = pathlib.Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        found: list[int] = []

        def is_there() -> bool:
            assert self._process.poll() is None, f"no systemd: {self._console.read_text()}"
            found[:] = [int(word) for word in children.read_text().split()]
            return bool(found) and pathlib.Path(f"/proc/{found[0]}/comm").read_text() == "systemd\n"

        self.until(is_there, "systemd is there")
        return found[0]

    # -- what tests do with it --

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Like the lab's, for what takes as long as a start of Python and systemd together."""
        try:
            self._lab.until(condition, what, PATIENCE_S)
        except AssertionError as error:
            error.add_note(self._console.read_text())
            if self._pid:
                error.add_note(self.run("journalctl", "--no-pager", "--lines=100"))
            raise

    def run(self, *command: str) -> str:
        """What a command says there, errors included."""
        return self._do(*command).stdout.strip()

    def succeeds(self, *command: str) -> bool:
        return self._do(*command).returncode == 0

    def systemctl(self, *arguments: str) -> str:
        return self.run("systemctl", "--no-pager", *arguments)

    def shows(self, name: str, unit: str = "alived") -> str:
        """A property of a unit."""
        return self.systemctl("show", "--value", f"--property={name}", unit)

    def outside(self, name: str) -> int:
        """The number that a process of the service has here."""
        processes = (self._cgroup / "system.slice/alived.service/cgroup.procs").read_text().split()
        return next(int(pid) for pid in processes if pathlib.Path(f"/proc/{pid}/comm").read_text() == f"{name}\n")

    def journal(self) -> str:
        """What was said by and of alived."""
        return self.run("journalctl", "--no-pager", "--output=cat", "--unit=alived")

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        file = pathlib.Path(f"/proc/{self._pid}/root{path}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def _do(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["nsenter", f"--target={self._pid}", "--all", *command],
            cwd="/",
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@contextlib.contextmanager
def _cgroup() -> Iterator[pathlib.Path]:
    """A cgroup that ends with all that it became."""
    parent = _cgroup_root()
    assert parent is not None
    cgroup = parent / f"alived-machine-{uuid.uuid4().hex[:8]}"
    cgroup.mkdir()
    try:
        yield cgroup
    finally:
        events = cgroup / "cgroup.events"
        end = time.monotonic() + PATIENCE_S
        while "populated 1" in events.read_text():
            assert time.monotonic() < end, f"{cgroup} does not become empty"
            time.sleep(0.01)
        for path, _, _ in os.walk(cgroup, topdown=False):
            os.rmdir(path)


@pytest.fixture
def machine(lab: Lab) -> Iterator[SystemdMachine]:
    """n1 of the lab as a machine of its own."""
    if reason := why_not():
        pytest.skip(reason)
    with SystemdMachine(lab, "n1") as machine:
        yield machine
