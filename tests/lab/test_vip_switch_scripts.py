"""The scripts of examples/vip-switch, run for real: by dash and by bash, on an interface, beside a neighbour."""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence

import pytest

from tests.segment import ETH_P_ALL, OWN_MAC, Segment, drain, heard_until, wait_for
from tests.segment import segment as segment

pytestmark = pytest.mark.lab

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples" / "vip-switch"
SCRIPTS = ("on-master.sh", "on-slave.sh", "on-ready.sh", "on-destroy.sh")
VIP4, VIP6 = "192.0.2.77/24", "2001:db8::77/64"
SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(tmp_path: pathlib.Path, segment: Segment) -> pathlib.Path:
    """/etc/vip-switch, where a path may have a blank and worse in it."""
    path = tmp_path / "vip switch $(touch x) '\""
    shutil.copytree(EXAMPLES, path)
    return path


@pytest.fixture(params=SHELLS)
def run(request: pytest.FixtureRequest, folder: pathlib.Path, tmp_path: pathlib.Path) -> Run:
    """run(SCRIPT, VIP_CONF, tools=(NAME, ...)): by this shell, in the namespace of the test, with these commands."""

    def by_shell(
        script: str, vip_conf: str, tools: Sequence[str] = ("ip", "alived")
    ) -> subprocess.CompletedProcess[str]:
        (folder / "vip.conf").write_bytes(vip_conf.encode())
        environment = {"PATH": str(commands(tmp_path / "bin", tools)), "VIP_SWITCH_DIR": str(folder)}
        shell = shutil.which(request.param)
        assert shell is not None
        return subprocess.run(
            [shell, str(folder / script)], env=environment, cwd=tmp_path, capture_output=True, text=True
        )

    return by_shell


def commands(folder: pathlib.Path, names: Sequence[str]) -> pathlib.Path:
    """A directory with nothing but these commands."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in (*names, "sleep"):
        if name == "alived":
            path = os.pathsep.join(filter(None, sys.path))
            body = f"PYTHONPATH='{path}' exec '{sys.executable}' -m alived \"$@\""
        else:
            body = f"exec '{shutil.which(name)}' \"$@\""
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    return folder


def conf(address: str = VIP4, interface: str = "eth0", count: object = 3, delay: object = 0) -> str:
    return f'VIP_ADDRESS="{address}"\nINTERFACE="{interface}"\nARP_COUNT={count}\nARP_DELAY_MS={delay}\n'


def addresses() -> set[str]:
    """What eth0 has, without the kernel's own link-local address."""
    shown = subprocess.run(["ip", "-o", "address", "show", "dev", "eth0"], capture_output=True, text=True, check=True)
    return {line.split()[3] for line in shown.stdout.splitlines() if "scope link" not in line}


def announced(frames: Sequence[bytes], address: str) -> int:
    """Gratuitous ARPs and unsolicited neighbour advertisements of an address, that name our MAC, among frames."""
    text = address.partition("/")[0]
    if ":" not in text:
        packed = socket.inet_aton(text)
        claim = OWN_MAC + packed
        return sum(f[12:14] == b"\x08\x06" and f[22:32] == claim and f[38:42] == packed for f in frames)
    packed = socket.inet_pton(socket.AF_INET6, text)
    return sum(
        f[12:14] == b"\x86\xdd" and f[54] == 136 and not f[58] & 0x40 and f[62:78] == packed and f[80:86] == OWN_MAC
        for f in frames
    )


@pytest.mark.parametrize("address", [VIP4, VIP6])
def test_a_master_has_the_address_and_tells_the_neighbours(segment: Segment, run: Run, address: str) -> None:
    before, listener = addresses(), segment.other_frames(ETH_P_ALL)
    done = run("on-master.sh", conf(address))
    assert (done.returncode, done.stderr) == (0, "")
    assert addresses() - before == {address}
    frames = heard_until(listener, lambda found: announced(found, address) >= 3)
    assert announced(frames, address) == 3
    assert run("on-master.sh", conf(address)).returncode == 0, "a second time does no harm"
    assert addresses() - before == {address}
    listener.close()


def test_an_ipv6_address_is_usable_at_once_and_never_a_source(run: Run) -> None:
    assert run("on-master.sh", conf(VIP6)).returncode == 0
    shown = subprocess.run(["ip", "-6", "address", "show", "dev", "eth0", "to", "2001:db8::77"], capture_output=True)
    assert b"deprecated" in shown.stdout
    assert b"tentative" not in shown.stdout
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind(("2001:db8::77", 0))


@pytest.mark.parametrize("script", SCRIPTS[1:])
@pytest.mark.parametrize("address", [VIP4, VIP6])
def test_the_others_remove_it_and_are_content_if_it_is_not_there(run: Run, script: str, address: str) -> None:
    before = addresses()
    assert run("on-master.sh", conf(address, count=0)).returncode == 0
    assert addresses() != before
    for _ in range(2):
        done = run(script, conf(address))
        assert (done.returncode, done.stderr) == (0, "")
        assert addresses() == before


def test_it_is_removed_with_another_length_than_vip_conf_has_now(run: Run) -> None:
    before = addresses()
    run("on-master.sh", conf("192.0.2.77/25", count=0))
    assert run("on-slave.sh", conf("192.0.2.77")).returncode == 0
    assert addresses() == before, "and no other address of that subnet went with it"


def test_an_interface_that_is_gone_has_no_address_left(run: Run) -> None:
    assert run("on-slave.sh", conf(interface="eth7")).returncode == 0
    done = run("on-master.sh", conf(interface="eth7"))
    assert done.returncode != 0, "but a master that cannot bind must not pass for one"


def test_without_ip_nothing_passes_for_done(run: Run) -> None:
    assert run("on-slave.sh", conf(), tools=()).returncode != 0
    assert run("on-master.sh", conf(), tools=()).returncode != 0


def test_what_the_kernel_refuses_is_a_failure(run: Run) -> None:
    before = addresses()
    done = run("on-master.sh", conf("192.0.999.1/24"))
    assert done.returncode != 0
    assert "192.0.999.1" in done.stderr
    assert addresses() == before


@pytest.mark.parametrize("tools", [("ip", "alived"), ("ip", "arping")], ids=["alived", "arping"])
def test_the_pace_of_the_announcements_is_that_of_vip_conf(segment: Segment, run: Run, tools: Sequence[str]) -> None:
    """ARP_DELAY_MS=200 is 0.2 s, and 5 is 0.005 s, not 0.5."""
    if shutil.which(tools[-1]) is None and tools[-1] != "alived":
        pytest.skip("arping is not installed (Debian package iputils-arping)")
    listener = segment.other_frames(0x0806)
    listener.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
    took_s = {}
    for delay_ms in (200, 5):
        assert run("on-master.sh", conf(count=4, delay=delay_ms), tools=tools).returncode == 0
        times: list[float] = []
        while len(times) < 4:
            wait_for(listener)
            frame, control, _, _ = listener.recvmsg(256, 64)
            if announced([frame], VIP4):
                seconds, nanoseconds = (int.from_bytes(control[0][2][at : at + 8], sys.byteorder) for at in (0, 8))
                times.append(seconds + nanoseconds / 1e9)
        took_s[delay_ms] = times[-1] - times[0]
    # Each frame may be late on a busy machine, so single gaps say little; read wrongly, the second would be the longer.
    assert took_s[200] >= 0.5
    assert took_s[5] < took_s[200]
    listener.close()


def test_nobody_to_announce_is_said_and_the_address_is_kept(run: Run) -> None:
    done = run("on-master.sh", conf(), tools=("ip",))
    assert done.returncode == 0
    assert "neither alived nor arping" in done.stderr
    assert VIP4 in addresses()
    done = run("on-master.sh", conf(VIP6), tools=("ip", "arping"))
    assert done.returncode == 0
    assert "without the command alived" in done.stderr


HOSTILE = [
    'VIP_ADDRESS="$(touch owned)"\n',
    "VIP_ADDRESS=`touch owned`\n",
    "VIP_ADDRESS='192.0.2.77/24'; touch owned\n",
    "touch owned\n",
    'VIP_ADDRESS="192.0.2.77/24" touch owned\n',
    'VIP_ADDRESS="192.0.2.77/24\nINTERFACE="\n',
    "VIP_ADDRESS=192.0.2.77/24 dev lo\n",
    "VIP_ADDRESS=192.0.2.77/24/24\n",
    "VIP_ADDRESS=-family\n",
    "VIP_ADDRESS=/24\n",
    "VIP_ADDRESS=$PATH\n",
    "INTERFACE='eth0 nodad'\n",
    "INTERFACE=../eth0\n",
    "INTERFACE=-all\n",
    "INTERFACE=abcdefghijklmnop\n",
    "INTERFACE=\n",
    "VIP_ADDRESS=\n",
    "ARP_COUNT=1;touch\n",
    "ARP_COUNT=101\n",
    "ARP_COUNT=-1\n",
    "ARP_COUNT=010\n",
    "ARP_COUNT=a[$(touch owned)]\n",
    "ARP_DELAY_MS=0.2\n",
    "ARP_DELAY_MS=99999999999999999999\n",
    "ARP_DELAY_MS=60001\n",
    "PATH=/tmp\nVIP_ADDRESS=\n",
]
"""Lines behind a good file; the last word on a value counts."""


@pytest.mark.parametrize("script", ["on-master.sh", "on-slave.sh"])
@pytest.mark.parametrize("lines", HOSTILE)
def test_a_vip_conf_that_says_more_than_values_does_nothing(
    run: Run, tmp_path: pathlib.Path, script: str, lines: str
) -> None:
    before = addresses()
    done = run(script, conf() + lines)
    assert done.returncode == 1, done.stderr
    assert "vip.conf" in done.stderr
    assert addresses() == before
    assert not list(tmp_path.rglob("owned")) and not list(tmp_path.rglob("x"))


@pytest.mark.parametrize(
    "text",
    [
        "# a comment\n\n  VIP_ADDRESS='192.0.2.77/24'   # the address\n\texport INTERFACE=eth0\nARP_COUNT=0",
        "VIP_ADDRESS=192.0.2.77/24\r\nINTERFACE=eth0\r\nARP_COUNT=0\r\n",
        'export VIP_ADDRESS="192.0.2.77/24"\nINTERFACE=eth0\nARP_COUNT=0\nOTHER="some; thing"\n',
    ],
    ids=["quotes and comments", "carriage returns", "more names"],
)
def test_what_people_write_is_read(run: Run, text: str) -> None:
    before = addresses()
    done = run("on-master.sh", text)
    assert done.returncode == 0, done.stderr
    assert addresses() - before == {VIP4}


def test_a_missing_vip_conf_is_said(run: Run, folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for script in SCRIPTS:
        environment = {**os.environ, "VIP_SWITCH_DIR": str(folder), "VIP_CONF": str(tmp_path / "none")}
        done = subprocess.run([str(folder / script)], env=environment, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (1, f"{tmp_path / 'none'}: there is no such file\n")


def test_an_address_that_is_not_there_is_not_announced(segment: Segment) -> None:
    listener = segment.other_frames()
    command = [sys.executable, "-m", "alived", "announce", "-i", "eth0", "--delay-ms", "0"]
    done = subprocess.run([*command, VIP4], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        1,
        "alived announce: 192.0.2.77 is not on eth0: nothing is announced\n",
    )
    done = subprocess.run([*command[:5], "eth9", VIP4], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "alived announce: there is no interface eth9\n")
    assert subprocess.run([*command, "192.0.2.999"], capture_output=True).returncode == 2
    assert not announced(drain(listener), VIP4)
    listener.close()


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck_has_nothing_to_say() -> None:
    scripts = [str(path) for path in sorted(EXAMPLES.glob("*.sh"))]
    done = subprocess.run(
        ["shellcheck", "--external-sources", "--source-path", str(EXAMPLES.parents[1]), *scripts],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "")
