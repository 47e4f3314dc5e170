"""The lease of an owner: "I am the leader" is no right to own addresses, an unexpired lease is.

A leader may own until `s + L`: `s` is when it sent the newest round of heartbeats that a quorum has answered. Everyone
who answered promised (`Settings.hold_promises`) not to help elect another leader for `E` after he received it. A new
leader needs the vote of one of them, so there is never a second owner if

    (L + U) (1 + rho)  <=  (E + W) (1 - rho)

    E    the promise: (election_ticks - 1) ticks, as a tick may come up to one tick early
    U    from the end of the lease to silence on the wire
    W    how long a new owner waits in addition
    rho  by how much clocks may run too fast or too slow

Time is counted from sending, not from receiving, so that delays on the network do no harm. The caller reads it from
CLOCK_BOOTTIME, which counts suspend; the ticks of promises come from CLOCK_MONOTONIC, which does not: each errs to the
safe side. Whoever drives a node calls `Lease.observe` after every step and before it sends anything: a leader that
steps down or hands over is silent before the vote or the TimeoutNow leaves that makes another one the owner.
"""

from __future__ import annotations

from collections import deque

import msgspec

_MILLION = 1_000_000


class LeaseTimes(msgspec.Struct, frozen=True, kw_only=True):
    """The quantities of the inequality."""

    promise_ns: int
    silence_ns: int
    drift_ppm: int = 1000
    extra_wait_ns: int = 0

    def __post_init__(self) -> None:
        if self.longest_ns <= 0:
            raise ValueError(
                f"no lease is possible: a promise of {self.promise_ns + self.extra_wait_ns} ns does not cover "
                f"{self.silence_ns} ns until silence and clocks that differ by {self.drift_ppm} ppm"
            )

    @classmethod
    def of_ticks(cls, election_ticks: int, tick_ns: int, silence_ns: int) -> LeaseTimes:
        """For the promise that nodes with these timers give. Raises ValueError if it is too short."""
        return cls(promise_ns=(election_ticks - 1) * tick_ns, silence_ns=silence_ns)

    @property
    def longest_ns(self) -> int:
        """The longest lease that is safe."""
        slowest = (self.promise_ns + self.extra_wait_ns) * (_MILLION - self.drift_ppm)
        return slowest // (_MILLION + self.drift_ppm) - self.silence_ns

    def safe(self, lease_ns: int) -> bool:
        """Whether a lease of this length keeps the inequality."""
        fastest = (lease_ns + self.silence_ns) * (_MILLION + self.drift_ppm)
        return fastest <= (self.promise_ns + self.extra_wait_ns) * (_MILLION - self.drift_ppm)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What a node is in the eyes of its lease."""

    term: int
    leads: bool
    votes: bool
    """It is a voter of its configuration: who is not, rules by the grace of a membership that is gone"""
    committed_in_own_term: bool
    """Before that it does not know what is committed, perhaps not even who is a member"""
    handing_over: bool
    round: int
    """Number of the last round of heartbeats that it made"""
    confirmed_round: int
    """Number of the newest one that a quorum has answered"""


class Lease:
    """When the ownership of a node ends if nothing more is heard."""

    __slots__ = ("_given_up", "_last_round", "_lease_ns", "_sent", "_term", "_until_ns", "until_ns")

    def __init__(self, times: LeaseTimes, lease_ns: int | None = None) -> None:
        """`lease_ns`: None for the longest that is safe. Raises ValueError if two owners were possible."""
        self._lease_ns = times.longest_ns if lease_ns is None else lease_ns
        if not times.safe(self._lease_ns):
            raise ValueError(f"a lease of {lease_ns} ns allows two owners; at most {times.longest_ns} ns are safe")
        self._term = 0
        self._given_up = False
        self._last_round = 0
        self._sent: deque[tuple[int, int]] = deque()
        """Rounds that are not confirmed yet, and when they were sent"""
        self._until_ns: int | None = None
        self.until_ns: int | None = None
        """Until then this node may own; None: it may not"""

    def observe(self, standing: Standing, now_ns: int) -> int | None:
        """Look at the node after a step, before its messages are sent; until when it may own, or None."""
        if standing.term != self._term or not standing.leads:
            self._forget(standing.term)
        if standing.leads:
            self._given_up = self._given_up or standing.handing_over
            self._note_rounds(standing, now_ns)
        # A lease that was given up does not come back in this term: the TimeoutNow may still be on its way.
        rules = standing.leads and standing.votes and standing.committed_in_own_term and not self._given_up
        self.until_ns = self._until_ns if rules else None
        return self.until_ns

    def _forget(self, term: int) -> None:
        if term != self._term:
            self._term = term
            self._given_up = False
        self._sent.clear()
        self._until_ns = None

    def _note_rounds(self, standing: Standing, now_ns: int) -> None:
        if standing.round > self._last_round:
            self._last_round = standing.round
            self._sent.append((standing.round, now_ns))
        while self._sent and (self._sent[0][0] <= standing.confirmed_round or self._expired(now_ns)):
            number, sent_ns = self._sent.popleft()
            if number <= standing.confirmed_round:
                self._until_ns = sent_ns + self._lease_ns

    def _expired(self, now_ns: int) -> bool:
        """An answer to this round would come too late to be of use."""
        return self._sent[0][1] + self._lease_ns <= now_ns

    def covers(self, now_ns: int, span_ns: int = 0) -> bool:
        """Whether the node may own now and for `span_ns` from now on (a lease of the kernel that it is to grant)."""
        return self.until_ns is not None and now_ns < self.until_ns and now_ns + span_ns <= self.until_ns
