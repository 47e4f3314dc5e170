"""Leave to own, passed on: what a leader has granted to whom, and what a follower may own by it.

A follower reports at `s` of its own clock; the number of a report is that moment. The leader's answer names groups and
a span that is at most what is left of the leader's own lease, and the follower owns until `s + span (1 - 2 rho)`. It
sent before the leader answered, and its clock gains at most 2 rho on the leader's: so it is silent no later than an
owner in the leader's place would be, and whoever wins the next election meets nobody who owns anything.

A group goes from one node to another under the same leader only when the first has certainly let go:

- it has carried out a message that does not name the group and says that it does not hold it. Messages are numbered
  (`serial`), and older ones are ignored from then on: a late grant revives nothing; or
- the last grant has ended, and silence on the wire has followed.

The leader's own engine is such a node too: the serials are then the numbers of its `Leases`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable

import msgspec

from alived.raft.packets import Sublease, Subleases

_MILLION = 1_000_000
_UNCONFIRMED = 64
"""So many `Leases` without a word from the engine are remembered; what is forgotten is confirmed by a later one"""


class Grant(msgspec.Struct, frozen=True):
    """The last word about a group."""

    node: str
    serial: int
    """Of the newest message to the node that names the group"""
    until_ns: int
    """Leader's clock: the node lets go by then"""


class Grants:
    """Leader's side, for one term. Invariant: each group has at most one node that may own it or may believe so."""

    __slots__ = ("_grants", "_serials", "silence_ns", "term")

    def __init__(self, term: int, silence_ns: int, drift_ppm: int = 1000) -> None:
        """`silence_ns`: from the end of a lease to silence on the wire, by the clock of the node."""
        slowest, fastest = _MILLION - drift_ppm, _MILLION + drift_ppm
        self.silence_ns = -(-silence_ns * fastest // slowest)
        """By the leader's clock, at worst"""
        self.term = term
        self._serials: dict[str, int] = {}
        """Of the newest message to each follower"""
        self._grants: dict[str, Grant] = {}

    def answer(
        self, node: str, report: int, groups: Iterable[str], lease_until_ns: int | None, now_ns: int, reason: str = ""
    ) -> Subleases:
        """The next message to a follower, whose newest report has this number (0: it has sent none). Groups that
        another may still own are left out, all of them if this leader has no lease itself."""
        serial = self._serials[node] = self._serials.get(node, 0) + 1
        until_ns = now_ns if lease_until_ns is None or not report else lease_until_ns
        span_ns = until_ns - now_ns
        held = tuple(Sublease(group, span_ns) for group in self.issue(node, serial, groups, until_ns, now_ns))
        return Subleases(term=self.term, serial=serial, number=report, held=held, reason=reason)

    def issue(self, node: str, serial: int, groups: Iterable[str], until_ns: int, now_ns: int) -> tuple[str, ...]:
        """Which of `groups` message `serial` to `node` may name until `until_ns`, no later than the end of the
        leader's lease. Serials of a node increase. For the leader's own engine; `answer` does it for followers."""
        if until_ns <= now_ns:
            return ()
        granted = []
        for group in groups:
            before = self._grants.get(group)
            longest = until_ns
            if before is not None and before.node == node:
                # A shorter grant does not take back the longer one, which may be all that arrives.
                longest = max(until_ns, before.until_ns)
            elif before is not None and now_ns < before.until_ns + self.silence_ns:
                continue
            self._grants[group] = Grant(node, serial, longest)
            granted.append(group)
        return tuple(granted)

    def carried_out(self, node: str, serial: int, holds: Collection[str]) -> tuple[str, ...]:
        """The node has carried out message `serial` and holds these groups; what it has let go thereby."""
        let_go = tuple(
            group
            for group, grant in self._grants.items()
            if grant.node == node and grant.serial < serial and group not in holds
        )
        for group in let_go:
            del self._grants[group]
        return let_go

    def holder(self, group: str, now_ns: int) -> str:
        """Who owns it, or may believe so; "": nobody."""
        grant = self._grants.get(group)
        return "" if grant is None or now_ns >= grant.until_ns + self.silence_ns else grant.node

    def holders(self, now_ns: int) -> dict[str, str]:
        """Group to node; empty: leadership may be given away."""
        return {group: node for group in self._grants if (node := self.holder(group, now_ns))}

    def free_ns(self, group: str, but: str = "") -> int | None:
        """When the last word about it is void at the latest; None: nothing was granted, or it was let go, or this node
        has it."""
        grant = self._grants.get(group)
        return None if grant is None or grant.node == but else grant.until_ns + self.silence_ns


class Subleased:
    """Follower's side. Invariant: no group is owned longer than the newest message that was accepted allows."""

    __slots__ = ("_carried_out", "_drift_ppm", "_last_number", "_newest", "_passed_on", "_started_ns", "until_ns")

    def __init__(self, now_ns: int, drift_ppm: int = 1000) -> None:
        self._started_ns = now_ns
        self._last_number = now_ns - 1
        self._drift_ppm = drift_ppm
        self._newest = (0, 0)
        """Term and serial of the message that was accepted last"""
        self._passed_on: deque[tuple[int, tuple[int, int]]] = deque(maxlen=_UNCONFIRMED)
        """Numbers of `Leases` that the engine has not carried out yet, and what each of them rests on"""
        self._carried_out = (0, 0)
        self.until_ns: dict[str, int] = {}
        """Group to the end of its sublease, by our clock; it may have passed"""

    def number(self, now_ns: int) -> int:
        """Of a report that is sent now: the moment, and never the same twice."""
        self._last_number = max(self._last_number + 1, now_ns)
        return self._last_number

    def hear(self, answer: Subleases, term: int) -> bool:
        """Take an answer; False if it is old, of another term than `term`, or rests on a report that we did not send.

        Who has started again owns nothing by what was granted to it before: it knows these reports no longer.
        """
        if answer.term != term or (answer.term, answer.serial) <= self._newest:
            return False
        if answer.number and not self._started_ns <= answer.number <= self._last_number:
            return False
        self._newest = (answer.term, answer.serial)
        # Without a report there is nothing to count from.
        held = answer.held if answer.number else ()
        self.until_ns = {lease.group: answer.number + self._shortened(lease.span_ns) for lease in held}
        return True

    def _shortened(self, span_ns: int) -> int:
        return span_ns * (_MILLION - 2 * self._drift_ppm) // _MILLION

    def clear(self) -> None:
        """Own nothing any more: this node helps to elect another leader, or has become it."""
        self.until_ns = {}

    # -- the engine

    def passed_on(self, leases: int) -> None:
        """`Leases` of this number go to the engine; they rest on what was accepted last."""
        self._passed_on.append((leases, self._newest))

    def confirmed(self, leases: int) -> None:
        """The engine has carried out the `Leases` of this number, and with them all earlier ones."""
        while self._passed_on and self._passed_on[0][0] <= leases:
            _, self._carried_out = self._passed_on.popleft()

    def carried_out(self, term: int) -> int:
        """For a report to the leader of `term`: the serial of its newest message that the engine has carried out."""
        return self._carried_out[1] if self._carried_out[0] == term else 0
