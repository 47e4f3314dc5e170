"""Scripts for nft, and what the table of `no_accept` does on a kernel."""

from __future__ import annotations

import shutil
import socket
import subprocess

import pytest

from alived.adapters import nft
from alived.adapters.nft import NftError
from alived.wire.no_accept_table import script
from tests.segment import Segment, ip

TABLE = "alived_test"
VIP = "192.0.2.100"


def test_daemons_with_different_runtime_directories_have_different_tables() -> None:
    assert nft.table_name("/run/alived") == nft.table_name("/run/alived") != nft.table_name("/run/other")


def test_a_machine_without_nft_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(NftError, match="cannot run nft"):
        nft.run(script(TABLE, [VIP], []))


def test_an_nft_that_hangs_is_not_waited_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: object, **options: float) -> None:
        raise subprocess.TimeoutExpired("nft", options["timeout"])

    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(NftError, match="timed out"):
        nft.run(script(TABLE, [VIP], []))


REFUSAL = """/dev/stdin:1:1-33: Error: Could not process rule: Operation not supported
table netdev alived {}
^^^^^^^^^^^^^^^^^^^^^^
/dev/stdin:2:21-36: Error: No such file or directory; did you mean table 'alived' in family netdev?
delete table netdev alived
                    ^^^^^^
"""


@pytest.mark.parametrize(
    ("stderr", "sentence"),
    [
        (REFUSAL, "nft: Could not process rule: Operation not supported, at: table netdev alived {}"),
        ("Operation not permitted (you must be root)\n", "nft: Operation not permitted (you must be root)"),
        ("", "nft: it failed without a word"),
    ],
)
def test_the_first_complaint_is_the_reason(monkeypatch: pytest.MonkeyPatch, stderr: str, sentence: str) -> None:
    def refuse(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(["nft"], 1, "", stderr)

    monkeypatch.setattr(subprocess, "run", refuse)
    with pytest.raises(NftError) as error:
        nft.run("")
    assert str(error.value) == sentence


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
        nft.run(script(TABLE, [VIP], ["2001:db8::100"]))
        nft.run(script(TABLE, [VIP], ["2001:db8::100"]))
        assert heard() == [b"own"]
        with pytest.raises(NftError, match="nft: "):
            nft.run(script(TABLE, ["nonsense nonsense"], []))
        assert heard() == [b"own"], "what is refused changes nothing"
        nft.run(script(TABLE, [], []))
        nft.run(script(TABLE, [], []))
        assert heard() == [b"virtual", b"own"]
