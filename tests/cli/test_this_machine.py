"""What this machine says of files: with real ones."""

from __future__ import annotations

import os
import pathlib

import pytest

from alived.cli.this_machine import ThisMachine
from alived.config.rules.files import FileFacts, FilePlace

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="files of another user are made by root")
NOBODY = 65534


@pytest.fixture
def secret(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "secret"
    path.write_text("x")
    path.chmod(0o600)
    return path


def look(path: pathlib.Path) -> FileFacts:
    return ThisMachine().file(str(path))


def test_what_is_there_and_what_is_not(secret: pathlib.Path, tmp_path: pathlib.Path) -> None:
    found = look(secret)
    assert (found.place, found.mode, found.is_ours) == (FilePlace.HERE, 0o600, True)
    assert look(tmp_path / "nothing").place is FilePlace.MISSING
    assert look(tmp_path / "nothing\0").place is FilePlace.MISSING
    assert look(tmp_path).place is FilePlace.NO_FILE


@needs_root
def test_root_without_capabilities_reads_what_its_modes_allow(secret: pathlib.Path, tmp_path: pathlib.Path) -> None:
    way = [directory for directory in tmp_path.parents if directory.stat().st_uid != 0]
    assert look(secret).is_readable is not bool(way)
    os.chown(secret, NOBODY, NOBODY)
    found = look(secret)
    assert (found.is_readable, found.is_ours, found.mode) == (False, False, 0o600)
    assert found.owner in ("nobody", f"user {NOBODY}")
    os.chown(secret, 12345, 0)
    assert (look(secret).owner, look(secret).is_readable) == ("user 12345", False)
    secret.chmod(0o640)
    assert look(secret).is_readable is not bool(way), "by its group"


@needs_root
def test_a_directory_of_another_user_that_root_may_not_enter_hides_what_is_in_it(secret: pathlib.Path) -> None:
    inner = secret.parent / "inner"
    inner.mkdir(mode=0o700)
    moved = secret.rename(inner / "secret")
    os.chown(inner, NOBODY, NOBODY)
    assert not look(moved).is_readable


@needs_root
def test_who_may_not_look_says_so(secret: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As another user, for whom all of it is as it would be for him."""
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert look(secret).place is FilePlace.HIDDEN
