"""Messages of the process events connector, as a kernel 6.18 sent them."""

from __future__ import annotations

import contextlib
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import DecodeError
from alived.wire import proc_events
from alived.wire.proc_events import Executed, Exited, Forked, Listening, Renamed

HEADER = "4c00000003000000000000000000000001000000010000000000000000000000" + "28000000"
TIME = "0000000000000000"


def message(what: str, data: str) -> bytes:
    return bytes.fromhex(HEADER + what + "01000000" + TIME + data).ljust(76, b"\0")


@pytest.mark.parametrize(
    ("what", "data", "event"),
    [
        ("00000000", "00000000", Listening(0, 0xFFFFFFFF)),
        ("00000000", "01000000", Listening(1, 0xFFFFFFFF)),
        ("01000000", "67500000675000009450000094500000", Forked(0x5067, 0x5094)),
        ("01000000", "67500000675000009550000094500000", None),  # a thread
        ("02000000", "9450000094500000", Executed(0x5094)),
        ("02000000", "9550000094500000", None),
        ("00020000", "9450000094500000" + b"nginx: worker\0\0\0".hex(), Renamed(0x5094)),
        ("00000080", "94500000945000000000000011000000", Exited(0x5094)),
        ("04000000", "9450000094500000", None),  # PROC_EVENT_UID
    ],
)
def test_events(what: str, data: str, event: object) -> None:
    assert proc_events.parse(message(what, data)) == event


def test_an_answer_says_whom_it_answers() -> None:
    """The kernel sends it to all, with the number of the acknowledgement that was asked for, plus 1."""
    asked = proc_events.request(proc_events.PROC_CN_MCAST_LISTEN, 0x12345)
    ack = int.from_bytes(asked[28:32], sys.byteorder) + 1
    data = bytearray(message("00000000", "00000000"))
    data[28:32] = ack.to_bytes(4, sys.byteorder)
    assert proc_events.parse(bytes(data)) == Listening(0, 0x12345)


def test_others_may_use_the_connector() -> None:
    data = bytearray(message("00000080", "9450000094500000"))
    data[16] = 5
    assert proc_events.parse(bytes(data)) is None


def test_what_is_cut_off_is_refused() -> None:
    for length in (0, 20, 40, 52, 58):
        with pytest.raises(DecodeError):
            proc_events.parse(message("01000000", "")[:length])


@given(st.binary(max_size=100))
def test_anything_is_an_event_or_refused(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        proc_events.parse(bytes.fromhex(HEADER) + data)


def test_the_request() -> None:
    assert proc_events.request(proc_events.PROC_CN_MCAST_LISTEN, 0x1234).hex() == (
        "28000000030000000000000034120000" + "01000000010000000000000034120000" + "04000000" + "01000000"
    )
