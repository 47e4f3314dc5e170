"""Nonsense on the wire: counted by reason, and never a change of state that it must not cause."""

from __future__ import annotations

import struct

import pytest

from alived.adapters.netns import mac_of
from alived.cli.demo_wire import checksum
from tests.lab.lab import CALM, VIP4, VRID, Lab, instance

pytestmark = pytest.mark.lab

GROUP, GROUP_MAC = bytes((224, 0, 0, 18)), bytes.fromhex("01005e000012")
STRANGER = bytes((192, 0, 2, 66))
VIP = bytes((192, 0, 2, 100))


def advert(
    *,
    vrid: int = VRID,
    priority: int = 254,
    ttl: int = 255,
    first: int = 0x31,
    interval_cs: int = 10,
    sum_error: int = 0,
    cut: int = 0,
    count: int = 1,
    address: bytes = VIP,
) -> bytes:
    """A frame with a VRRPv3 advert that would win, but for what the arguments spoil."""
    body = struct.pack("!BBBBHH", first, vrid, priority, count, interval_cs, 0) + address
    pseudo = STRANGER + GROUP + struct.pack("!HH", 112, len(body))
    body = body[:6] + struct.pack("!H", checksum(pseudo + body) ^ sum_error) + body[8:]
    body = body[: len(body) - cut]
    header = struct.pack("!BBHHHBBH", 0x45, 0xC0, 20 + len(body), 0, 0, ttl, 112, 0) + STRANGER + GROUP
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return GROUP_MAC + mac_of(66) + b"\x08\x00" + header + body


BAD = {
    "ip-ttl-error": advert(ttl=254),
    "checksum-error": advert(sum_error=1),
    "vrid-error": advert(vrid=99),
    "version-error": advert(first=0x41),
    "type-error": advert(first=0x32),
    "packet-length-error": advert(cut=4),
}


@pytest.mark.parametrize("reason", list(BAD))
def test_a_bad_advert_is_counted_by_reason_and_moves_nothing(lab: Lab, reason: str) -> None:
    lab.start("n1", instance(150))
    lab.until_owner("n1")
    before = lab.status("n1")
    for _ in range(20):
        lab.send(BAD[reason])
        lab.hear(0.005)
    lab.until(lambda: lab.status("n1")["receive_errors"].get(reason, 0) >= 20, f"20 {reason}")
    after = lab.status("n1")
    assert after["instances"][0]["state"] == "MASTER"
    assert after["instances"][0]["since"] == pytest.approx(before["instances"][0]["since"], abs=0.01)
    assert set(after["receive_errors"]) == {reason}
    lab.until_owner("n1")


def test_the_same_advert_unspoilt_is_believed(lab: Lab) -> None:
    """So that the test above can fail."""
    lab.start("n1", instance(150))
    lab.until_owner("n1")
    lab.send(advert())
    lab.until(lambda: "MASTER -> BACKUP" in lab.daemons["n1"].log, "n1 gives way")
    assert lab.status("n1")["receive_errors"] == {}
    lab.until_owner("n1")


def test_a_flood_of_all_kinds_is_survived(lab: Lab) -> None:
    """Adverts go on, the log does not grow with the flood, and the other node sees no reason to take over."""
    lab.start("n1", instance(150, advert_int=CALM))
    lab.start("n2", instance(100, advert_int=CALM))
    lab.until_owner("n1", seconds=1.0)
    lines = len(lab.daemons["n1"].log.splitlines())
    before = len(lab.adverts("n2"))
    frames = list(BAD.values())
    for _ in range(40):
        for _ in range(20):
            for frame in frames:
                lab.send(frame)
        lab.hear(0.01)
    # In a flood the kernel drops some kinds uncounted, so their numbers say nothing.
    lab.until(lambda: set(lab.status("n1")["receive_errors"]) >= set(BAD), "all kinds were counted")
    assert len(lab.adverts("n2")) == before
    assert len(lab.daemons["n1"].log.splitlines()) - lines < 50
    lab.until_owner("n1")


def test_an_advert_with_other_addresses_is_believed_and_reported(lab: Lab) -> None:
    """RFC 9568 section 7.1: a different list is for the log, not a reason for two masters."""
    lab.start("n1", instance(150))
    lab.until_owner("n1")
    lab.send(advert(address=bytes((192, 0, 2, 77))))
    lab.until(lambda: "MASTER -> BACKUP" in lab.daemons["n1"].log, "n1 gives way")
    lab.until(lambda: "192.0.2.77" in lab.daemons["n1"].log, "the log names the difference")
    assert not lab.has_address("n1", VIP4)
