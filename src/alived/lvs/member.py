"""A real server in its pool: up while none of its checks has failed, with a weight that checks may change."""

from __future__ import annotations

import msgspec

from alived.lvs.file_check import MAX_WEIGHT
from alived.lvs.pool_events import FailedCheck, Member, MemberCheck, ServerSnapshot, VerdictHeard

WAITS = "waits for the first look at a file"


class _Standing(msgspec.Struct):
    """What is known of a check."""

    ok: bool
    reason: str
    heard: bool = False
    weight: int | None = None
    adds: int = 0


class ServerState:
    """`up` is what the pool acts upon; `healthy` is what the checks say."""

    def __init__(self, config: Member, now_ns: int) -> None:
        self.config = config
        self._checks = {check.name: _begin(check) for check in config.checks}
        self.begun = False
        self.up = False
        self.told = False
        """Whether others know the state that it has."""
        self.reason = WAITS
        self.since_ns = now_ns

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def healthy(self) -> bool:
        return all(check.ok for check in self._checks.values())

    @property
    def waits(self) -> bool:
        """For what is known as soon as somebody looks."""
        return any(check.told_at_once and not self._checks[check.name].heard for check in self.config.checks)

    @property
    def weight(self) -> int:
        """Effective: that of the configuration, and what checks that have not failed make of it."""
        own = self.config.server.weight
        weight = own
        for check in self._checks.values():
            if check.ok:
                weight += check.adds + (0 if check.weight is None else check.weight - own)
        return min(max(weight, 0), MAX_WEIGHT)

    def begin(self, now_ns: int) -> None:
        """It has the state that its checks begin with. That it is up is nothing to tell."""
        self.begun = True
        self.turn(self.why(), now_ns, told=self.healthy)

    def has_heard(self, check: str) -> bool:
        return self._checks[check].heard

    def hear(self, verdict: VerdictHeard) -> bool:
        """True if the check says something else than it counted for, or has failed for the first time."""
        check = self._checks[verdict.check]
        news = check.ok is not verdict.up or not (check.heard or verdict.up)
        check.ok, check.reason, check.heard = verdict.up, verdict.reason, True
        check.weight, check.adds = verdict.weight, verdict.adds
        return news

    def turn(self, reason: str, now_ns: int, *, told: bool = True) -> None:
        """It is as healthy as its checks say."""
        self.up, self.reason, self.since_ns, self.told = self.healthy, reason, now_ns, told

    def end(self, reason: str, now_ns: int) -> None:
        """It leaves the pool, whatever its checks say."""
        self.up, self.reason, self.since_ns = False, reason, now_ns

    def reconfigure(self, config: Member) -> None:
        """Checks that stay keep what they said. A new one with `alpha` takes nothing down that is up."""
        old, self.config = self._checks, config
        self._checks = {check.name: old.get(check.name) or _begin(check) for check in config.checks}
        if self.up:
            for name in self._checks.keys() - old.keys():
                self._checks[name].ok = True

    def why(self) -> str:
        """It is as healthy as it is, a sentence."""
        failed = self.failed
        if not failed:
            return "none of its checks has failed" if self._checks else "it has no check"
        more = f"; {len(failed) - 1} more of its checks failed" if len(failed) > 1 else ""
        return failed[0].reason + more

    @property
    def failed(self) -> tuple[FailedCheck, ...]:
        return tuple(FailedCheck(name, check.reason) for name, check in self._checks.items() if not check.ok)

    def snapshot(self) -> ServerSnapshot:
        server = self.config.server
        return ServerSnapshot(
            name=self.name,
            endpoint=server.endpoint,
            up=self.up,
            since_ns=self.since_ns,
            reason=self.reason,
            weight=self.weight,
            own_weight=server.weight,
            checks=len(self._checks),
            failed=self.failed,
        )


def _begin(check: MemberCheck) -> _Standing:
    return _Standing(not check.alpha, f"{check.name} has not succeeded yet (alpha)" if check.alpha else "")
