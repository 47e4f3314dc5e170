"""Files with keys, passwords and certificates that a configuration names: are they there, and whose?

What a process does with a file that others can read differs: keys of hooks, webhooks, mail and of TLS between nodes are
refused then, the worker uses what a check names all the same. Only the worker may read whatever there is; for the
other processes the mode of a file counts, though they are root.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator

import msgspec

from alived.base import Diagnostic, Location
from alived.config.keywords.converters import FileUse
from alived.config.keywords.table import Table
from alived.config.keywords.top import TOP
from alived.config.rules.report import warning
from alived.config.text.blocks import Block

_UNREAD = ("web",)
"""Blocks that this version does not act on."""
_OTHERS = 0o077
_WRITABLE = 0o022
_BY_EVERYBODY = 0o004


class FilePlace(enum.Enum):
    MISSING = enum.auto()
    HIDDEN = enum.auto()
    """Who asks may not look."""
    NO_FILE = enum.auto()
    """A directory or the like."""
    HERE = enum.auto()


class FileFacts(msgspec.Struct, frozen=True):
    """What a machine says of a path. mode: permissions; owner: a name; is_ours: that is root, or the account of the
    daemon; is_readable: the account of the daemon may read it without any capability."""

    place: FilePlace
    mode: int = 0
    owner: str = "root"
    is_ours: bool = True
    is_readable: bool = True


class NamedFile(msgspec.Struct, frozen=True):
    """keyword: which names it."""

    path: str
    keyword: str
    use: FileUse
    location: Location


def named_files(blocks: Iterable[Block], rows: Table = TOP) -> Iterator[NamedFile]:
    """All that the tables say to be files, with where they are named. Relative paths depend on where the daemon is
    started: nobody can look."""
    for block in blocks:
        row = rows.get(block.keyword)
        if row is None or row.name in _UNREAD:
            continue
        if row.children is not None:
            yield from named_files(block.children or (), row.children)
        elif row.converter is not None and row.converter.file_use is not None:
            for word in block.arguments:
                if word.text.startswith("/"):
                    yield NamedFile(word.text, block.keyword, row.converter.file_use, word.location)


def file_findings(file: NamedFile, facts: FileFacts) -> Iterator[Diagnostic]:
    """What is wrong with a file that is here."""
    name = f"{file.path} ({file.keyword})"
    if facts.place is FilePlace.NO_FILE:
        yield warning(file.location, "file-unreadable", f"{name} is no file", "the file itself, not its directory")
        return
    if facts.place is not FilePlace.HERE:
        return
    if not facts.is_readable and not file.use.is_read_by_all:
        message = f"{name} of {facts.owner}, mode {facts.mode:04o}, cannot be read by the process that needs it"
        hint = f"chown root {file.path}; that process is root, but without the right to read everything"
        yield warning(file.location, "file-unreadable", message, hint)
    trouble, hint = _openness(file, facts)
    if trouble:
        yield warning(file.location, "file-open-to-others", f"{name} {trouble}", hint)


def _openness(file: NamedFile, facts: FileFacts) -> tuple[str, str]:
    """What others could do with it and what comes of it, and what to do; nothing if that is as it should be."""
    match file.use:
        case FileUse.KEY | FileUse.KEY_OF_WORKER:
            if facts.mode & _OTHERS:
                how = f"is open to others (mode {facts.mode:04o}): it is refused"
                return how, f"chmod 600 {file.path}, and consider a new secret"
            if not facts.is_ours:
                how = f"belongs to {facts.owner}, who could exchange it: it is refused"
                return how, f"chown root {file.path}"
        case FileUse.PRIVATE if facts.mode & (_BY_EVERYBODY | _WRITABLE):
            how = f"is open to others (mode {facts.mode:04o}), and used all the same"
            return how, f"chmod 640 {file.path}, and consider a new secret"
        case FileUse.PUBLIC | FileUse.PUBLIC_OF_WORKER if facts.mode & _WRITABLE:
            how = f"can be changed by others (mode {facts.mode:04o}): they decide whom this node trusts"
            return how, f"chmod go-w {file.path}"
        case _:
            pass
    return "", ""
