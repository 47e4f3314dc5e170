"""Of a certificate (RFC 5280) in DER: until when it is valid."""

from __future__ import annotations

import calendar
import re

from alived.base import DecodeError

_SEQUENCE, _INTEGER, _VERSION = 0x30, 0x02, 0xA0
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_MOMENT = re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z\Z")
_UTC_PIVOT = 50
"""Two digits of a year: 50 to 99 are 1950 to 1999 (RFC 5280 section 4.1.2.5.1)"""


def not_after_s(der: bytes) -> int:
    """The end of its validity, in seconds since 1970. Raises DecodeError."""
    certificate, _ = _element(der, 0, _SEQUENCE)
    body, _ = _element(certificate, 0, _SEQUENCE)
    position = 0
    if body[:1] == bytes((_VERSION,)):
        _, position = _element(body, position, _VERSION)
    for tag in (_INTEGER, _SEQUENCE, _SEQUENCE):  # serial number, algorithm, issuer
        _, position = _element(body, position, tag)
    validity, _ = _element(body, position, _SEQUENCE)
    _, _, position = _read(validity, 0)
    tag, moment, _ = _read(validity, position)
    return _seconds(tag, moment)


def _element(data: bytes, position: int, tag: int) -> tuple[bytes, int]:
    """The content of an element that must have this tag, and where the next one begins."""
    found, content, end = _read(data, position)
    if found != tag:
        raise DecodeError("certificate", f"tag {found:#x}, not {tag:#x}")
    return content, end


def _read(data: bytes, position: int) -> tuple[int, bytes, int]:
    """Tag, content, end of a DER element."""
    if len(data) < position + 2:
        raise DecodeError("certificate", "ends early")
    tag, length = data[position], data[position + 1]
    start = position + 2
    if length >= 0x80:
        octets = length & 0x7F
        length = int.from_bytes(data[start : start + octets], "big")
        start += octets
    if len(data) < start + length:
        raise DecodeError("certificate", "ends early")
    return tag, data[start : start + length], start + length


def _seconds(tag: int, moment: bytes) -> int:
    if tag == _UTC_TIME:
        moment = (b"19" if moment[:2] >= b"%d" % _UTC_PIVOT else b"20") + moment
    elif tag != _GENERALIZED_TIME:
        raise DecodeError("certificate", f"tag {tag:#x} is no time")
    found = _MOMENT.match(moment)
    if not found:
        raise DecodeError("certificate", "a time that means nothing")
    try:
        return calendar.timegm((*map(int, found.groups()), 0, 0, 0))
    except ValueError as error:
        raise DecodeError("certificate", "a time that means nothing") from error
