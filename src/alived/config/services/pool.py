"""Real servers of a virtual server and its sorry server: what follows from both, and what does not fit."""

from __future__ import annotations

import msgspec

from alived.base import Family, Location
from alived.config.keywords.endpoints import EndpointEntry
from alived.config.keywords.table import Settings
from alived.config.keywords.virtual_server import RealServerBlock
from alived.config.model import PoolMember
from alived.config.services.checks import complete_checks
from alived.config.services.levels import Server, Surroundings, inherited
from alived.lvs.config import Endpoint, Forwarding, Method, RealServer, SorryServer


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """What servers need to know of their virtual server. family None: both.

    ports: all of the service; a mark has none. port: what a server has that says none; None for marks and groups.
    """

    name: str
    family: Family | None
    ports: set[int]
    port: int | None
    said: Settings
    around: Surroundings

    @property
    def forwarding(self) -> Forwarding:
        found: Forwarding = self.said.get("lvs_method", Forwarding())
        return found


def complete_pool(pool: Pool) -> tuple[PoolMember, ...]:
    """The real servers, each endpoint once."""
    members: dict[Endpoint, PoolMember] = {}
    places: dict[Endpoint, Location] = {}
    for block in pool.said.get("real_servers", ()):
        member = _complete(block, pool)
        endpoint = member.server.endpoint
        if endpoint in members:
            place = places[endpoint].seen_from(block.entry.location)
            message = f"{pool.name}: real_server {endpoint} is already in {place}: this one is skipped"
            pool.around.warn(block.entry.location, "duplicate-server", message, "remove one of them")
            continue
        members[endpoint] = member
        places[endpoint] = block.entry.location
    return tuple(members.values())


def _complete(block: RealServerBlock, pool: Pool) -> PoolMember:
    own, outer = block.settings, pool.said
    forwarding: Forwarding = own.get("lvs_method", pool.forwarding)
    endpoint = _with_port(block.entry, forwarding, "real_server", pool)
    _check_family(block.entry, forwarding, "real_server", pool)
    server = RealServer(
        endpoint=endpoint,
        family=block.entry.family,
        weight=inherited("weight", 1, own, outer),
        forwarding=forwarding,
        uthreshold=own.get("uthreshold", 0),
        lthreshold=own.get("lthreshold", 0),
        inhibit_on_failure=inherited("inhibit_on_failure", False, own, outer),
        alpha=inherited("alpha", False, own, outer),
        snmp_name=own.get("snmp_name", ""),
    )
    _check_thresholds(server, own, pool)
    around = Server(
        name=f"{pool.name}: real_server {endpoint}",
        endpoint=endpoint,
        family=block.entry.family,
        own=own,
        outer=outer,
        around=pool.around,
    )
    return PoolMember(
        server=server,
        checks=complete_checks(own.get("checks", ()), around),
        notify_up=own.get("notify_up"),
        notify_down=own.get("notify_down"),
        smtp_alert=inherited("smtp_alert", mail_default(pool.around.defaults, True), own),
    )


def mail_default(defaults: Settings, otherwise: bool) -> bool:
    """Whether `global_defs` wants mails of checkers."""
    found: bool = defaults.get("smtp_alert_checker", defaults.get("smtp_alert", otherwise))
    return found


def _with_port(entry: EndpointEntry, forwarding: Forwarding, kind: str, pool: Pool) -> Endpoint:
    """Only NAT can change the port: otherwise it is that of the service (as keepalived)."""
    endpoint = entry.endpoint
    if not endpoint.port and pool.port is not None:
        return msgspec.structs.replace(endpoint, port=pool.port)
    if forwarding.method is Method.NAT or not endpoint.port or pool.ports == {endpoint.port}:
        return endpoint
    kept = f"packets go to port {pool.port}" if pool.port else "packets keep theirs"
    message = f"{pool.name}: {kind} {endpoint}: only NAT can change the port: {kept}"
    pool.around.warn(entry.location, "port-skipped", message, f"lvs_method NAT, or {endpoint.address} without a port")
    return msgspec.structs.replace(endpoint, port=pool.port or 0)


def _check_family(entry: EndpointEntry, forwarding: Forwarding, kind: str, pool: Pool) -> None:
    """A tunnel can carry the other family; nothing else can."""
    if entry.family is not pool.family and forwarding.method is not Method.TUN:
        of = "of both families" if pool.family is None else f"IPv{4 if pool.family is Family.IPV4 else 6}"
        message = f"{pool.name}: {kind} {entry.endpoint} does not go with a service that is {of}: "
        message += "only a tunnel carries the other family"
        pool.around.fail(entry.location, "family-mismatch", message, "lvs_method TUN, or an address of that family")


def _check_thresholds(server: RealServer, own: Settings, pool: Pool) -> None:
    if server.lthreshold > server.uthreshold:
        message = f"{pool.name}: lthreshold {server.lthreshold} is above uthreshold {server.uthreshold}: "
        message += "the kernel refuses such a server"
        hint = f"lthreshold 0..{server.uthreshold}"
        pool.around.fail(own.place("lthreshold"), "out-of-range", message, hint)


def complete_sorry_server(pool: Pool, members: tuple[PoolMember, ...]) -> SorryServer | None:
    entry: EndpointEntry | None = pool.said.get("sorry_server")
    if entry is None:
        for field in ("sorry_server_inhibit", "sorry_server_lvs_method"):
            if field in pool.said and "sorry_server" not in pool.said.tried:
                message = f"{pool.name}: {field} has no effect without sorry_server"
                pool.around.warn(pool.said.place(field), "no-sorry-server", message, "sorry_server ADDRESS PORT")
        return None
    forwarding: Forwarding = pool.said.get("sorry_server_lvs_method", pool.forwarding)
    endpoint = _with_port(entry, forwarding, "sorry_server", pool)
    _check_family(entry, forwarding, "sorry_server", pool)
    inhibit: bool = pool.said.get("sorry_server_inhibit", False)
    twin = next((member.server for member in members if member.server.endpoint == endpoint), None)
    if twin is not None:
        inhibit = _as_twin(inhibit, twin, entry.location, pool)
    return SorryServer(endpoint=endpoint, family=entry.family, forwarding=forwarding, inhibit=inhibit)


def _as_twin(inhibit: bool, twin: RealServer, place: Location, pool: Pool) -> bool:
    message = (
        f"{pool.name}: the sorry_server is a real_server, too: it serves even while its checks say that it is down"
    )
    pool.around.warn(place, "sorry-server-in-pool", message, "a server of its own with a page that says sorry")
    if inhibit != twin.inhibit_on_failure:
        message = f"{pool.name}: sorry_server_inhibit must be as inhibit_on_failure of the same real_server: it is"
        pool.around.warn(place, "sorry-server-in-pool", message, "say both or none")
    return twin.inhibit_on_failure
