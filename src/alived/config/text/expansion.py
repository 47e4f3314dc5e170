"""A file and all that it refers to -> pieces of text for the parser, in the order in which they count.

Files, definitions of several lines and sequences lie on a stack: each line comes from the topmost, and what a line
refers to is put on top of it. Most files refer to nothing: they are one piece, and nobody looks at their lines.
Nothing is followed without end: depth, files, text and work have bounds, and to reach one is an error with a place.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from alived.base import Location
from alived.config.findings import Findings
from alived.config.text.conditions import chosen
from alived.config.text.definitions import Definition, is_definition, read_definition
from alived.config.text.host import Host
from alived.config.text.includes import Check, Include, Inclusion, new_checks, read_include
from alived.config.text.lines import Line, line_from
from alived.config.text.names import HIDDEN_DOLLAR, Endless, fill, undefined
from alived.config.text.predefined import Predefined
from alived.config.text.sequences import NotASequence, is_sequence, read_sequence
from alived.config.text.sources import (
    OpenDefinition,
    OpenFile,
    OpenInclusion,
    OpenLines,
    OpenSequence,
    Piece,
    Source,
)
from alived.config.text.tokens import MAX_BYTES, decode

MAX_NESTED = 64
"""Files, definitions and sequences inside one another."""
MAX_FILES = 1000
MAX_WORK = 32 * 1024 * 1024
"""Characters of lines that were looked at, once for each name in them."""
_WORK_OF_LINE = 128

_BEHIND_BRACE = re.compile(
    r'"(?:[^"\\]|\\.)*"?|\\[^{}]|[{}][ \t]*(?P<special>(?:@|\$\w+=|~SEQ|~LST|include(?:[rmwba]?[ \t]|_check)))?',
    re.DOTALL,
)


class Expansion:
    """config_id: the ID of this node in conditions."""

    def __init__(self, host: Host, config_id: str, findings: Findings) -> None:
        self.host = host
        self.config_id = config_id
        self.findings = findings
        self.definitions: dict[str, Definition] = {}
        self.predefined = Predefined(host, config_id, lambda: self._file().directory)
        self.stack: list[Source] = []
        self.files = 0
        self.characters = 0
        self.work = 0
        self.stopped = False

    def pieces(self, text: str, path: str) -> Iterator[Piece]:
        """All of a file whose text is there already."""
        self.stack = [OpenFile(text, path, self.host.real_path(path), Check.NONE)]
        self.characters = len(text)
        while self.stack and not self.stopped:
            item = self.stack[-1].next()
            if item is None:
                self.stack.pop()
            elif isinstance(item, Piece):
                yield item
            elif isinstance(item, Line):
                yield from self._line(item)
            else:
                self.stack.append(item)

    def find(self, name: str, parameters: list[str]) -> Definition | None:
        """What a name stands for now."""
        own = None if parameters else self.definitions.get(name)
        return own or self.predefined.find(name, parameters)

    def spend(self, work: int) -> bool:
        self.work += work
        return self.work <= MAX_WORK

    def _file(self) -> OpenFile:
        return next(source for source in reversed(self.stack) if isinstance(source, OpenFile))

    def _line(self, line: Line) -> Iterator[Piece]:
        """What a line becomes: nothing, text, or something to read on the stack."""
        place = line.place(0)
        try:
            settled = self._settled(line)
        except Endless as endless:
            self._report_endless(endless)
            return
        if not self.spend(len(line.text) + _WORK_OF_LINE):
            self._stop(place, "too-much-text", "definitions and sequences make too much text of this")
        elif settled is not None:
            yield from self._emitted(settled)

    def _settled(self, line: Line) -> Line | None:
        """The line without condition and names; None if it was something else than words. Raises Endless."""
        while True:
            if line.text.startswith("@"):
                selected = chosen(line, self.config_id)
                if selected is None:
                    return None
                line = selected
            if is_definition(line.text):
                definition = read_definition(line, self._file().next_of_definition)
                self.definitions[definition.name] = definition
                return None
            if is_sequence(line.text):
                self._open_sequence(line)
                return None
            if line.text.startswith("~") or "$" not in line.text:
                return line
            filled = self._filled(line)
            if filled is line:
                return line
            line = filled.from_(0).with_comment_apart()

    def _filled(self, line: Line) -> Line:
        around = [source.definition for source in self.stack if isinstance(source, OpenDefinition)]
        filled = fill(line, self, around)
        for definition, used in filled.rests:
            self._push(OpenDefinition(definition, used), used)
        return filled.line

    def _open_sequence(self, line: Line) -> None:
        place = line.place(0)

        def filled(text: str) -> str:
            return fill(line_from(text, place, None), self).line.text

        def define(values: dict[str, str]) -> None:
            for name, value in values.items():
                self.definitions[name] = Definition(name, ((value, None),))

        try:
            sequence = read_sequence(line.text, filled)
        except NotASequence as reason:
            message = f"this sequence {reason}: the line is left out"
            self.findings.error(place, "sequence", message, "~SEQ(NAME, 1, 10) ... or ~LST(NAME, a, b) ...")
            return
        self._push(OpenSequence(sequence.rounds, line.from_(sequence.end), define), place)

    def _emitted(self, line: Line) -> Iterator[Piece]:
        line = line._replace(text=line.text.replace(HIDDEN_DOLLAR, "$"))
        file = self._file()
        include = read_include(line)
        if include is not None:
            self._include(include, file)
            return
        file.checks = new_checks(line.text, file.checks)
        for match in _BEHIND_BRACE.finditer(line.text):
            if match["special"]:
                at = match.start("special")
                self._push(OpenLines(line.from_(at)), line.place(at))
                line = line.until(at)
                break
        if self.definitions:
            self._report_undefined(line)
        text = line.text + line.remark
        yield Piece(text, 0, len(text), file.path, 1, line.marks)

    def _include(self, include: Include, file: OpenFile) -> None:
        inclusion = Inclusion(include, file.checks, self.host, self.findings)
        open_file = functools.partial(self._open_file, inclusion)
        self._push(OpenInclusion(inclusion.files(file.directory), open_file), include.place)

    def _open_file(self, inclusion: Inclusion, path: str) -> OpenFile | None:
        if self.stopped:
            return None
        place = inclusion.include.place
        real_path = self.host.real_path(path)
        if real_path in (source.real_path for source in self.stack if isinstance(source, OpenFile)):
            message = f"{path} is being read already: it would include itself without end"
            self.findings.error(place, "include-loop", message, "remove one of the includes on the way")
            return None
        self.files += 1
        if self.files > MAX_FILES:
            self._stop(place, "too-many-files", f"more than {MAX_FILES} files are included")
            return None
        try:
            data = self.host.read(path)
        except OSError as error:
            inclusion.unreadable(path, error.strerror or str(error))
            return None
        text = decode(data, path, self.findings)
        self.characters += len(text)
        if self.characters > MAX_BYTES:
            self._stop(place, "file-too-large", f"all files together have more than {MAX_BYTES} characters")
            return None
        return OpenFile(text, path, real_path, self._file().checks)

    def _push(self, source: Source, place: Location) -> None:
        self.stack.append(source)
        if len(self.stack) > MAX_NESTED:
            self._stop(place, "too-deep", f"more than {MAX_NESTED} files, definitions and sequences inside one another")

    def _stop(self, place: Location, code: str, message: str) -> None:
        self.findings.error(place, code, f"{message}: the rest is not read", "does something refer to itself?")
        self.stopped = True

    def _report_endless(self, endless: Endless) -> None:
        if endless.chain:
            way = " -> ".join(f"${name}" for name in endless.chain)
            message = f"this definition comes back to itself: {way}; the line is left out"
            hint = "a name is looked at when it is used: it cannot be part of its own value"
            self.findings.error(endless.place, "definition-loop", message, hint)
        else:
            self._stop(endless.place, "too-much-text", "definitions make too much text of this line")

    def _report_undefined(self, line: Line) -> None:
        for offset, name in undefined(line.text):
            message = f"{name!r} is not defined here: it stays as it is"
            self.findings.warning(line.place(offset), "not-a-name", message, f"{name}=value in a line before")
