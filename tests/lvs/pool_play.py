"""Pools for tests, and what they say in a word each."""

from __future__ import annotations

from alived.base import Family
from alived.lvs.config import Endpoint, RealServer, SorryServer, VirtualServer
from alived.lvs.pool import Pool
from alived.lvs.pool_events import (
    CheckTurned,
    EntriesChanged,
    Member,
    MemberCheck,
    PoolConfig,
    PoolEffect,
    PoolEvent,
    PoolStarted,
    QuorumGained,
    QuorumLost,
    RealServerDown,
    RealServerUp,
    VerdictHeard,
    WeightChanged,
)

SORRY = SorryServer(endpoint=Endpoint("192.0.2.200", 80), family=Family.IPV4)
WORDS = {
    RealServerUp: "up",
    RealServerDown: "down",
    CheckTurned: "check",
    QuorumGained: "gained",
    QuorumLost: "lost",
    WeightChanged: "weight",
}


def member(name: str, *checks: str, alpha: bool = False, told_at_once: bool = False, **server: object) -> Member:
    """`a`, with checks `a/1`, ..., at 192.0.2.97 (the number of its letter)."""
    endpoint = Endpoint(f"192.0.2.{ord(name[0])}", 80)
    return Member(
        name=name,
        server=RealServer(endpoint=endpoint, family=Family.IPV4, **server),  # type: ignore[arg-type]
        checks=tuple(MemberCheck(name=check, alpha=alpha, told_at_once=told_at_once) for check in checks),
    )


def config(*members: Member, rs_init_notifies: bool = False, **virtual: object) -> PoolConfig:
    server = VirtualServer(service=Endpoint("192.0.2.1", 80), family=Family.IPV4, **virtual)  # type: ignore[arg-type]
    return PoolConfig(name="vs", virtual_server=server, members=members, rs_init_notifies=rs_init_notifies)


class Play:
    """A pool, and what it has said: `down a`, `lost`, and what IPVS should have: `{a: 1}`."""

    def __init__(self, settings: PoolConfig, *, started: bool = True) -> None:
        self.now = 0
        self.pool = Pool(settings, 0)
        self.effects: list[PoolEffect] = []
        self.ipvs: dict[str, int] = {}
        self.started = self.step(PoolStarted()) if started else []

    def step(self, event: PoolEvent) -> list[str]:
        self.now += 1
        self.effects = self.pool.step(event, self.now)
        said = []
        for effect in self.effects:
            if isinstance(effect, EntriesChanged):
                assert effect is self.effects[0], "IPVS comes first"
                self.ipvs = {_letter(entry.endpoint): entry.weight for entry in effect.entries}
            else:
                said.append(" ".join(filter(None, (WORDS[type(effect)], getattr(effect, "server", "")))))
        return said

    def fails(self, check: str, **more: int) -> list[str]:
        return self.step(VerdictHeard(check=check, up=False, reason=f"{check} failed", **more))

    def succeeds(self, check: str, **more: int) -> list[str]:
        return self.step(VerdictHeard(check=check, up=True, reason=f"{check} succeeded", **more))

    @property
    def reasons(self) -> list[str]:
        return [effect.reason for effect in self.effects if not isinstance(effect, EntriesChanged)]


def _letter(endpoint: Endpoint) -> str:
    return "sorry" if endpoint == SORRY.endpoint else chr(int(endpoint.address.rpartition(".")[2]))
