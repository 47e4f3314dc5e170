"""A machine of dictionaries, for texts that refer to files, names and variables."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from alived.config.findings import Findings
from alived.config.text.blocks import Block, Tree
from alived.config.text.host import Kind
from alived.config.text.read import read_text


class FakeHost:
    """files: path -> text; kinds: what stands at a path that is no plain file. All paths are absolute."""

    def __init__(self, files: Mapping[str, str | bytes] = {}, kinds: Mapping[str, Kind] = {}) -> None:
        self.files = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
        self.kinds = kinds
        self.asked: list[str] = []

    def read(self, path: str) -> bytes:
        self.asked.append(path)
        if self.real_path(path) not in self.files:
            raise PermissionError(13, "Permission denied")
        return self.files[self.real_path(path)]

    def names(self, directory: str) -> list[str]:
        self.asked.append(directory)
        if self.kind(directory) is not Kind.DIRECTORY:
            raise NotADirectoryError(20, "Not a directory")
        return sorted({path.split("/")[0] for path in self._below(directory)}, reverse=True)

    def kind(self, path: str) -> Kind:
        path = self.real_path(path)
        if path in self.kinds:
            return self.kinds[path]
        if path in self.files:
            return Kind.FILE
        return Kind.DIRECTORY if self._below(path) else Kind.NOTHING

    def real_path(self, path: str) -> str:
        return posixpath.normpath(path)

    def name(self) -> str:
        return "node1.example.com"

    def variable(self, name: str) -> str | None:
        return {"HOME": "/root", "ODD": "a # ${_ENV ODD} b"}.get(name)

    def _below(self, directory: str) -> list[str]:
        start = self.real_path(directory).rstrip("/") + "/"
        return [path.removeprefix(start) for path in (*self.files, *self.kinds) if path.startswith(start)]


HOST = FakeHost()


def tree_of(text: str, *codes: str, host: FakeHost = HOST, file: str = "f", config_id: str | None = "here") -> Tree:
    """The tree of a text that has exactly these findings."""
    findings = Findings()
    tree = read_text(text, file, host, findings, config_id)
    assert [found.code for found in findings.sorted()] == list(codes), "\n".join(map(str, findings.sorted()))
    return tree


def statements(
    text: str, *codes: str, host: FakeHost = HOST, file: str = "f", config_id: str | None = "here"
) -> list[str]:
    """What a text says, word by word, with braces."""
    return list(_said(tree_of(text, *codes, host=host, file=file, config_id=config_id).blocks))


def _said(blocks: tuple[Block, ...]) -> list[str]:
    said: list[str] = []
    for block in blocks:
        words = " ".join(word.text for word in block.words)
        said.extend([words] if block.children is None else [f"{words} {{", *_said(block.children), "}"])
    return said
