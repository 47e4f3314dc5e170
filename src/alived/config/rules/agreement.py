"""What must be alike on all nodes of a virtual router, and what happens if it is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator

import msgspec

from alived.base import NS_PER_CS, NS_PER_S, in_brief
from alived.config.rules.nodes import Found, Member, Router
from alived.vrrp.config import AuthType, VrrpInstance


class Agreement(msgspec.Struct, frozen=True):
    """value: what is compared; text: how it is said; fields: where it is written; consequence: if it differs."""

    code: str
    value: Callable[[VrrpInstance], Hashable]
    text: Callable[[VrrpInstance], str]
    fields: tuple[str, ...]
    consequence: str
    is_fatal: bool = True
    """Whether the nodes then do not hear each other, so that all are MASTER."""


def _interval(vrrp: VrrpInstance) -> str:
    return f"advert_int {vrrp.advert_interval_cs * NS_PER_CS / NS_PER_S:g}"


def _transport(vrrp: VrrpInstance) -> str:
    return "unicast" if vrrp.unicast else f"multicast to {vrrp.group}"


def _authentication(vrrp: VrrpInstance) -> str:
    """Never the password: reports are mailed around."""
    return "no authentication" if vrrp.auth_type is AuthType.NONE else f"auth_type {vrrp.auth_type} with a password"


MOST_NAMED = 5
"""Addresses that one sentence names."""
ALIKE = "write the same on all nodes"
UNWELL = "if all are unhealthy, only those that say best may own the addresses"
DEAF = "they refuse each other's adverts: all would be MASTER"

AGREEMENTS = (
    Agreement(
        "vrid-differs",
        lambda vrrp: vrrp.virtual_router_id,
        lambda vrrp: f"virtual_router_id {vrrp.virtual_router_id}",
        ("virtual_router_id",),
        "they are not one virtual router: all would be MASTER",
    ),
    Agreement(
        "version-differs",
        lambda vrrp: vrrp.version,
        lambda vrrp: f"VRRP version {vrrp.version}",
        ("version",),
        DEAF,
    ),
    Agreement(
        "transport-differs",
        _transport,
        _transport,
        ("unicast_peer", "mcast_dst_ip"),
        "they do not hear each other: all would be MASTER",
    ),
    Agreement(
        "auth-differs",
        lambda vrrp: (vrrp.auth_type, vrrp.auth_pass),
        _authentication,
        ("authentication",),
        DEAF,
    ),
    Agreement(
        "down-timer-differs",
        lambda vrrp: vrrp.down_timer_adverts,
        lambda vrrp: f"down_timer_adverts {vrrp.down_timer_adverts}",
        ("down_timer_adverts",),
        "the node with the smaller number takes over first, whatever its priority is",
        is_fatal=False,
    ),
    Agreement(
        "all-unhealthy-differs",
        lambda vrrp: vrrp.all_unhealthy,
        lambda vrrp: f"all_unhealthy {vrrp.all_unhealthy}",
        ("all_unhealthy",),
        UNWELL,
        is_fatal=False,
    ),
)

INTERVAL_V2 = Agreement("interval-differs", lambda vrrp: vrrp.advert_interval_cs, _interval, ("advert_int",), DEAF)
"""RFC 3768 section 7.1: an advert of another interval is dropped."""

INTERVAL_V3 = msgspec.structs.replace(
    INTERVAL_V2, consequence="how fast a failure is noticed depends on who is MASTER", is_fatal=False
)
"""RFC 9568 section 6.4.2: a backup takes the master's interval."""


def disagreements(router: Router) -> Iterator[Found]:
    """All differences between the instances of a virtual router."""
    refuses = any(member.vrrp.version == 2 for member in router)
    for agreement in (*AGREEMENTS, INTERVAL_V2 if refuses else INTERVAL_V3):
        yield from _compare(router, agreement)
    yield from _virtual_addresses(router)


def usual(router: Router, value: Callable[[Member], Hashable]) -> Member:
    """A member that has what most have; the first one of those that are equally many."""
    (most, _), *_ = Counter(map(value, router)).most_common()
    return next(member for member in router if value(member) == most)


def _compare(router: Router, agreement: Agreement) -> Iterator[Found]:
    reference = usual(router, lambda member: agreement.value(member.vrrp))
    for member in router:
        if agreement.value(member.vrrp) == agreement.value(reference.vrrp):
            continue
        here, there = agreement.text(member.vrrp), agreement.text(reference.vrrp)
        other = "another one" if here == there else there
        message = f"{here}, but {other} at {reference.said(*agreement.fields)}: {agreement.consequence}"
        report = member.error if agreement.is_fatal else member.warning
        yield report(agreement.fields, agreement.code, message, ALIKE)


def _virtual_addresses(router: Router) -> Iterator[Found]:
    """The addresses and their prefix lengths; interfaces may have other names on other nodes."""
    fields = ("virtual_ipaddress", "virtual_ipaddress_excluded")
    reference = usual(router, lambda member: frozenset(_lengths(member).items()))
    wanted = _lengths(reference)
    for member in router:
        mine = _lengths(member)
        missing, extra = sorted(wanted.keys() - mine.keys()), sorted(mine.keys() - wanted.keys())
        if missing or extra:
            lists = "; ".join(_listed(missing, "missing here") + _listed(extra, "only here"))
            message = f"other addresses than at {reference.said(*fields)}: {lists}. They do not move between the nodes"
            yield member.warning(fields, "vips-differ", message, ALIKE)
        for address in sorted(wanted.keys() & mine.keys()):
            if wanted[address] != mine[address]:
                message = f"{address}/{mine[address]}, but /{wanted[address]} at {reference.said(*fields)}"
                yield member.warning(fields, "prefix-differs", message, ALIKE)


def _lengths(member: Member) -> dict[str, int]:
    return {address.address: address.prefix_length for address in member.one.instance.vips.addresses}


def _listed(addresses: list[str], what: str) -> list[str]:
    if not addresses:
        return []
    return [f"{what}: {in_brief(addresses, MOST_NAMED, ', ')}"]
