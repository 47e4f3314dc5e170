"""The corpus of configurations as a machine of its own: the same paths, name and environment wherever it lies."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Sequence
from typing import Any

import pytest

from alived.config.load import Loaded, ReadOptions, load
from alived.config.text.host import Kind
from alived.config.this_host import ThisHost
from tests.corpus import CORPUS

KEEPALIVED = CORPUS / "keepalived"
ROOT = "/etc/keepalived/"
"""Where the machine has the files."""


class CorpusHost(ThisHost):
    """Everything below ROOT is in the corpus; there is nothing else."""

    def read(self, path: str) -> bytes:
        return super().read(_real(path))

    def names(self, directory: str) -> Sequence[str]:
        return super().names(_real(directory))

    def kind(self, path: str) -> Kind:
        return super().kind(_real(path))

    def real_path(self, path: str) -> str:
        return path

    def name(self) -> str:
        return "corpus.example"

    def variable(self, name: str) -> str | None:
        return None


def _real(path: str) -> str:
    if not path.startswith(ROOT):
        return "/nonexistent" + path
    return str(KEEPALIVED / path.removeprefix(ROOT))


def records() -> list[dict[str, Any]]:
    """The entries of the index; the test is skipped if there is no corpus."""
    index = KEEPALIVED / "index.json"
    if not index.exists():
        pytest.skip(f"no configurations at {KEEPALIVED} (set ALIVED_CORPUS)")
    return list(json.loads(index.read_text())["files"])


def name_of(record: dict[str, Any]) -> str:
    return str(record["file"]).removeprefix("files/")


def read(record: dict[str, Any]) -> Loaded:
    return load(ROOT + record["file"], ReadOptions(config_id="corpus"), CorpusHost())


def golden(name: str) -> pathlib.Path:
    return pathlib.Path(__file__).resolve().parents[1] / "golden" / name


def read_table(path: pathlib.Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text())) if path.exists() else {}


def write_table(path: pathlib.Path, rows: dict[str, Any]) -> None:
    """A line for each file, so that a change is a changed line."""
    lines = (f"{json.dumps(name)}: {json.dumps(row, ensure_ascii=False)}" for name, row in rows.items())
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
