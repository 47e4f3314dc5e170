"""holo's recordings on our cores, and that the replay can fail."""

from __future__ import annotations

import json
import pathlib
import shutil

import pytest

from tests.corpus import CORPUS
from tests.vrrp import holo_replay
from tests.vrrp.holo_router import damaged

FILES = CORPUS / "holo-vrrp" / "files"

pytestmark = pytest.mark.skipif(not FILES.is_dir(), reason=f"no recordings at {FILES} (set ALIVED_CORPUS)")


def test_every_recording_passes() -> None:
    results = dict(holo_replay.replay_all([FILES]))
    assert len(results) >= 13
    assert {name: result for name, result in results.items() if not isinstance(result, set)} == {}


def test_known_differences_are_used_where_they_are_known_and_nowhere_else() -> None:
    used = {name: result for name, result in holo_replay.replay_all([FILES]) if result}
    assert used == {"ibus-iface-update1": {"holo leaves addresses on a dead interface"}}


def test_it_ends_with_the_count(capsys: pytest.CaptureFixture[str]) -> None:
    assert holo_replay.main([str(FILES / "packet1"), str(FILES / "packet-error1")]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 passed, 0 failed"


def altered(tmp_path: pathlib.Path, step: str, file: str, old: str, new: str) -> pathlib.Path:
    """A copy of a step in which something is recorded differently."""
    copy = tmp_path / step
    shutil.copytree(FILES / step, copy)
    path = copy / file
    text = path.read_text()
    assert old in text
    path.chmod(0o644)
    path.write_text(text.replace(old, new))
    return copy


@pytest.mark.parametrize(
    ("step", "file", "old", "new"),
    [
        ("packet1", "01-output-protocol.jsonl", '"priority":30', '"priority":31'),
        ("packet1", "01-input-protocol.jsonl", '"priority":0', '"priority":200'),
        ("nb-config-virtual-addr2", "01-output-ibus.jsonl", "10.0.1.5/32", "10.0.1.6/32"),
        ("packet-error1", "01-output-northbound-notif.jsonl", "version-error", "checksum-error"),
        ("ibus-iface-update1", "01-output-northbound-state.json", "initialize", "backup"),
        ("nb-config-instance1", "01-output-ibus.jsonl", "mvlan4-vrrp-2", "mvlan4-vrrp-3"),
    ],
)
def test_a_recording_that_says_something_else_fails(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], step: str, file: str, old: str, new: str
) -> None:
    assert holo_replay.main([str(altered(tmp_path, step, file, old, new))]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "0 passed, 1 failed"


def test_a_state_that_changes_unrecorded_fails(tmp_path: pathlib.Path) -> None:
    copy = tmp_path / "ibus-iface-update1"
    shutil.copytree(FILES / copy.name, copy, ignore=shutil.ignore_patterns("*output*"))
    ((_, result),) = holo_replay.replay_all([copy])
    assert isinstance(result, holo_replay.Mismatch)
    assert "became" in str(result)


@pytest.mark.parametrize(
    ("error", "event", "reason"),
    [
        ("ChecksumError", "vrrp-protocol-error-event", "checksum-error"),
        ("VridError", "vrrp-protocol-error-event", "vrid-error"),
        ("IpTtlError", "vrrp-protocol-error-event", "ip-ttl-error"),
        ("IntervalError", "vrrp-virtual-router-error-event", "interval-error"),
        ("AddressListError", "vrrp-virtual-router-error-event", "address-list-error"),
        ("PacketLengthError", "vrrp-virtual-router-error-event", "packet-length-error"),
    ],
)
def test_every_packet_error_is_told_by_its_name_of_ietf_vrrp(
    tmp_path: pathlib.Path, error: str, event: str, reason: str
) -> None:
    step = tmp_path / "packet-error9"
    step.mkdir()
    packet = {"VrrpNetRxPacket": {"src": "10.0.1.3", "packet": {"Err": {error: {"vrid": 1}}}}}
    (step / "01-input-protocol.jsonl").write_text(json.dumps(packet))
    notice = {f"ietf-vrrp:{event}": {"some-error-reason": reason}}
    (step / "01-output-northbound-notif.jsonl").write_text(json.dumps(notice))
    assert dict(holo_replay.replay_all([step])) == {"packet-error9": set()}


def test_an_unknown_packet_error_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="unknown packet error Surprise"):
        damaged("Surprise", "10.0.1.3", "224.0.0.18")
