"""Messages of gRPC's health service; the code that protobuf generates reads and writes the same."""

from __future__ import annotations

import pytest
from grpc_health.v1 import health_pb2
from hypothesis import given
from hypothesis import strategies as st

from alived.base import DecodeError
from alived.wire.grpc import ServingStatus, decode_message, encode_message, health_request, health_status


@given(st.text(max_size=300))
def test_protobuf_reads_the_request(service: str) -> None:
    assert health_pb2.HealthCheckRequest.FromString(health_request(service)).service == service


def test_a_name_whose_length_needs_two_octets() -> None:
    assert health_request("x" * 200) == b"\x0a\xc8\x01" + b"x" * 200


@pytest.mark.parametrize("status", ServingStatus)
def test_the_answers_of_protobuf(status: ServingStatus) -> None:
    assert health_status(health_pb2.HealthCheckResponse(status=status).SerializeToString()) == status
    assert health_pb2.HealthCheckResponse.ServingStatus.Name(status) == status.name


def test_fields_of_later_versions_are_passed_over() -> None:
    later = b"\x12\x03abc" + b"\x19" + bytes(8) + b"\x25" + bytes(4) + b"\x30\x96\x01"
    assert health_status(later + b"\x08\x01") == 1
    assert health_status(b"\x0a\x01x") == 0, "not a number"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"\x08", "cut off or too long"),
        (b"\x08" + b"\xff" * 10, "cut off or too long"),
        (b"\x12\x03ab", "cut off"),
        (b"\x0b", "a field of kind 3"),
    ],
)
def test_answers_that_are_wrong(payload: bytes, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        health_status(payload)


def test_messages() -> None:
    assert encode_message(b"abc") == b"\0\0\0\0\x03abc"
    assert decode_message(b"\0\0\0\0\x03abc") == b"abc"
    for data in (b"", b"\0\0\0\0", b"\0\0\0\0\x03ab", b"\0\0\0\0\x03abcd"):
        with pytest.raises(DecodeError, match="not one message"):
            decode_message(data)
    with pytest.raises(DecodeError, match="compressed"):
        decode_message(b"\x01\0\0\0\x01a")
