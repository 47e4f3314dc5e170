"""Whether leases can be enforced is found out by trying."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from alived.adapters import lease_probe, nft
from alived.adapters.nft import NftError
from tests.segment import Segment, ip


def test_without_privileges_nobody_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_probe, "capable", lambda *_: False)
    assert lease_probe.why_not() is None


def test_what_nft_says_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(script: str) -> None:
        raise NftError("nft: Operation not supported")

    monkeypatch.setattr(lease_probe, "capable", lambda *_: True)
    monkeypatch.setattr(nft, "run", refuse)
    assert lease_probe.why_not() == "nft: Operation not supported"


@pytest.mark.lab
def test_on_a_kernel_nothing_is_left_of_the_try(segment: Segment) -> None:
    if shutil.which("nft") is None:
        pytest.skip("needs nft")
    assert lease_probe.why_not() == ""
    ip("link set lo down")
    assert "is lo up?" in (lease_probe.why_not() or "")
    assert subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True).stdout == ""
