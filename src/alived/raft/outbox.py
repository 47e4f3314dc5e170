"""What a step of a member wants done, in order; and what it must not say before its engine has let go.

A vote, or an answer to a new leader, helps another node to own. It waits as long as this one may own still: a leader
that loses its term has promised nothing to anybody, its own vote may be the one that makes the next owner. Only who
owns all of it already may be helped at once.
"""

from __future__ import annotations

from collections.abc import Iterable

from alived.raft.member_events import MemberEffect, MemberNoticed, Save, Send
from alived.raft.messages import NOBODY, AppendResponse, HeartbeatResponse, Message, TimeoutNow, VoteResponse


class Outbox:
    def __init__(self) -> None:
        self._effects: list[MemberEffect] = []
        self._late: list[Send] = []
        self._waiting: list[Message] = []
        self.shut = False
        """What helps another node to own waits"""
        self._spared = NOBODY
        """But for this one"""

    def add(self, effect: MemberEffect) -> None:
        self._effects.append(effect)

    def add_late(self, effect: Send) -> None:
        """After what the consensus sends in this step, as it refers to it."""
        self._late.append(effect)

    def notice(self, level: str, code: str, message: str) -> None:
        self._effects.append(MemberNoticed(level, code, message))

    def send(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if self.shut and message.to != self._spared and helps(message):
                self._waiting.append(message)
            else:
                self._effects.append(Send(message.to, message))

    @property
    def waits(self) -> bool:
        """Somebody waits for this node's help to own."""
        return bool(self._waiting)

    def bar(self, spared: int) -> None:
        """Something may be owned by the grace of this node. spared: who alone may own all of it, so that it may be
        helped; NOBODY: there is no such one."""
        self.shut = True
        self._spared = spared
        self._try_again()

    def open(self) -> None:
        """Nothing is owned here any more: what waited may leave."""
        self.shut = False
        self._try_again()

    def _try_again(self) -> None:
        waiting, self._waiting = self._waiting, []
        self.send(waiting)

    def take(self) -> list[MemberEffect]:
        """A `Save` stays the last."""
        effects, late = self._effects, self._late
        self._effects, self._late = [], []
        end = len(effects) - (bool(effects) and isinstance(effects[-1], Save))
        return [*effects[:end], *late, *effects[end:]]


def helps(message: Message) -> bool:
    """Whether it may make another node the owner: by a vote, or by an answer that commits or confirms."""
    match message:
        case VoteResponse(pre=pre, reject=reject):
            return not pre and not reject
        case AppendResponse() | HeartbeatResponse() | TimeoutNow():
            return True
        case _:
            return False
