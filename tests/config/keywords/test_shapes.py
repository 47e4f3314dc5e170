"""Keywords that are like no other: use_vmac, use_ipvlan, garp_extra_if, timer_expired_backup."""

from __future__ import annotations

import pytest

from alived.base import NS_PER_S, Severity
from alived.config.load import load_text
from alived.config.model import Instance
from alived.hooks.config import Script
from alived.vrrp.config import Vmac
from tests.config.helpers import complaints, instance_text, one, understood


def instance(body: str, globally: str = "") -> Instance:
    return one(understood(f"global_defs {{\n{globally}\n}}\n" + instance_text(body)))


@pytest.mark.parametrize(
    ("arguments", "name"),
    [("", "vrrp.51"), ("vip0", "vip0"), ("name group", "group"), ("group 4 vip0 netlink_notify_msg", "vip0")],
)
def test_use_vmac(arguments: str, name: str) -> None:
    assert instance(f"use_vmac {arguments}").vrrp.vmac == Vmac(name)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("vip0 vip1", "extra-arguments"),
        ("a/b", "invalid-interface"),
        ("02:00:00:00:00:01", "not-supported"),
    ],
)
def test_use_vmac_otherwise(arguments: str, code: str) -> None:
    assert complaints(instance_text(f"use_vmac {arguments}")) == [(code, 5)]


def test_use_vmac_addr() -> None:
    assert instance("use_vmac\nuse_vmac_addr").vrrp.vmac == Vmac("vrrp.51", other_interfaces=True)
    addresses = instance("use_vmac\nvirtual_ipaddress_excluded {\n192.0.2.50 dev eth1 use_vmac\n}").vips.addresses
    assert [address.use_vmac for address in addresses] == [False, True]


@pytest.mark.parametrize("arguments", ["", "bridge vip0", "private group 4 name vip0 192.0.2.1/24", "vepa fe80::1"])
def test_use_ipvlan_is_read_and_refused(arguments: str) -> None:
    assert complaints(instance_text(f"use_ipvlan {arguments}")) == [("not-supported", 5)]


def test_use_ipvlan_with_a_name_that_cannot_be() -> None:
    assert [code for code, _ in complaints(instance_text("use_ipvlan a/b"))] == ["not-supported", "invalid-interface"]


def test_extra_announcements() -> None:
    garp = instance("garp_extra_if all 100").vips.garp
    assert (garp.extra_interval_ns, garp.extra_all_interfaces) == (100 * NS_PER_S, True)
    garp = instance("", "vrrp_garp_extra_if 30").vips.garp
    assert (garp.extra_interval_ns, garp.extra_all_interfaces) == (30 * NS_PER_S, False)
    assert instance("garp_extra_if 0", "vrrp_garp_extra_if 30").vips.garp.extra_interval_ns == 0
    assert instance("vmac_garp_intvl 5").vips.garp.extra_interval_ns == 5 * NS_PER_S


@pytest.mark.parametrize(
    ("body", "expected"), [("", None), ("timer_expired_backup", 254), ("thread_timer_expired 90", 90)]
)
def test_late_timers(body: str, expected: int | None) -> None:
    assert instance(body).vrrp.timer_expired_backup == expected


def test_owners_that_hear_nobody() -> None:
    assert instance("", "vrrp_owner_ignore_adverts").vrrp.owner_ignore_adverts
    assert not instance("owner_ignore_adverts off", "vrrp_owner_ignore_adverts").vrrp.owner_ignore_adverts


def test_a_command_for_lower_priorities() -> None:
    notify = instance('notify_master_rx_lower_pri "/bin/x y"').notify
    assert notify.master_rx_lower_pri == Script(argv=("/bin/x", "y"))


@pytest.mark.parametrize(
    ("keyword", "code"),
    [
        ("owner_ignore_adverts x", "invalid-value"),
        ("timer_expired_backup 255", "out-of-range"),
        ("debug 5", "out-of-range"),
    ],
)
def test_values_out_of_bounds(keyword: str, code: str) -> None:
    assert complaints(instance_text(keyword)) == [(code, 5)]


@pytest.mark.parametrize(
    ("block", "code"),
    [
        ("garp_group {\n}\n", "empty-group"),
        ("vrrp_script {\nscript /bin/true\n}\n", "missing-argument"),
        ("vrrp_script a b {\nscript /bin/true\n}\n", "extra-arguments"),
    ],
)
def test_names_of_blocks(block: str, code: str) -> None:
    assert complaints(block + instance_text())[0] == (code, 1)


@pytest.mark.parametrize("statement", ["debug", "debug x", "debug 5", "debug {\n}", "kernel_rx_buf_size -1"])
def test_a_wrong_value_of_a_keyword_without_effect_stops_nothing(statement: str) -> None:
    loaded = load_text(instance_text(statement))
    assert loaded.config is not None
    assert len(loaded.diagnostics) == 2
    assert {found.severity for found in loaded.diagnostics} == {Severity.WARNING}
