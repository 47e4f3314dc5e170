"""Who leads next: when a better node should, when an operator wants it, and when the daemon of the leader ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from alived.raft.consensus import Consensus
from alived.raft.handover import Handover, Progress
from alived.raft.messages import NOBODY
from alived.raft.outbox import Outbox
from alived.raft.ownership import Ownership
from alived.raft.profiles import Timers

LAST_WORDS_TIMEOUTS = 2
"""A daemon that ends waits so long for another leader"""


class Succession:
    def __init__(
        self,
        own: int,
        timers: Timers,
        ownership: Ownership,
        heard_ns: Mapping[int, int],
        outbox: Outbox,
        failed: Callable[[str], None],
    ) -> None:
        """heard_ns: when each node was heard last. failed: told that a hand-over did not succeed, in a sentence."""
        self._own = own
        self._election_ns = timers.election_ns
        self._ownership = ownership
        self._heard_ns = heard_ns
        self._outbox = outbox
        self._failed = failed
        self._handover: Handover | None = None
        self._patient_until_ns: int | None = None
        """Everything is let go here; until then the heir has time to take it"""
        self._handed_over_at_end = False
        self.ends_ns: int | None = None
        """The daemon ends, by then at the latest"""

    # -- what can be asked

    @property
    def giving_up(self) -> str:
        """Why everything is let go, a sentence; "": it is not."""
        if self.ends_ns is not None:
            return "the daemon ends"
        return self._handover.reason if self._handover else ""

    @property
    def to(self) -> int:
        """Who takes over; 0: nobody is asked to."""
        return self._handover.to if self._handover else NOBODY

    @property
    def deadline_ns(self) -> int | None:
        """When it goes on though the heir has not taken what it shall own."""
        withdraws = self._handover is not None and self._handover.progress is Progress.WITHDRAWING
        return self._patient_until_ns if withdraws else None

    def there(self, number: int, now_ns: int) -> bool:
        """Whether a node was heard within an election timeout."""
        heard_ns = self._heard_ns.get(number)
        return heard_ns is not None and now_ns - heard_ns < self._election_ns

    def why_not(self, consensus: Consensus, number: int, now_ns: int) -> str:
        """Why a node cannot take over now (or keep, if it is this one), a sentence; "": it can."""
        member = consensus.directory.members.get(number)
        if member is None:
            return "it is no member"
        if not member.may_own or number not in consensus.configuration.voters.incoming:
            return f"it is a {member.role if not member.may_own else 'learner'}"
        if number != self._own and not self.there(number, now_ns):
            return "it was not heard lately"
        return self._ownership.why_unable(member.id)

    def successor(self, consensus: Consensus, now_ns: int) -> int | None:
        """The best of the others; None: there is nobody."""

        def rank(number: int) -> tuple[bool, int, int]:
            able = not self._ownership.why_unable(consensus.name(number))
            progress = consensus.node.raft.tracker.progress[number]
            return able, consensus.directory.members[number].priority, progress.match_index

        there = [
            number
            for number in consensus.configuration.voters.incoming & consensus.directory.members.keys()
            if number != self._own and consensus.directory.members[number].may_own and self.there(number, now_ns)
        ]
        return max(there, key=rank, default=None)

    def heir(self, consensus: Consensus, now_ns: int) -> int:
        """Who shall take over from this leader when it hears nobody any more, but may still be heard: the best of those
        that were there when it last heard anybody; 0: nobody. Whoever goes on without a majority makes no other one the
        leader."""
        if self._ownership.would_hold_on:
            return NOBODY
        heard_ns = max(self._heard_ns.values(), default=now_ns)
        return self.successor(consensus, heard_ns) or NOBODY

    # -- what happens

    def begin(self, consensus: Consensus, to: int, reason: str) -> None:
        """Unless a hand-over is under way."""
        if self._handover is None:
            self._outbox.notice("info", "hands-over", f"hands over to {consensus.name(to)}: {reason}")
            self._handover = Handover(consensus.node, to, reason)
            self._ownership.prepare(consensus.name(to))

    def end(self, now_ns: int) -> None:
        """The daemon is asked to end."""
        if self.ends_ns is None:
            self.ends_ns = now_ns + LAST_WORDS_TIMEOUTS * self._election_ns

    def mind(self, consensus: Consensus, now_ns: int) -> bool:
        """Go on with a hand-over. True: the node was stepped."""
        if self.ends_ns is not None and consensus.leads and not self._handed_over_at_end:
            successor = self.successor(consensus, now_ns)
            if successor is not None:
                self._handed_over_at_end = True
                self.begin(consensus, successor, "the daemon ends")
        if self._handover is None:
            return False
        handover = self._handover
        stepped = handover.proceed(clear=self._is_clear(consensus.name(handover.to), now_ns))
        if handover.progress in (Progress.FAILED, Progress.DONE):
            self._handover = None
            self._patient_until_ns = None
        if handover.progress is Progress.FAILED:
            to = consensus.name(handover.to)
            sentence = f"{to} did not take over within an election timeout, this node stands again"
            self._outbox.notice("warning", "hand-over-failed", sentence)
            self._ownership.hand_over_failed(to, now_ns)
            self._failed(sentence)
        return stepped

    def _is_clear(self, heir: str, now_ns: int) -> bool:
        """Nobody but the heir may own anything. It gets an election timeout to take it: then nobody notices that the
        leadership follows."""
        if not self._ownership.clear(now_ns, but=heir):
            return False
        if self._patient_until_ns is None:
            self._patient_until_ns = now_ns + self._election_ns
        return self._ownership.passed_on(heir) or now_ns >= self._patient_until_ns

    def ended(self, consensus: Consensus | None, now_ns: int) -> bool:
        """Of a daemon that ends: whether nothing is left to do. Nothing is owned, the leader knows, another one leads
        if that was the aim."""
        assert self.ends_ns is not None, "it is not asked to end"
        if consensus is None or now_ns >= self.ends_ns:
            return True
        others_at_most = self._ownership.clear(now_ns) or self._ownership.sole_holder(now_ns)
        if self._handover or not others_at_most:
            return False
        if consensus.leads or consensus.leader == NOBODY:
            return consensus.leads or not self._handed_over_at_end
        return self._ownership.settled
