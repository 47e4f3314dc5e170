"""What was said, as text for people."""

from __future__ import annotations

import pytest

from alived.health.check_report import Speech, speeches
from alived.health.recording import Said, Side


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"HELO me\r\n", ("HELO me",)),
        (b"GET / HTTP/1.0\r\nHost: a\r\n\r\n", ("GET / HTTP/1.0", "Host: a", "")),
        (b"\x12\xff\x1b[2J", ("\\x12\\xff\\x1b[2J",)),
        (b"half", ("half",)),
        ("Grüße\n".encode(), ("Grüße",)),
    ],
)
def test_lines(data: bytes, lines: tuple[str, ...]) -> None:
    assert speeches([Said(Side.HEARD, data, 5000)]) == (Speech(Side.HEARD, 5000, lines),)
