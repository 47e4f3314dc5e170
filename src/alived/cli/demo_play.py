"""The script of the demo: each fault, who must own the VIP afterwards, and what the client saw of it.

A step is judged on the wire alone: it ends well when, for a while, exactly one node answered every question of the
client for the VIP, the right one. What the daemons say of themselves is only shown.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec

from alived.cli.demo_lab import VIP, Node, Stage
from alived.cli.demo_probe import Probe
from alived.cli.demo_wire import Kind, Seen

SETTLED_S = 1.0
"""So long exactly one node must have answered."""
PATIENCE_S = 30.0
"""Beyond the theory; a machine may be slow, so this only bounds the wait for something that does not come."""


class Step(msgspec.Struct, frozen=True):
    """A fault or its repair. owner: the node that must have the VIP afterwards."""

    title: str
    act: Callable[[], None]
    owner: str
    theory_s: tuple[float, float]
    """From the fault to the new owner's first frame: least and most."""
    note: str = ""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a step. Times in seconds; None: it never happened."""

    title: str
    owners: tuple[str, ...]
    """Who answered in the end; one if all is well."""
    expected: str
    takeover_s: float | None
    """From the fault to the first answer or announcement of the new owner."""
    downtime_s: float
    """Longest time without a reply to the client's pings."""
    both_s: float
    """From the new owner's first answer to the old one's last."""
    theory_s: tuple[float, float]
    note: str

    @property
    def good(self) -> bool:
        return self.owners == (self.expected,)


def master_down_interval(priority: int, interval_s: float, version: int) -> float:
    """RFC 9568 section 6.1; RFC 3768 counts the skew in seconds."""
    return 3 * interval_s + skew_time(priority, interval_s, version)


def skew_time(priority: int, interval_s: float, version: int) -> float:
    return (256 - priority) / 256 * (interval_s if version == 3 else 1.0)


def script(stage: Stage) -> Iterator[Step]:
    """n1 is hit by everything, n2 takes over, n1 comes back and preempts."""
    n1, n2 = stage.nodes["n1"], stage.nodes["n2"]
    interval = stage.interval_s
    down = master_down_interval(n2.priority, interval, stage.version)
    silence = (down - interval, down)
    skew = skew_time(n2.priority, interval, stage.version)
    back = (0.0, master_down_interval(n1.priority, interval, stage.version))
    returned = "n1 comes back and preempts"
    yield Step(
        "kill -9 of all processes of n1", n1.daemon.kill, "n2", silence, "its kernel still has the VIP for a while"
    )
    yield Step(
        "n1 starts again", lambda: _start(n1), "n1", (back[1], back[1]), f"{returned}; plus the start of the process"
    )
    yield Step("n1 stops gracefully (SIGTERM)", lambda: _stop(n1), "n2", (skew, skew), "priority 0 says goodbye")
    yield Step(
        "n1 starts again", lambda: _start(n1), "n1", (back[1], back[1]), f"{returned}; plus the start of the process"
    )
    yield Step("n1 freezes (SIGSTOP)", lambda: _freeze(n1), "n2", silence, "its kernel still has the VIP for a while")
    yield Step("n1 thaws (SIGCONT)", lambda: _thaw(n1), "n1", back, returned)
    yield Step("n1's cable is pulled", lambda: _plug(stage, n1, False), "n2", silence)
    yield Step("n1's cable is plugged in", lambda: _plug(stage, n1, True), "n1", back, returned)


def _start(node: Node) -> None:
    node.daemon.start()


def _stop(node: Node) -> None:
    node.daemon.terminate()


def _freeze(node: Node) -> None:
    node.frozen = True
    node.daemon.freeze()


def _thaw(node: Node) -> None:
    node.frozen = False
    node.daemon.thaw()


def _plug(stage: Stage, node: Node, plugged: bool) -> None:
    node.unplugged = not plugged
    stage.network.set_cable(node.name, plugged=plugged)


class Play:
    """Plays steps and measures. `on_frames` gets all that the client sees, as it comes."""

    def __init__(self, stage: Stage, probe: Probe, on_frames: Callable[[Sequence[Seen]], None]) -> None:
        self._stage = stage
        self._probe = probe
        self._on_frames = on_frames

    def settle(self, owner: str, patience_s: float) -> tuple[list[Seen], tuple[str, ...]]:
        """Watches until `owner` alone has answered for SETTLED_S, or patience ends: the frames, and who answered."""
        give_up = time.monotonic() + patience_s
        frames: list[Seen] = []
        while True:
            fresh = self._probe.read(0.05)
            self._on_frames(fresh)
            frames += fresh
            since_ns = time.time_ns() - round(SETTLED_S * 1e9)
            owners = self.owners(frames, since_ns)
            first_ns = _first(frames, self._stage.nodes[owner].mac, 0)
            whole = first_ns is not None and first_ns < since_ns
            if (whole and owners == (owner,)) or time.monotonic() > give_up:
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
        after, owners = self.settle(step.owner, step.theory_s[1] + PATIENCE_S)
        new = self._stage.nodes[step.owner].mac
        first_ns = _first(after, new, fault_ns)
        last_of_old_ns = max((s.time_ns for s in after if s.kind is Kind.ANSWER and s.said_mac != new), default=0)
        return Outcome(
            title=step.title,
            owners=owners,
            expected=step.owner,
            takeover_s=None if first_ns is None else (first_ns - fault_ns) / 1e9,
            downtime_s=_longest_gap(before + after, fault_ns),
            both_s=0.0 if first_ns is None else max(0, last_of_old_ns - first_ns) / 1e9,
            theory_s=step.theory_s,
            note=step.note,
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
