"""Durations with units become the numbers of keepalived.conf, exactly."""

from __future__ import annotations

import pytest

from alived.base import NS_PER_MS, NS_PER_S
from alived.config.keywords.durations import bare_number
from tests.config.helpers import good, one


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", "0.5"),
        ("2s", "2"),
        ("1m30s", "90"),
        ("1h", "3600"),
        ("1.5s", "1.5"),
        ("0.25s10ms", "0.26"),
        ("1us", "0.000001"),
        ("1ns", "0.000000001"),
        ("10", "10"),
        ("0.5", "0.5"),
        ("auto", "auto"),
        ("s", "s"),
        ("5 s", "5 s"),
        ("-5s", "-5s"),
        ("9999999999s", "9999999999s"),
        ("", ""),
    ],
)
def test_seconds(text: str, seconds: str) -> None:
    assert bare_number(text, NS_PER_S) == seconds


@pytest.mark.parametrize(("text", "milliseconds"), [("50ms", "50"), ("1s", "1000"), ("1.5ms", "1.5"), ("7", "7")])
def test_milliseconds(text: str, milliseconds: str) -> None:
    assert bare_number(text, NS_PER_MS) == milliseconds


def test_a_duration_in_a_document() -> None:
    text = "vrrp_instances:\n  A:\n    interface: eth0\n    virtual_router_id: 1\n    virtual_ipaddress: 192.0.2.1\n"
    instance = one(good(f"{text}    version: 3\n    advert_int: 250ms\n    garp_master_delay: 1m\n"))
    assert instance.vrrp.advert_interval_cs == 25
    assert instance.vips.garp.master_delay_ns == 60 * NS_PER_S
