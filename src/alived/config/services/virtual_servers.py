"""Virtual servers: from what a block says to values with every default filled in.

keepalived corrects a lot after it has read a file (check_data.c, validate_check_config). The same happens here, but
independently of the order of statements, and everything that changes what the text says is reported.
"""

from __future__ import annotations

from alived.base import Family, Location
from alived.config.keywords.converters import parse_address
from alived.config.keywords.table import Settings, did_you_mean
from alived.config.keywords.virtual_server import RealServerBlock, VirtualServerBlock
from alived.config.model import PoolMember, Service
from alived.config.services.levels import Surroundings
from alived.config.services.pool import Pool, complete_pool, complete_sorry_server, mail_default
from alived.lvs.config import (
    PERSISTENCE_TIMEOUT_S,
    Endpoint,
    Forwarding,
    Fwmark,
    GroupName,
    Method,
    Protocol,
    Scheduler,
    VirtualServer,
    VirtualServerGroup,
)

_FLAGS = {"flag-1": 1, "flag-2": 2, "flag-3": 3}
_FLAGS_OF = {Scheduler.SH: {"sh-fallback": 1, "sh-port": 2}, Scheduler.MH: {"mh-fallback": 1, "mh-port": 2}}


class Draft:
    """A virtual server between its text and its value."""

    def __init__(self, block: VirtualServerBlock, group: VirtualServerGroup | None, around: Surroundings) -> None:
        self.entry = block.entry
        self.said = block.settings
        self.group = group
        self.around = around
        self.name = f"virtual_server {block.entry.service}"
        self.has_marks = bool(group.fwmarks) if group else isinstance(block.entry.service, Fwmark)
        addresses = group.addresses if group else (block.entry.service,)
        self.ports = [one.port for one in addresses if not isinstance(one, Fwmark | GroupName)]
        """Of each address; 0: every port"""

    @property
    def has_addresses(self) -> bool:
        return bool(self.ports)

    def place(self, field: str) -> Location:
        return self.said.place(field) if field in self.said else self.entry.location

    def warn(self, code: str, message: str, field: str = "", hint: str = "") -> None:
        self.around.warn(self.place(field), code, f"{self.name}: {message}", hint)

    def fail(self, code: str, message: str, field: str = "", hint: str = "") -> None:
        self.around.fail(self.place(field), code, f"{self.name}: {message}", hint)


def complete(block: VirtualServerBlock, around: Surroundings) -> Service | None:
    """The service as it will be; None if it cannot be."""
    service = block.entry.service
    group = around.groups.get(service.name) if isinstance(service, GroupName) else None
    draft = Draft(block, group, around)
    if isinstance(service, GroupName) and group is None:
        hint = did_you_mean(service.name, around.groups) or f"virtual_server_group {service.name} {{ ... }}"
        draft.fail("unknown-group", f"there is no virtual_server_group {service.name!r}", hint=hint)
        return None
    if "real_servers" not in draft.said:
        if "real_servers" not in draft.said.tried:
            message = "it has no real_server: nobody would serve, it is left out (as keepalived)"
            draft.warn("no-real-server", message, hint="real_server ADDRESS PORT { ... }")
        return None
    return _complete(draft)


def _complete(draft: Draft) -> Service:
    said = draft.said
    service = draft.entry.service
    family = _family(draft)
    pool = Pool(
        name=draft.name,
        family=family,
        ports={*draft.ports, *((0,) if draft.has_marks else ())},
        port=service.port if isinstance(service, Endpoint) else None,
        said=said,
        around=draft.around,
    )
    if "lvs_method" not in said.tried and any("lvs_method" not in block.settings for block in said.get("real_servers")):
        draft.warn("no-method", "lvs_method is not said: NAT is used (as keepalived)", hint="lvs_method NAT")
    members = complete_pool(pool)
    quorum, hysteresis = _quorum(draft, members)
    protocol = _protocol(draft)
    scheduler = _scheduler(draft)
    value = VirtualServer(
        service=service,
        family=family,
        protocol=protocol,
        lvs_sched=scheduler,
        scheduler_flags=_scheduler_flags(draft, scheduler),
        ops=_ops(draft, protocol),
        persistence_timeout_s=_persistence(draft),
        persistence_granularity=_granularity(draft, family),
        persistence_engine=said.get("persistence_engine", ""),
        quorum=quorum,
        hysteresis=hysteresis,
        sorry_server=complete_sorry_server(pool, members),
        alpha=said.get("alpha", False),
        omega=said.get("omega", False),
        ha_suspend=_ha_suspend(draft),
        snmp_name=said.get("snmp_name", ""),
    )
    return Service(
        virtual_server=value,
        pool=members,
        quorum_up=said.get("quorum_up"),
        quorum_down=said.get("quorum_down"),
        smtp_alert=said.get("smtp_alert", mail_default(draft.around.defaults, False)),
    )


def _family(draft: Draft) -> Family | None:
    """Of the address or group, else what ip_family, the netmask or the servers say; None: a group of both."""
    said: Family | None = draft.said.get("ip_family")
    known = {draft.entry.family} if draft.entry.family else _families(draft.group)
    if said is not None and known and known != {said}:
        message = f"ip_family {'inet' if said is Family.IPV4 else 'inet6'} is not that of its addresses"
        draft.fail("family-mismatch", message, "ip_family", hint="remove it: addresses tell")
    if len(known) == 2:
        return None
    return next(iter(known), said) or _family_of_mask(draft) or _family_of_servers(draft.said)


def _families(group: VirtualServerGroup | None) -> set[Family]:
    if group is None:
        return set()
    marked = {mark.family for mark in group.fwmarks if mark.family is not None}
    return {one.family for one in group.addresses} | marked


def _family_of_mask(draft: Draft) -> Family | None:
    said = draft.said.get("persistence_granularity")
    if said is None:
        return None
    return Family.IPV4 if "." in said.text else Family.IPV6


def _family_of_servers(said: Settings) -> Family:
    """Of those that are not in a tunnel; if all are, of all if they are alike, else IPv4 (as keepalived)."""
    method: Forwarding = said.get("lvs_method", Forwarding())
    blocks: tuple[RealServerBlock, ...] = said.get("real_servers")
    servers = [(block.settings.get("lvs_method", method).method, block.entry.family) for block in blocks]
    if "sorry_server" in said:
        servers.append((said.get("sorry_server_lvs_method", method).method, said.get("sorry_server").family))
    direct = [family for way, family in servers if way is not Method.TUN]
    if direct:
        return direct[0]
    return servers[0][1] if len({family for _, family in servers}) == 1 else Family.IPV4


def _protocol(draft: Draft) -> Protocol | None:
    said: Protocol | None = draft.said.get("protocol")
    if not draft.has_addresses:
        if said is not None:
            draft.warn("protocol-skipped", "marked packets have any protocol: it is skipped", "protocol")
        return None
    if said is None and "protocol" not in draft.said.tried:
        draft.warn("no-protocol", "protocol is not said: UDP is used (as keepalived)", hint="protocol TCP")
    return said or Protocol.UDP


def _scheduler(draft: Draft) -> Scheduler:
    if "lvs_sched" not in draft.said.tried:
        draft.warn("no-scheduler", "lvs_sched is not said: wlc is used (as keepalived)", hint="lvs_sched wlc")
    return Scheduler(draft.said.get("lvs_sched", Scheduler.WLC))


def _scheduler_flags(draft: Draft, scheduler: Scheduler) -> tuple[int, ...]:
    flags = {**_FLAGS, **_FLAGS_OF.get(scheduler, {})}
    for owner, names in _FLAGS_OF.items():
        for name in names:
            if name in draft.said and owner is not scheduler:
                draft.warn(
                    "flag-skipped", f"{name} has no effect with lvs_sched {scheduler}", name, f"lvs_sched {owner}"
                )
    return tuple(sorted({number for name, number in flags.items() if name in draft.said}))


def _ops(draft: Draft, protocol: Protocol | None) -> bool:
    ops: bool = draft.said.get("ops", False)
    if ops and draft.has_addresses and protocol is not Protocol.UDP:
        draft.warn(
            "ops-skipped", "ops has no effect: only packets of UDP can be scheduled alone", "ops", "protocol UDP"
        )
        return False
    return ops


def _persistence(draft: Draft) -> int:
    seconds: int = draft.said.get("persistence_timeout", 0)
    if seconds or "persistence_granularity" in draft.said:
        return seconds or PERSISTENCE_TIMEOUT_S
    if 0 in draft.ports:
        message = (
            f"without a port it is for all ports, and clients must stay: persistence_timeout {PERSISTENCE_TIMEOUT_S}"
        )
        draft.warn("persistence-needed", f"{message} is used (as keepalived)", hint="a port, or persistence_timeout")
        return PERSISTENCE_TIMEOUT_S
    return 0


def _granularity(draft: Draft, family: Family | None) -> str:
    said = draft.said.get("persistence_granularity")
    if said is None:
        return ""
    mask = parse_address(said.text)
    if family is Family.IPV6 and mask is not None:
        message = f"persistence_granularity {said.text} is a netmask, but the service is IPv6"
        draft.fail("family-mismatch", message, "persistence_granularity", hint="a prefix length, such as 64")
    if family is Family.IPV4 and mask is None:
        message = (
            f"persistence_granularity {said.text} is no netmask (keepalived reads it as address 0.0.0.{said.text})"
        )
        draft.fail("family-mismatch", message, "persistence_granularity", hint="255.255.255.0")
    text: str = said.text
    return text


def _quorum(draft: Draft, members: tuple[PoolMember, ...]) -> tuple[int, int]:
    quorum: int = draft.said.get("quorum", 1)
    hysteresis: int = draft.said.get("hysteresis", 0)
    total = sum(member.server.weight for member in members)
    if total < 1:
        draft.warn("no-weight", "all weights are 0: it has no quorum and gets no connection", hint="weight 1")
    elif quorum > total:
        message = f"quorum {quorum} is above the sum of all weights: {total} is used (as keepalived)"
        draft.warn("quorum-lowered", message, "quorum", hint=f"quorum 1..{total}")
        quorum = total
    if hysteresis >= quorum:
        message = f"hysteresis {hysteresis} is not below the quorum: {quorum - 1} is used (as keepalived)"
        draft.warn("hysteresis-lowered", message, "hysteresis", hint=f"hysteresis 0..{quorum - 1}")
        hysteresis = quorum - 1
    return quorum, hysteresis


def _ha_suspend(draft: Draft) -> bool:
    if "ha_suspend" in draft.said and draft.has_marks:
        draft.warn("ha-suspend-skipped", "ha_suspend has no effect: marked packets have no address", "ha_suspend")
        return False
    return "ha_suspend" in draft.said
