"""What the reader is told of the machine."""

from __future__ import annotations

import os
import pathlib

import pytest

from alived.config.text.host import Kind
from alived.config.text.tokens import MAX_BYTES
from alived.config.this_host import ThisHost, read_file

HOST = ThisHost()


def test_what_stands_at_a_path(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("a")
    (tmp_path / "program").write_text("a")
    (tmp_path / "program").chmod(0o755)
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "loose").symlink_to("nothing")
    os.mkfifo(tmp_path / "pipe")
    kinds = {name: HOST.kind(str(tmp_path / name)) for name in (*HOST.names(str(tmp_path)), "nothing", "a\0b")}
    assert kinds == {
        "file": Kind.FILE,
        "program": Kind.PROGRAM,
        "link": Kind.FILE,
        "loose": Kind.LOOSE_LINK,
        "pipe": Kind.OTHER,
        "nothing": Kind.NOTHING,
        "a\0b": Kind.NOTHING,
    }
    assert HOST.kind(str(tmp_path)) is Kind.DIRECTORY


def test_no_path_is_the_current_directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").touch()
    monkeypatch.chdir(tmp_path)
    assert list(HOST.names("")) == ["a"]
    assert HOST.kind("") is Kind.DIRECTORY
    assert HOST.real_path("") == str(tmp_path.resolve())


def test_files_without_end_are_read_only_so_far() -> None:
    assert len(read_file("/dev/zero")) == MAX_BYTES + 1


def test_name_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALIVED_TEST", "x")
    assert HOST.variable("ALIVED_TEST") == "x"
    assert HOST.variable("ALIVED_TEST_NOT") is None
    assert HOST.name() == os.uname().nodename
