"""YAML -> a tree of words with their places.

The tree is composed from PyYAML's events in one pass and without recursion: the library's own composer follows nesting
and aliases wherever they lead, and does not say when a key stands there twice. Tags are not followed, nothing is
constructed. `<<` merges mappings, because people share settings between instances that way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec
import yaml

from alived.base import Location
from alived.config.documents import tree
from alived.config.documents.tree import DocumentError, Mapping, Node, Scalar, Sequence
from alived.config.findings import Findings
from alived.config.text.blocks import MAX_DEPTH, Word

_MERGE = "<<"
_STANDARD_TAG = re.compile(r"(?:!|tag:yaml\.org,2002:(?:str|int|float|bool|null|seq|map))\Z")
_NOT_PRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""YAML 1.2 section 5.1: what no document may hold."""


def read_yaml(text: str, file: str, findings: Findings) -> Node | None:
    """The root of a document, None for an empty one. Raises DocumentError for what is not YAML."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    composer = _Composer(file, findings)
    try:
        for event in yaml.parse(text, Loader=loader):
            composer.take(event)
    except yaml.MarkedYAMLError as error:
        place = _location(file, error.problem_mark or error.context_mark)
        line = text.split("\n")[place.line - 1] if place.line <= text.count("\n") + 1 else ""
        hint = "YAML is indented with blanks, never with tabs" if line[place.column - 1 :].startswith("\t") else ""
        raise DocumentError(place, "yaml", f"not YAML: {error.problem or error.context}", hint) from error
    except yaml.YAMLError as error:
        raise _unprintable(text, file, error) from error
    return composer.root


def _unprintable(text: str, file: str, error: Exception) -> DocumentError:
    found = _NOT_PRINTABLE.search(text)
    if found is None:
        return DocumentError(Location(file), "yaml", f"not YAML: {' '.join(str(error).split())}")
    start = found.start()
    place = Location(file, text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start))
    return DocumentError(place, "yaml", f"not YAML: the character U+{ord(found[0]):04X} cannot be in a document")


class _Frame(msgspec.Struct):
    """A collection that is being read. key: that of the pair whose value comes next."""

    location: Location
    anchor: str | None
    is_mapping: bool
    size: int = 1
    items: list[Node] = []
    pairs: list[tuple[Word, Node]] = []
    key: Word | None = None
    keys: dict[str, Word] = {}
    merges: list[Node] = []


class _Composer:
    def __init__(self, file: str, findings: Findings) -> None:
        self.file = file
        self.findings = findings
        self.root: Node | None = None
        self.documents = 0
        self.nodes = 0
        self.stack: list[_Frame] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        """Name -> what it stands for and how many values that is."""

    def take(self, event: yaml.Event) -> None:
        place = _location(self.file, event.start_mark)
        match event:
            case yaml.ScalarEvent():
                self._check_tag(event, place)
                scalar = Scalar(event.value, place, bare=not event.style)
                self._remember(event.anchor, scalar, 1)
                self._add(scalar, 1, place)
            case yaml.AliasEvent():
                node, size = self._aliased(event.anchor, place)
                self._add(node, size, place)
            case yaml.CollectionStartEvent():
                self._check_tag(event, place)
                if len(self.stack) == MAX_DEPTH:
                    raise tree.too_deep(place)
                self.stack.append(_Frame(place, event.anchor, isinstance(event, yaml.MappingStartEvent)))
            case yaml.CollectionEndEvent():
                self._close(self.stack.pop())
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    raise DocumentError(place, "yaml", "a second document begins here", "put it into a file of its own")

    def _check_tag(self, event: Any, place: Location) -> None:
        if event.tag is not None and not _STANDARD_TAG.match(event.tag):
            raise DocumentError(place, "yaml", f"the tag {event.tag} means nothing here", "write the value itself")

    def _aliased(self, name: str | None, place: Location) -> tuple[Node, int]:
        assert name is not None, "the parser gives every alias a name"
        if name in self.anchors:
            return self.anchors[name]
        if any(frame.anchor == name for frame in self.stack):
            raise DocumentError(place, "yaml", f"*{name} contains itself")
        raise DocumentError(place, "yaml", f"there is no &{name} before this *{name}")

    def _remember(self, anchor: str | None, node: Node, size: int) -> None:
        if anchor is not None:
            self.anchors[anchor] = node, size

    def _add(self, node: Node, size: int, place: Location) -> None:
        self.nodes += size
        if self.nodes > tree.MAX_NODES:
            raise tree.too_many(place)
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        frame.size += size
        if not frame.is_mapping:
            frame.items.append(node)
        elif frame.key is None:
            frame.key = self._key(node, place)
        else:
            self._pair(frame, frame.key, node)
            frame.key = None

    def _key(self, node: Node, place: Location) -> Word:
        if isinstance(node, Scalar):
            return Word(node.text, place)
        self.findings.error(place, "wrong-type", "a key must be a word")
        return Word("", place)

    def _pair(self, frame: _Frame, key: Word, value: Node) -> None:
        if key.text == _MERGE:
            frame.merges.append(value)
        elif key.text in frame.keys:
            first = frame.keys[key.text].location.line
            message = f"{key.text!r} again (before: line {first})"
            self.findings.error(key.location, "duplicate-keyword", message, "remove one of them")
        elif key.text:
            frame.keys[key.text] = key
            frame.pairs.append((key, value))

    def _close(self, frame: _Frame) -> None:
        node: Node
        if frame.is_mapping:
            frame.pairs.extend(self._merged(frame))
            node = Mapping(tuple(frame.pairs), frame.location)
        else:
            node = Sequence(tuple(frame.items), frame.location)
        self._remember(frame.anchor, node, frame.size)
        self.nodes -= frame.size - 1  # counted as they came; the collection counts them once more as a whole
        self._add(node, frame.size, frame.location)

    def _merged(self, frame: _Frame) -> Iterable[tuple[Word, Node]]:
        """Pairs of merged mappings whose key the mapping itself, or one merged before, does not have."""
        taken = set(frame.keys)
        for value in frame.merges:
            for mapping in value.items if isinstance(value, Sequence) else (value,):
                if not isinstance(mapping, Mapping):
                    self.findings.error(mapping.location, "wrong-type", "'<<' takes a mapping, or a list of mappings")
                    continue
                for key, node in mapping.pairs:
                    if key.text not in taken:
                        taken.add(key.text)
                        yield key, node


def _location(file: str, mark: Any) -> Location:
    """PyYAML has a class of marks for each of its two parsers; both count from 0."""
    return Location(file, mark.line + 1, mark.column + 1) if mark else Location(file)
