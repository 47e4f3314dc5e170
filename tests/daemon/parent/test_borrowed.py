"""Kernel settings of a dead engine find their way back."""

from __future__ import annotations

import pathlib

import pytest

from alived.adapters import sysctl
from alived.adapters.runtime_dir import RuntimeDir
from alived.daemon.parent.borrowed import SETTINGS_FILE, Borrowed

KEY, OTHER_KEY = "ipv4/conf/eth0/arp_ignore", "ipv4/conf/eth0/arp_filter"


@pytest.fixture
def root(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """An engine has set both to 1; they were 0."""
    root = tmp_path / "sys"
    monkeypatch.setattr(sysctl, "ROOT", root)
    for key in (KEY, OTHER_KEY):
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_text("1")
    return root


@pytest.fixture
def directory(tmp_path: pathlib.Path) -> RuntimeDir:
    (tmp_path / "run").mkdir(mode=0o755)
    return RuntimeDir(str(tmp_path / "run"))


def values(root: pathlib.Path) -> list[str]:
    return [(root / key).read_text() for key in (KEY, OTHER_KEY)]


def test_what_was_told_bit_by_bit_is_all_given_back(root: pathlib.Path, directory: RuntimeDir) -> None:
    borrowed = Borrowed(directory)
    borrowed.changed({KEY: ("0", "1")})
    borrowed.changed({OTHER_KEY: ("0", "1")})
    assert sorted(borrowed.give_back()) == [
        "put net.ipv4.conf.eth0.arp_filter back to 0",
        "put net.ipv4.conf.eth0.arp_ignore back to 0",
    ]
    assert values(root) == ["0", "0"]
    assert borrowed.give_back() == []


def test_it_survives_the_death_of_everybody(root: pathlib.Path, directory: RuntimeDir) -> None:
    before = Borrowed(directory)
    before.changed({KEY: ("0", "1")})
    before.changed({OTHER_KEY: ("0", "1")})
    assert len(Borrowed(directory).give_back()) == 2
    assert values(root) == ["0", "0"]
    assert not pathlib.Path(directory.file(SETTINGS_FILE)).exists()


def test_what_the_engine_has_put_back_itself_is_forgotten(root: pathlib.Path, directory: RuntimeDir) -> None:
    borrowed = Borrowed(directory)
    borrowed.changed({KEY: ("0", "1")})
    borrowed.changed({})
    assert borrowed.give_back() == []
    assert Borrowed(directory).give_back() == []
    assert values(root) == ["1", "1"]


def test_a_file_that_was_cut_off_is_no_reason_not_to_start(root: pathlib.Path, directory: RuntimeDir) -> None:
    pathlib.Path(directory.file(SETTINGS_FILE)).write_text('{"ipv4/conf')
    assert Borrowed(directory).give_back() == []
