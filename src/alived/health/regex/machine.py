"""All ways a pattern can go, at once: a table that is made while it is used.

All ways through the program are followed at once, as a set of places; sets that were seen are kept as states of a
table, so that an octet usually costs one look-up (a deterministic machine that is made while it runs). So the time is
linear in what is searched, and no pattern and no answer of a server can hold up who searches. What is made anew for
each octet, since the table would be too large, is counted as work, and there is a limit to it.

A place between two symbols is judged when the next symbol is known: that is what anchors and boundaries are about. The
newline at the very end is a symbol of its own, because $ and \\Z look for it.
"""

from __future__ import annotations

import enum
from typing import assert_never

from alived.health.regex.program import Check, Fork, Program, Read
from alived.health.regex.syntax import Place

MAX_TRANSITIONS = 20_000
"""Of the table of one pattern; then it begins anew"""
LAST_NEWLINE, END = -1, -2
"""Classes of symbols beside those of the alphabet"""


class Before(enum.Enum):
    """What stands before a place, as far as places care."""

    START = enum.auto()
    NEWLINE = enum.auto()
    WORD = enum.auto()
    OTHER = enum.auto()


class State(dict[int, "State"]):
    """Where the machine can be; by the class of a symbol: where it is after it. begins: a match may begin here."""

    __slots__ = ("before", "begins", "machine", "threads")

    def __init__(self, machine: Machine, threads: frozenset[int], before: Before, begins: bool) -> None:
        super().__init__()
        self.machine = machine
        self.threads = threads
        self.before = before
        self.begins = begins

    def __missing__(self, symbol: int) -> State:
        return self.machine.step(self, symbol)


class _Found(State):
    """The state in which all is said."""

    __slots__ = ()

    def __missing__(self, symbol: int) -> State:
        return self


class Machine:
    """Of one pattern, for all its searches."""

    def __init__(self, program: Program, utf: bool, firstline: bool) -> None:
        self.program = program
        self.utf = utf
        self.firstline = firstline
        self.found = _Found(self, frozenset(), Before.OTHER, False)
        self.work = 0
        """Places visited since the beginning; who searches looks how it grows"""
        self._states: dict[tuple[frozenset[int], Before, bool], State] = {}
        self._transitions = 0

    def state(self, threads: frozenset[int], before: Before, begins: bool) -> State:
        key = (threads, before, begins)
        found = self._states.get(key)
        if found is None:
            found = self._states[key] = State(self, threads, before, begins)
        return found

    def step(self, state: State, symbol: int) -> State:
        places = self._closure(state, symbol)
        program = self.program
        if len(program.instructions) in places:
            after: State = self.found
        else:
            wanted = program.alphabet.newline if symbol == LAST_NEWLINE else symbol
            threads = frozenset(
                place + 1
                for place in places
                if isinstance(read := program.instructions[place], Read) and wanted in read.classes
            )
            after = self.state(threads, self._kind(symbol), state.begins)
        self._remember(state, symbol, after)
        return after

    def _remember(self, state: State, symbol: int, after: State) -> None:
        self._transitions += 1
        if self._transitions > MAX_TRANSITIONS:
            self._transitions = 0
            for known in self._states.values():
                known.clear()
            self._states.clear()
        state[symbol] = after

    def _kind(self, symbol: int) -> Before:
        alphabet = self.program.alphabet
        if symbol in (LAST_NEWLINE, alphabet.newline):
            return Before.NEWLINE
        return Before.WORD if symbol in alphabet.words else Before.OTHER

    def _closure(self, state: State, symbol: int) -> set[int]:
        """All places that are reached without a symbol, given what stands before and what comes next."""
        instructions = self.program.instructions
        places: set[int] = set()
        pending = list(state.threads)
        if state.begins:
            pending.append(0)
        while pending:
            place = pending.pop()
            if place in places:
                continue
            places.add(place)
            if place == len(instructions):
                break
            match instructions[place]:
                case Fork(targets):
                    pending += targets
                case Check(wanted) if self._is_at(wanted, state.before, symbol):
                    pending.append(place + 1)
        self.work += len(places)
        return places

    def _is_at(self, place: Place, before: Before, symbol: int) -> bool:
        alphabet = self.program.alphabet
        last_newline = symbol == LAST_NEWLINE
        match place:
            case Place.START:
                right = before is Before.START
            case Place.ANY_LINE_START:
                right = before in (Before.START, Before.NEWLINE)
            case Place.LINE_START:
                right = before is Before.START or (before is Before.NEWLINE and symbol != END)
            case Place.END:
                right = symbol == END
            case Place.END_OR_LAST_NEWLINE:
                right = symbol == END or last_newline
            case Place.LINE_END:
                right = symbol == END or last_newline or symbol == alphabet.newline
            case Place.WORD_BOUNDARY:
                right = (before is Before.WORD) is not (symbol in alphabet.words)
            case Place.NO_WORD_BOUNDARY:
                right = (before is Before.WORD) is (symbol in alphabet.words)
            case _:
                assert_never(place)
        return right
