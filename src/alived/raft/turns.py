"""Whose turn it is to campaign when the leader falls silent: the best first, one after the other.

Votes are not split then as by chance, and who is elected need not hand over to a better node afterwards. A candidate
that fails waits by chance as ever (paper, 5.2).
"""

from __future__ import annotations

from collections.abc import Mapping

from alived.raft.config import Member
from alived.raft.profiles import Timers

RELUCTANT_TIMEOUTS = 2
"""For so many election timeouts a node that could own nothing leaves it to the others to campaign"""
WITNESS_TIMEOUTS = 6
"""And a witness. It never owns, but it may be the only one left with the whole log (the owner is dead, and the other
node was away while the two went on): then it alone can be elected, and hands over as soon as the other has the log."""


def patience_ticks(
    number: int, members: Mapping[int, Member], leader: int, timers: Timers, *, able: bool
) -> int | None:
    """How long node `number` waits beyond the election timeout; None: it does not campaign at all (learners, who is
    no member)."""
    own = members.get(number)
    if own is None or not own.votes:
        return None
    if not own.may_own:
        return WITNESS_TIMEOUTS * timers.election_ticks
    if not able:
        return RELUCTANT_TIMEOUTS * timers.election_ticks
    rivals = (member for other, member in members.items() if other not in (number, leader) and member.may_own)
    return timers.margin_ticks + timers.turn_ticks * sum(_rank(rival) > _rank(own) for rival in rivals)


def _rank(member: Member) -> tuple[int, str]:
    return member.priority, member.id
