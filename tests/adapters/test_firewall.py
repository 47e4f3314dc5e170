"""The firewall table for addresses that accept nothing, as text and on a kernel."""

from __future__ import annotations

import shutil
import socket
import subprocess

import pytest

from alived.adapters import firewall
from alived.adapters.firewall import FirewallError, ruleset
from tests.segment import Segment, ip

TABLE = "alived_test"
VIP = "192.0.2.100"


def test_without_addresses_the_table_is_only_taken_away() -> None:
    assert ruleset(TABLE, [], []) == f"table inet {TABLE} {{}}\ndelete table inet {TABLE}\n"


def test_the_table_is_replaced_as_a_whole() -> None:
    lines = ruleset(TABLE, [VIP, "192.0.2.101"], ["2001:db8::100"]).splitlines()
    assert lines[:2] == [f"table inet {TABLE} {{}}", f"delete table inet {TABLE}"]
    assert "    ip daddr { 192.0.2.100, 192.0.2.101 } counter drop" in lines
    drop = lines.index("    ip6 daddr { 2001:db8::100 } counter drop")
    assert "nd-neighbor-solicit" in lines[drop - 1]


def test_a_machine_without_nft_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(FirewallError, match="cannot run nft"):
        firewall.apply(TABLE, [VIP], [])


def test_an_nft_that_hangs_is_not_waited_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: object, **options: float) -> None:
        raise subprocess.TimeoutExpired("nft", options["timeout"])

    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(FirewallError, match="timed out"):
        firewall.apply(TABLE, [VIP], [])


@pytest.mark.lab
def test_on_a_kernel_nothing_gets_in_until_the_table_is_gone(segment: Segment) -> None:
    if shutil.which("nft") is None:
        pytest.skip("needs nft")
    ip(f"addr add {VIP}/32 dev eth0")
    with segment.other():
        ip(f"route add {VIP}/32 dev eth0")
        voice = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with voice, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("0.0.0.0", 5000))
        ear.settimeout(5)

        def heard() -> list[bytes]:
            """One to the virtual address, then one to our own: what comes in before the latter is all."""
            voice.sendto(b"virtual", (VIP, 5000))
            voice.sendto(b"own", ("192.0.2.1", 5000))
            found = [ear.recv(99)]
            while found[-1] != b"own":
                found.append(ear.recv(99))
            return found

        assert heard() == [b"virtual", b"own"]
        firewall.apply(TABLE, [VIP], ["2001:db8::100"])
        firewall.apply(TABLE, [VIP], ["2001:db8::100"])
        assert heard() == [b"own"]
        with pytest.raises(FirewallError, match="nft: "):
            firewall.apply(TABLE, ["nonsense nonsense"], [])
        assert heard() == [b"own"], "what is refused changes nothing"
        firewall.apply(TABLE, [], [])
        firewall.apply(TABLE, [], [])
        assert heard() == [b"virtual", b"own"]
