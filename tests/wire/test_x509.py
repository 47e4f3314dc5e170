"""The end of a certificate's validity, read from DER: compared with what openssl says, and fuzzed."""

from __future__ import annotations

import datetime
import ssl
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.base import DecodeError
from alived.wire.x509 import not_after_s
from tests.adapters.certificates import Authority


def der(*content: bytes, tag: int = 0x30) -> bytes:
    joined = b"".join(content)
    size = len(joined)
    length = bytes((size,)) if size < 0x80 else b"\x82" + size.to_bytes(2, "big")
    return bytes((tag,)) + length + joined


def certificate(*validity: bytes, version: bytes = der(b"\x02\x01\x02", tag=0xA0), issuer: bytes = b"") -> bytes:
    return der(der(version, b"\x02\x01\x05", der(), der(issuer), der(*validity), der()), der())


START = der(b"250101000000Z", tag=0x17)


@pytest.mark.parametrize(
    ("tag", "text", "moment"),
    [
        (0x17, b"261231235959Z", (2026, 12, 31, 23, 59, 59)),
        (0x17, b"491231235959Z", (2049, 12, 31, 23, 59, 59)),
        (0x17, b"500101000000Z", (1950, 1, 1)),
        (0x18, b"20500101000000Z", (2050, 1, 1)),
        (0x18, b"99991231235959Z", (9999, 12, 31, 23, 59, 59)),
    ],
)
def test_moments(tag: int, text: bytes, moment: tuple[int, ...]) -> None:
    expected = datetime.datetime(*moment, tzinfo=datetime.UTC).timestamp()  # type: ignore[arg-type]
    assert not_after_s(certificate(START, der(text, tag=tag))) == expected
    assert not_after_s(certificate(START, der(text, tag=tag), version=b"", issuer=bytes(300))) == expected


@pytest.mark.parametrize("days", [1, 3000, 40_000])
def test_as_openssl_reads_it(tmp_path: Path, days: int) -> None:
    file = Authority(tmp_path).issue("a", days=days).cert_file
    shown = subprocess.run(["openssl", "x509", "-enddate", "-noout", "-in", file], check=True, capture_output=True)
    expected = ssl.cert_time_to_seconds(shown.stdout.decode().strip().partition("=")[2])
    assert not_after_s(ssl.PEM_cert_to_DER_cert(Path(file).read_text())) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        der(),
        der(der(b"\x04\x01\x00")),
        certificate(START),
        certificate(START, der(b"261231235959Z", tag=0x04)),
        certificate(START, der(b"261231235959+0100", tag=0x17)),
        certificate(START, der(b"2612312359Z", tag=0x17)),
        certificate(START, der(b"269931235959Z", tag=0x17)),
        certificate(START, der(b"261231235959Z", tag=0x17))[:-20],
        b"\x30\x84\xff\xff\xff\xff",
    ],
)
def test_nonsense_has_a_reason(data: bytes) -> None:
    with pytest.raises(DecodeError):
        not_after_s(data)


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda data: certificate(START, data)))
def test_any_octets_are_a_time_or_an_error(data: bytes) -> None:
    try:
        assert isinstance(not_after_s(data), int)
    except DecodeError as error:
        assert error.reason == "certificate"
