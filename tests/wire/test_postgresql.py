"""Messages of PostgreSQL, by hand from its documentation ("Message Formats")."""

from __future__ import annotations

import pytest

from alived.base import DecodeError
from alived.wire.postgresql import (
    MAX_MESSAGE,
    SSL_REQUEST,
    ErrorResponse,
    decode_authentication,
    decode_error,
    decode_first_column,
    frame,
    md5_answer,
    sasl_initial_response,
    startup,
    unframe,
)


def test_frames() -> None:
    assert frame("Q", b"SELECT 1\0") == b"Q\0\0\0\x0dSELECT 1\0"
    assert unframe(b"Z\0\0\0\x05Imore") == ("Z", b"I", b"more")
    assert unframe(b"Z\0\0\0") is None
    assert unframe(b"Z\0\0\0\x05") is None
    for length in (3, MAX_MESSAGE + 1):
        with pytest.raises(DecodeError, match=f"a message of {length} octets"):
            unframe(b"Z" + length.to_bytes(4))


def test_what_begins_a_connection() -> None:
    assert SSL_REQUEST == b"\0\0\0\x08\x04\xd2\x16\x2f"
    content = b"\0\x03\0\0user\0lb\0database\0lb\0application_name\0alived\0\0"
    assert startup("lb", "") == (len(content) + 4).to_bytes(4) + content
    assert b"database\0shop\0" in startup("lb", "shop")


def test_errors() -> None:
    said = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0Fpostmaster.c\0L2373\0\0"
    assert decode_error(said) == ErrorResponse("57P03", b"the database system is starting up")
    assert decode_error(b"\0") == ErrorResponse("", b"")


def test_requests_of_authentication() -> None:
    assert decode_authentication(b"\0\0\0\x05salt") == (5, b"salt")
    with pytest.raises(DecodeError, match="without a number"):
        decode_authentication(b"\0\0\0")


def test_the_first_column() -> None:
    assert decode_first_column(b"\0\x01\0\0\0\x01t") == b"t"
    for row in (b"", b"\0\0", b"\0\x01\xff\xff\xff\xff", b"\0\x01\0\0\0\x02t"):
        with pytest.raises(DecodeError, match="no value"):
            decode_first_column(row)


def test_answers() -> None:
    """MD5: as computed by `SELECT 'md5' || md5(md5('secret' || 'lb') || 'salt')`."""
    assert md5_answer("lb", "secret", b"salt") == b"md5" + b"7e6ff32962c46e42aa689f566a21d15c" + b"\0"
    assert sasl_initial_response("SCRAM-SHA-256", b"n,,n=,r=x") == b"SCRAM-SHA-256\0\0\0\0\x09n,,n=,r=x"
