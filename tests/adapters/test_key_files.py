"""Key files: read as they are meant, and not at all if others could read or exchange them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alived.adapters.key_files import KeyFileError, read_keys


def key_file(path: Path, content: bytes, mode: int = 0o600) -> str:
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


def test_keys_in_the_order_of_the_files(tmp_path: Path) -> None:
    new = key_file(tmp_path / "new", b"  0123456789abcdef\n\n")
    old = key_file(tmp_path / "old", b"fedcba9876543210", 0o400)
    assert read_keys([new, old]) == [b"0123456789abcdef", b"fedcba9876543210"]
    assert read_keys([]) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o777])
def test_open_to_others(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path / "key", b"0123456789abcdef", mode)
    with pytest.raises(KeyFileError, match=rf"^key file {path} is open to others \(mode {mode:04o}\): chmod 600 it"):
        read_keys([path])


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file away")
def test_of_somebody_else(tmp_path: Path) -> None:
    path = key_file(tmp_path / "key", b"0123456789abcdef")
    os.chown(path, 65534, -1)
    with pytest.raises(KeyFileError, match="belongs to user 65534, who could exchange it: chown root it"):
        read_keys([path])


def test_too_short_and_too_long(tmp_path: Path) -> None:
    path = key_file(tmp_path / "short", b"   0123456789abcde \n")
    with pytest.raises(KeyFileError, match="has 15 bytes, and a key 16 or more: alived cluster keygen makes one"):
        read_keys([path])
    path = key_file(tmp_path / "long", b"x" * 4097)
    with pytest.raises(KeyFileError, match="more than 4096 bytes: that is no key"):
        read_keys([path])


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"cannot read key file .*: No such file or directory"):
        read_keys([str(tmp_path / "none")])
    with pytest.raises(KeyFileError, match=r"cannot read key file .*: Is a directory"):
        read_keys([str(tmp_path)])
