"""Commands of operators on their way to the leader, whichever node was asked, and their outcomes on the way back.

A command is sent again until its outcome comes, to whoever leads then; the leader remembers what it has answered.
"""

from __future__ import annotations

import itertools

import msgspec

from alived.base import NS_PER_S, DecodeError
from alived.raft.member_events import AddMember, Demote, Outcome, Promote, RemoveMember, Send, Transfer
from alived.raft.messages import NOBODY
from alived.raft.outbox import Outbox
from alived.raft.packets import Asked, Told

LIMIT_NS = 15 * NS_PER_S
"""Without an outcome for so long the operator is told that there is none"""
AGAIN_NS = NS_PER_S // 2
LEADERLESS_NS = 3 * NS_PER_S
"""An election takes much less"""
_REMEMBERED = 32


Order = AddMember | RemoveMember | Promote | Demote | Transfer
"""A command that the leader carries out; a recovery is made at the node that goes on, and does not travel."""
_decoder: msgspec.json.Decoder[Order] = msgspec.json.Decoder(Order)


def decode_command(data: bytes) -> Order:
    """Raises DecodeError "command"."""
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:  # ValidationError is one
        raise DecodeError("command", str(error)) from error


class Origin(msgspec.Struct, frozen=True):
    """Who asked: a node, or an operator here (0), and what he calls it."""

    node: int
    request: int


class _Way(msgspec.Struct):
    """A command that is with the leader, or on its way to it."""

    origin: Origin
    command: Order
    since_ns: int
    next_ns: int
    leader: int = NOBODY
    """To whom it was sent"""


class Relay:
    def __init__(self, outbox: Outbox, now_ns: int) -> None:
        self._outbox = outbox
        # The leader remembers numbers: a process that starts again must not use those of its predecessor.
        self._numbers = itertools.count(now_ns)
        self._ways: dict[int, _Way] = {}
        self._answered: dict[Origin, Told] = {}

    @property
    def deadline_ns(self) -> int | None:
        return min((way.next_ns for way in self._ways.values()), default=None)

    def forward(self, origin: Origin, command: Order, since_ns: int) -> None:
        """To whoever leads; asked for the first time at `since_ns`."""
        self._ways[next(self._numbers)] = _Way(origin, command, since_ns, since_ns)

    def told(self, told: Told) -> None:
        """By the leader."""
        way = self._ways.pop(told.request, None)
        if way is not None:
            self.answer(way.origin, told.text, ok=told.ok)

    def answer(self, origin: Origin, text: str, *, ok: bool) -> None:
        """The outcome, to whoever asked."""
        if origin.node == NOBODY:
            self._outbox.add(Outcome(origin.request, ok, text))
            return
        self._answered[origin] = Told(request=origin.request, ok=ok, text=text)
        if len(self._answered) > _REMEMBERED:
            del self._answered[next(iter(self._answered))]
        self._outbox.add(Send(origin.node, self._answered[origin]))

    def repeated(self, origin: Origin) -> bool:
        """Whether this was answered already; if so it is again."""
        told = self._answered.get(origin)
        if told is not None:
            self._outbox.add(Send(origin.node, told))
        return told is not None

    def mind(self, leader: int, own: int, now_ns: int) -> list[tuple[Origin, Order, int, int]]:
        """What this node has to do itself, as it leads now, since when, and as what other leaders knew it; the rest
        goes to the leader."""
        mine = []
        for number, way in list(self._ways.items()):
            if leader == own:
                del self._ways[number]
                mine.append((way.origin, way.command, way.since_ns, number))
            elif now_ns - way.since_ns >= (LIMIT_NS if way.leader or leader else LEADERLESS_NS):
                del self._ways[number]
                self.answer(way.origin, _why_none(sent=way.leader != NOBODY), ok=False)
            elif now_ns >= way.next_ns or leader not in (NOBODY, way.leader):
                way.next_ns = now_ns + AGAIN_NS
                if leader != NOBODY:
                    way.leader = leader
                    self._outbox.add(Send(leader, Asked(request=number, command=msgspec.json.encode(way.command))))
        return mine


def _why_none(*, sent: bool) -> str:
    if sent:
        return f"the leader has not answered for {LIMIT_NS // NS_PER_S} s: `alived cluster members` shows what was done"
    return "there is no leader: a majority of the voters does not answer, so nothing can be changed"
