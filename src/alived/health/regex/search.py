"""Searches octets that come in pieces, without going back and without keeping them."""

from __future__ import annotations

import codecs
import functools
from collections.abc import Sequence

from alived.health.regex.machine import END, LAST_NEWLINE, Before, Machine
from alived.health.regex.options import read
from alived.health.regex.parse import parse
from alived.health.regex.program import build

MAX_WORK = 250_000
"""Places that one search may visit beyond the table: half a second"""
KNOWN_PATTERNS = 1024
SLICE = 1 << 9
"""Symbols between two looks at the work"""
FOREVER = 1 << 62


@functools.lru_cache(KNOWN_PATTERNS)
def compiled(pattern: str, options: tuple[str, ...]) -> Machine:
    """Raises RegexError."""
    understood = read(options)
    text = pattern if understood.utf else pattern.encode("utf-8", "surrogateescape").decode("latin-1")
    return Machine(build(parse(text, understood)), understood.utf, understood.firstline)


class Search:
    """Whether a match begins at one of the octets from least_offset to most_offset. None: anywhere after."""

    __slots__ = (
        "_broken",
        "_decoder",
        "_held",
        "_least",
        "_machine",
        "_most",
        "_offset",
        "_state",
        "_wants_line",
        "_work",
    )

    def __init__(self, machine: Machine, least_offset: int = 0, most_offset: int | None = None) -> None:
        self._machine = machine
        self._least = least_offset
        self._most = FOREVER if most_offset is None else most_offset
        self._offset = 0
        self._held = ""
        """A newline that may be the last symbol"""
        self._decoder = codecs.getincrementaldecoder("utf-8" if machine.utf else "latin-1")("strict")
        self._state = machine.state(frozenset(), Before.START, False)
        self._work = 0
        self._broken = False
        """It is no UTF-8, in which nothing is found"""
        self._wants_line = machine.firstline

    @property
    def given_up(self) -> bool:
        """It took more work than there may be."""
        return self._work > MAX_WORK

    @property
    def _over(self) -> bool:
        return self._broken or self.given_up or self._state is self._machine.found

    def feed(self, data: bytes) -> None:
        if self._over:
            return
        try:
            text = self._held + self._decoder.decode(data)
        except UnicodeDecodeError:
            self._broken = True
            return
        self._held = "\n" if text.endswith("\n") else ""
        self._read(text[:-1] if self._held else text)

    def found_at_end(self) -> bool:
        """Nothing follows."""
        if not self._over:
            try:
                self._decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                self._broken = True
        if not self._over:
            if self._held:
                self._place()
                self._run((LAST_NEWLINE,))
                self._offset += 1
            self._place()
            self._run((END,))
        return self._state is self._machine.found and not self._broken

    def _read(self, text: str) -> None:
        """In parts, in each of which matches may begin everywhere or nowhere."""
        while text and not self._over:
            if self._wants_line:
                self._note_first_line(text)
            self._place()
            edge = self._least if self._offset < self._least else self._most + 1
            count = self._count(text, edge - self._offset) if self._offset < edge else len(text)
            part, text = text[:count], text[count:]
            self._run(self._classes(part))
            self._offset += self._octets(part)

    def _note_first_line(self, text: str) -> None:
        """With `firstline` a match begins before the first newline from `least` on, or at it."""
        skipped = self._count(text, self._least - self._offset) if self._offset < self._least else 0
        at = text.find("\n", skipped)
        if at >= 0:
            self._wants_line = False
            self._most = min(self._most, self._offset + self._octets(text[:at]))

    def _place(self) -> None:
        """Whether a match may begin here."""
        begins = self._least <= self._offset <= self._most
        if self._state.begins is not begins and self._state is not self._machine.found:
            self._state = self._machine.state(self._state.threads, self._state.before, begins)

    def _run(self, classes: Sequence[int]) -> None:
        state, machine = self._state, self._machine
        for start in range(0, len(classes), SLICE):
            before = machine.work
            for symbol in classes[start : start + SLICE]:
                state = state[symbol]
            self._work += machine.work - before
            if state is machine.found or self.given_up:
                break
        self._state = state

    def _classes(self, text: str) -> Sequence[int]:
        alphabet = self._machine.program.alphabet
        if not self._machine.utf:
            return text.encode("latin-1").translate(alphabet.table)
        if text.isascii():
            return text.encode().translate(alphabet.table)
        return [alphabet.of(ord(char)) for char in text]

    def _octets(self, text: str) -> int:
        return len(text.encode()) if self._machine.utf else len(text)

    def _count(self, text: str, octets: int) -> int:
        """Characters that begin within so many octets."""
        if not self._machine.utf:
            return octets
        size = 0
        for number, char in enumerate(text):
            if size >= octets:
                return number
            size += len(char.encode())
        return len(text)
