"""Plays the server to a dialogue: what it hears, and what it says and decides."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence

from hypothesis import strategies as st

from alived.health.dialogue import Dialogue, Step, Verdict

MOST_HELD = 100_000
"""Octets that a dialogue may hold, whatever it hears."""


class Talk:
    """said: all that the dialogue sent; verdict: None until there is one."""

    def __init__(self, dialogue: Dialogue) -> None:
        self.dialogue = dialogue
        self.said: list[bytes] = []
        self.verdict: Verdict | None = None
        self.in_tls = False
        self.patience = 0
        self._take(dialogue.begun())

    def _take(self, step: Step) -> None:
        assert self.verdict is None, "asked again after its verdict"
        if step.send:
            self.said.append(step.send)
        self.patience += step.patience
        self.verdict = step.verdict
        if step.start_tls:
            assert step.verdict is None
            self.in_tls = True
            self._take(self.dialogue.secured())

    def hears(self, *pieces: bytes) -> Talk:
        """Each as one piece, up to the verdict."""
        for piece in pieces:
            if self.verdict is None and piece:
                self._take(self.dialogue.received(piece))
        return self

    @property
    def outcome(self) -> tuple[bool, str]:
        assert self.verdict is not None, "no verdict yet"
        return self.verdict.ok, self.verdict.reason


def converse(dialogue: Dialogue, *pieces: bytes) -> Talk:
    return Talk(dialogue).hears(*pieces)


def in_octets(*pieces: bytes) -> list[bytes]:
    """The same octet by octet."""
    return [bytes((octet,)) for piece in pieces for octet in piece]


def pieces_like(*fragments: bytes) -> st.SearchStrategy[list[bytes]]:
    """Any octets, and what a server would say in the wrong order, cut anywhere."""
    cut = st.builds(
        lambda whole, first, last: whole[first:last],
        st.sampled_from(fragments),
        st.integers(0, 40),
        st.integers(1, 400),
    )
    return st.lists(st.one_of(st.binary(min_size=1, max_size=64), st.sampled_from(fragments), cut), max_size=30)


def check_bears(build: Callable[[], Dialogue], pieces: Iterable[bytes]) -> None:
    """Whatever it hears: no exception, one verdict at most, little memory, and a reason that a terminal can show."""
    talk = Talk(build())
    for piece in pieces:
        if talk.verdict is None:
            talk.hears(piece)
            assert held(talk.dialogue) < MOST_HELD
    if talk.verdict is not None:
        ends: Sequence[Verdict] = (talk.verdict,)
    else:
        ends = (talk.dialogue.ended(), talk.dialogue.broken("connection reset"), talk.dialogue.timed_out())
    for end in ends:
        assert 0 < len(end.reason) < 800
        assert end.reason.isprintable()


def held(thing: object) -> int:
    """Octets of all that is reachable from it, its configuration included."""
    inner: Iterable[object] = ()
    if isinstance(thing, dict):
        inner = [*thing, *thing.values()]
    elif isinstance(thing, list | tuple | set | frozenset):
        inner = thing
    elif hasattr(thing, "__struct_fields__"):
        inner = [getattr(thing, field) for field in thing.__struct_fields__]
    elif hasattr(thing, "__dict__") and not isinstance(thing, type):
        inner = vars(thing).values()
    return sys.getsizeof(thing) + sum(held(part) for part in inner if not isinstance(part, type | bool))
