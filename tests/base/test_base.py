"""The shared words: what an operator reads of them, and what every package relies on."""

from __future__ import annotations

import socket

import msgspec
import pytest

from alived import base
from alived.base import (
    ConfigError,
    DeadlineReached,
    DecodeError,
    Diagnostic,
    Effect,
    Event,
    Family,
    Location,
    Severity,
    in_brief,
)
from alived.owner import why_in_fault


def test_a_family_is_the_kernels_number_and_knows_its_width() -> None:
    assert (Family.IPV4, Family.IPV6) == (socket.AF_INET, socket.AF_INET6)
    assert (Family.IPV4.bits, Family.IPV6.bits) == (32, 128)


def test_units_are_nanoseconds() -> None:
    assert (base.NS_PER_US, base.NS_PER_MS, base.NS_PER_CS, base.NS_PER_S) == (10**3, 10**6, 10**7, 10**9)


@pytest.mark.parametrize(
    ("location", "text"), [(Location("a.conf", 3, 7), "a.conf:3:7"), (Location("a.conf"), "a.conf")]
)
def test_a_location_is_what_editors_jump_to(location: Location, text: str) -> None:
    assert str(location) == text


def test_a_place_is_named_shortly_in_a_finding_of_the_same_file() -> None:
    here = Location("a.conf", 9, 1)
    assert Location("a.conf", 3, 7).seen_from(here) == "line 3"
    assert Location("b.conf", 3, 7).seen_from(here) == "b.conf:3:7"
    assert Location("a.conf").seen_from(here) == "a.conf"


def test_a_diagnostic_says_where_what_and_what_to_do() -> None:
    diagnostic = Diagnostic(Severity.ERROR, Location("a.conf", 3, 7), "unknown-keyword", "'foo' is no keyword")
    line = "a.conf:3:7: error: 'foo' is no keyword [unknown-keyword]"
    assert str(diagnostic) == line
    assert (
        str(msgspec.structs.replace(diagnostic, hint="did you mean 'for'?")) == f"{line}\n    hint: did you mean 'for'?"
    )


def test_a_decode_error_names_its_counter() -> None:
    error = DecodeError("checksum-error", "0x1234")
    assert (error.reason, error.detail, str(error)) == ("checksum-error", "0x1234", "checksum-error: 0x1234")
    assert str(DecodeError("checksum-error")) == "checksum-error"


def test_a_config_error_carries_all_findings() -> None:
    findings = [Diagnostic(Severity.WARNING, Location("a", n, 1), "code", f"finding {n}") for n in (1, 2)]
    error = ConfigError(findings)
    assert error.diagnostics == tuple(findings)
    assert str(error) == "a:1:1: warning: finding 1 [code]\na:2:1: warning: finding 2 [code]"


@pytest.mark.parametrize("kind", [Event, Effect])
def test_events_and_effects_are_values_with_a_tag(kind: type[msgspec.Struct]) -> None:
    """They are bus messages and recorder lines: a line of JSON says which one it is."""

    class Happened(kind, frozen=True, tag=True):  # type: ignore[misc,valid-type]
        number: int

    assert msgspec.json.decode(msgspec.json.encode(Happened(1))) == {"type": "Happened", "number": 1}
    assert Happened(1) == Happened(1)
    with pytest.raises(AttributeError):
        Happened(1).number = 2


def test_a_deadline_is_an_event() -> None:
    assert isinstance(DeadlineReached(), Event)


@pytest.mark.parametrize(
    ("texts", "brief"),
    [
        ((), ""),
        (("a is down", "b is down"), "a is down; b is down"),
        (("a is down", "b is down", "c is down"), "a is down; b is down; and 1 more"),
    ],
)
def test_a_sentence_names_the_first_few_and_counts_the_others(texts: tuple[str, ...], brief: str) -> None:
    assert in_brief(texts, 2) == brief


def test_names_in_a_row_are_told_alike() -> None:
    assert in_brief(dict.fromkeys("abcd"), 2, ", ") == "a, b and 2 more"


def test_of_thirty_faults_the_worst_and_the_first_are_told() -> None:
    faults = {f"check {number}": f"check {number}: connection refused" for number in range(1, 30)}
    faults["interface eth0"] = "interface eth0 is down"
    told = "interface eth0 is down; check 1: connection refused; check 2: connection refused; and 27 more"
    assert why_in_fault(faults) == told
    assert why_in_fault({"check a": "a", "check b": "b"}) == "a; b"
