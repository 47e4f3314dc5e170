"""What a pool of real servers is (values), hears (events), wants (effects) and shows (snapshots)."""

from __future__ import annotations

import msgspec

from alived.base import Effect, Event
from alived.lvs.config import Endpoint, RealServer, VirtualServer


class MemberCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A check of a real server, by the name under which its verdicts come."""

    name: str
    alpha: bool = False
    """It counts as failed before its first success"""
    told_at_once: bool = False
    """Its verdict is there as soon as somebody looks, so the pool waits for it (FILE_CHECK)"""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A real server and what decides about it. name: keepalived's, [192.0.2.7]:tcp:80."""

    name: str
    server: RealServer
    checks: tuple[MemberCheck, ...] = ()


class PoolConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A virtual server and its real servers, each endpoint once."""

    name: str
    virtual_server: VirtualServer
    members: tuple[Member, ...]
    rs_init_notifies: bool = False
    """Each real server that is up from the start is told, too"""


class PoolStarted(Event, frozen=True, tag=True):
    """The daemon has started, or a reload has brought the virtual server."""


class VerdictHeard(Event, frozen=True, tag=True, kw_only=True):
    """A check has a verdict, the same as before or another one. reason: a sentence that names the check."""

    check: str
    up: bool
    reason: str
    weight: int | None = None
    """misc_dynamic: takes the place of the server's own; None: nothing is said about it"""
    adds: int = 0
    """To the weight: of a file"""


class PoolReconfigured(Event, frozen=True, tag=True):
    """A reload: real servers that stay keep their state, and so do checks by their names."""

    config: PoolConfig


class PoolDropped(Event, frozen=True, tag=True):
    """A reload has removed the virtual server."""


class DaemonStops(Event, frozen=True, tag=True):
    """With `omega` everything that is up is told to be down."""


PoolEvent = PoolStarted | VerdictHeard | PoolReconfigured | PoolDropped | DaemonStops


class PoolEntry(msgspec.Struct, frozen=True):
    """A destination that IPVS should have. weight 0: no new connections."""

    endpoint: Endpoint
    weight: int
    sorry: bool = False
    """It is the sorry_server"""


class RealServerUp(Effect, frozen=True, tag=True):
    """server: its name. at_start: nothing has happened, `rs_init_notifies` says what is so."""

    server: str
    reason: str
    at_start: bool = False


class RealServerDown(Effect, frozen=True, tag=True):
    server: str
    reason: str


class CheckTurned(Effect, frozen=True, tag=True):
    """A check has another verdict, and the server stays as it is: up or down."""

    server: str
    server_up: bool
    reason: str


class QuorumGained(Effect, frozen=True, tag=True):
    reason: str


class QuorumLost(Effect, frozen=True, tag=True):
    reason: str


class WeightChanged(Effect, frozen=True, tag=True):
    """Of a real server, by one of its checks or a reload."""

    server: str
    reason: str


class EntriesChanged(Effect, frozen=True, tag=True):
    """What IPVS should have from now on: all of it."""

    entries: tuple[PoolEntry, ...]


PoolEffect = RealServerUp | RealServerDown | CheckTurned | QuorumGained | QuorumLost | WeightChanged | EntriesChanged


class FailedCheck(msgspec.Struct, frozen=True):
    name: str
    reason: str


class ServerSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A real server as it is now."""

    name: str
    endpoint: Endpoint
    up: bool
    since_ns: int
    reason: str
    """Why it is so"""
    weight: int
    """Effective, whether it is up or not"""
    own_weight: int
    """That of the configuration"""
    checks: int
    failed: tuple[FailedCheck, ...]


class PoolSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A virtual server as it is now."""

    name: str
    started: bool
    """False: it waits for the first look at a file"""
    quorum_up: bool
    since_ns: int
    reason: str
    weight: int
    """Sum of the weights of real servers that are up"""
    quorum: int
    hysteresis: int
    servers: tuple[ServerSnapshot, ...]
    entries: tuple[PoolEntry, ...]
