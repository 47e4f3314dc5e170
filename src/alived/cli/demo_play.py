"""How the demo is played: a step is a fault, who must own the VIP afterwards, and what the client saw of it.

A step is judged on the wire alone: it ends well when, for a while, exactly one node answered every question of the
client for the VIP, the right one. What the daemons say of themselves is only shown.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence

import msgspec

from alived.cli.demo_lab import VIP, Stage
from alived.cli.demo_probe import Probe
from alived.cli.demo_step import Step, at_once
from alived.cli.demo_wire import Kind, Seen

SETTLED_S = 1.0
"""So long exactly one node must have answered."""
PATIENCE_S = 30.0
"""Beyond the theory; a machine may be slow, so this only bounds the wait for something that does not come."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a step. Times in seconds; None: it never happened."""

    title: str
    owners: tuple[str, ...]
    """Who answered in the end; one if all is well."""
    expected: tuple[str, ...]
    takeover_s: float | None
    """From the fault to the first answer or announcement of the new owner."""
    downtime_s: float
    """Longest time without a reply to the client's pings."""
    both_s: float
    """From the new owner's first answer to the old one's last."""
    theory_s: tuple[float, float] | None
    note: str
    never_two: bool

    @property
    def good(self) -> bool:
        one = len(self.owners) == 1 and self.owners[0] in self.expected
        return one and not (self.never_two and self.both_s)


class Play:
    """Plays steps and measures. `on_frames` gets all that the client sees, as it comes."""

    def __init__(self, stage: Stage, probe: Probe, on_frames: Callable[[Sequence[Seen]], None]) -> None:
        self._stage = stage
        self._probe = probe
        self._on_frames = on_frames

    def settle(
        self, expected: Sequence[str], patience_s: float, done: Callable[[], bool] = at_once
    ) -> tuple[list[Seen], tuple[str, ...]]:
        """Watches until one of these alone has answered for SETTLED_S and all is done, or patience ends: the frames,
        who answered."""
        give_up = time.monotonic() + patience_s
        frames: list[Seen] = []
        while True:
            fresh = self._probe.read(0.05)
            self._on_frames(fresh)
            frames += fresh
            since_ns = time.time_ns() - round(SETTLED_S * 1e9)
            owners = self.owners(frames, since_ns)
            if len(owners) == 1 and owners[0] in expected:
                first_ns = _first(frames, self._stage.nodes[owners[0]].mac, 0)
                if first_ns is not None and first_ns < since_ns and done():
                    return frames, owners
            if time.monotonic() > give_up:
                return frames, owners

    def owners(self, frames: Sequence[Seen], since_ns: int) -> tuple[str, ...]:
        """Who answered questions for the VIP since then."""
        macs = {
            seen.said_mac
            for seen in itertools.takewhile(lambda seen: seen.time_ns >= since_ns - 10**8, reversed(frames))
            if seen.kind is Kind.ANSWER and seen.address == VIP and seen.time_ns >= since_ns
        }
        return tuple(sorted(map(self._stage.name_of, macs)))

    def run(self, step: Step) -> Outcome:
        """Plays one step from a settled state."""
        before = self._probe.read(0.05)
        self._on_frames(before)
        fault_ns = time.time_ns()
        step.act()
        patience_s = PATIENCE_S + (step.theory_s[1] if step.theory_s else 0)
        after, owners = self.settle(step.owners, patience_s, step.done)
        new = self._stage.nodes[owners[0] if owners else step.owners[0]].mac
        first_ns = _first(after, new, fault_ns)
        last_of_old_ns = max((s.time_ns for s in after if s.kind is Kind.ANSWER and s.said_mac != new), default=0)
        return Outcome(
            title=step.title,
            owners=owners,
            expected=step.owners,
            takeover_s=None if first_ns is None else (first_ns - fault_ns) / 1e9,
            downtime_s=_longest_gap(before + after, fault_ns),
            both_s=0.0 if first_ns is None else max(0, last_of_old_ns - first_ns) / 1e9,
            theory_s=step.theory_s,
            note=step.note,
            never_two=step.never_two,
        )


def _first(frames: Sequence[Seen], mac: str, since_ns: int) -> int | None:
    shown = (
        seen.time_ns
        for seen in frames
        if seen.kind in (Kind.ANSWER, Kind.ANNOUNCEMENT) and seen.said_mac == mac and seen.time_ns > since_ns
    )
    return min(shown, default=None)


def _longest_gap(frames: Sequence[Seen], fault_ns: int) -> float:
    """Seconds between two replies to a ping, the longest that ends after the fault."""
    replies = sorted(seen.time_ns for seen in frames if seen.kind is Kind.PING)
    gaps = [later - earlier for earlier, later in itertools.pairwise(replies) if later > fault_ns]
    return max(gaps, default=0) / 1e9
