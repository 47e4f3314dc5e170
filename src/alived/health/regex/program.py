"""A tree as instructions of a machine that has no memory but the places where it is (Thompson's construction)."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from typing import assert_never

import msgspec

from alived.health.regex.sets import NEWLINE, WORD, Ranges
from alived.health.regex.syntax import Assertion, Choice, Node, Place, RegexNotKnown, Repeat, Sequence, Symbol

MAX_INSTRUCTIONS = 1000


class Read(msgspec.Struct):
    """Takes a symbol of a set and goes on behind it."""

    classes: frozenset[int]
    """Of symbols, by number"""


class Fork(msgspec.Struct):
    """Goes on at all of these."""

    targets: list[int]


class Check(msgspec.Struct):
    """Goes on if the place is right."""

    place: Place


Instruction = Read | Fork | Check


class Alphabet:
    """Symbols that no set of the pattern tells apart are one class, so that the machine's tables are small."""

    def __init__(self, sets: Iterable[Ranges]) -> None:
        edges = {0, NEWLINE, NEWLINE + 1}
        for ranges in (WORD, *sets):
            for first, last in ranges:
                edges |= {first, last + 1}
        self._edges = sorted(edges)
        """Where a class begins"""
        self.table = bytes(min(self.of(octet), 0xFF) for octet in range(0x100))
        """Octet -> class; right if there are symbols up to an octet only"""
        self.newline = self.of(NEWLINE)
        self.words = self.classes(WORD)

    def of(self, symbol: int) -> int:
        return bisect.bisect_right(self._edges, symbol) - 1

    def classes(self, ranges: Ranges) -> frozenset[int]:
        """All that a set consists of."""
        return frozenset(number for first, last in ranges for number in range(self.of(first), self.of(last) + 1))


class Program(msgspec.Struct, frozen=True):
    """Begins at instruction 0; behind the last one it has found what it looked for."""

    instructions: list[Instruction]
    alphabet: Alphabet


def build(tree: Node) -> Program:
    """Raises RegexError if it is too large."""
    alphabet = Alphabet(_sets(tree))
    instructions: list[Instruction] = []
    builder = _Builder(alphabet, instructions)
    builder.add(tree)
    builder.check_size()
    return Program(instructions, alphabet)


def _sets(tree: Node) -> Iterable[Ranges]:
    match tree:
        case Symbol(ranges):
            yield ranges
        case Sequence(nodes) | Choice(nodes):
            for node in nodes:
                yield from _sets(node)
        case Repeat(part):
            yield from _sets(part)
        case Assertion():
            return
        case _:
            assert_never(tree)


class _Builder:
    def __init__(self, alphabet: Alphabet, instructions: list[Instruction]) -> None:
        self._alphabet = alphabet
        self._instructions = instructions

    def add(self, tree: Node) -> None:
        """Appends the instructions of a tree; who is through with it is behind the last one."""
        self.check_size()
        match tree:
            case Symbol(ranges):
                self._instructions.append(Read(self._alphabet.classes(ranges)))
            case Assertion(place):
                self._instructions.append(Check(place))
            case Sequence(parts):
                for part in parts:
                    self.add(part)
            case Choice(options):
                self._add_choice(options)
            case Repeat(part, least, most):
                self._add_repeat(part, least, most)
            case _:
                assert_never(tree)

    def check_size(self) -> None:
        if len(self._instructions) > MAX_INSTRUCTIONS:
            raise RegexNotKnown(f"the pattern needs more than {MAX_INSTRUCTIONS} steps: repeat less often, or less")

    def _add_choice(self, options: tuple[Node, ...]) -> None:
        fork = self._fork()
        exits = []
        for option in options:
            fork.targets.append(len(self._instructions))
            self.add(option)
            exits.append(self._fork())
        for jump in exits:
            jump.targets.append(len(self._instructions))

    def _add_repeat(self, part: Node, least: int, most: int | None) -> None:
        for _ in range(least):
            self._add_counted(part)
        if most is None:
            loop = len(self._instructions)
            fork = self._fork()
            fork.targets.append(len(self._instructions))
            self.add(part)
            self._fork().targets.append(loop)
            fork.targets.append(len(self._instructions))
            return
        skips = []
        for _ in range(most - least):
            skips.append(self._fork())
            skips[-1].targets.append(len(self._instructions))
            self._add_counted(part)
        for skip in skips:
            skip.targets.append(len(self._instructions))

    def _add_counted(self, part: Node) -> None:
        """Also what takes no instruction has its limit: (){1,65535} in (){1,65535}."""
        before = len(self._instructions)
        self.add(part)
        if len(self._instructions) == before:
            self._fork().targets.append(len(self._instructions))

    def _fork(self) -> Fork:
        fork = Fork([])
        self._instructions.append(fork)
        return fork
