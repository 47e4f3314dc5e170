"""Kernel settings that are borrowed and given back."""

from __future__ import annotations

import pathlib

import pytest

from alived.adapters import sysctl
from alived.adapters.sysctl import Settings, Sysctls, is_forwarding
from tests.segment import Segment, ip

KEY, OTHER_KEY = "ipv4/conf/eth0/arp_ignore", "ipv4/conf/eth0/rp_filter"


@pytest.fixture
def root(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A machine whose eth0 has arp_ignore 0 and rp_filter 2."""
    monkeypatch.setattr(sysctl, "ROOT", tmp_path)
    for key, value in ((KEY, "0"), (OTHER_KEY, "2")):
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_text(value + "\n")
    return tmp_path


@pytest.fixture
def told() -> list[Settings]:
    return []


@pytest.fixture
def settings(root: pathlib.Path, told: list[Settings]) -> Sysctls:
    return Sysctls(told.append)


def value(root: pathlib.Path, key: str = KEY) -> str:
    return (root / key).read_text().strip()


def test_what_is_set_is_put_back(root: pathlib.Path, settings: Sysctls) -> None:
    settings.set(KEY, "1")
    settings.set(OTHER_KEY, "0")
    assert (value(root), value(root, OTHER_KEY)) == ("1", "0")
    settings.restore()
    assert (value(root), value(root, OTHER_KEY)) == ("0", "2")


def test_what_was_so_already_is_not_ours_to_put_back(
    root: pathlib.Path, settings: Sysctls, told: list[Settings]
) -> None:
    settings.set(KEY, "0")
    assert told == []
    (root / KEY).write_text("1")
    settings.restore()
    assert value(root) == "1"


def test_what_somebody_else_has_set_since_is_theirs(root: pathlib.Path, settings: Sysctls) -> None:
    settings.set(KEY, "1")
    settings.set(OTHER_KEY, "0")
    (root / KEY).write_text("2")
    settings.restore()
    assert (value(root), value(root, OTHER_KEY)) == ("2", "2")


def test_set_twice_is_put_back_to_what_was_before_the_first_time(root: pathlib.Path, settings: Sysctls) -> None:
    settings.set(KEY, "1")
    settings.set(KEY, "2")
    settings.restore()
    assert value(root) == "0"


def test_an_interface_that_was_made_again_gets_the_setting_again(root: pathlib.Path, settings: Sysctls) -> None:
    settings.set(KEY, "1")
    (root / KEY).write_text("0")
    settings.set(KEY, "1")
    assert value(root) == "1"
    settings.restore()
    assert value(root) == "0"


def test_settings_of_an_interface_that_is_gone_do_not_keep_others_from_being_put_back(
    root: pathlib.Path, settings: Sysctls
) -> None:
    settings.set(KEY, "1")
    settings.set(OTHER_KEY, "0")
    (root / OTHER_KEY).unlink()
    settings.restore()
    assert value(root) == "0"


def test_somebody_is_told_before_each_change_and_at_the_end(root: pathlib.Path) -> None:
    seen: list[tuple[Settings, str]] = []
    settings = Sysctls(lambda now: seen.append((now, value(root))))
    settings.set(KEY, "1")
    settings.set(OTHER_KEY, "0")
    settings.restore()
    assert seen == [
        ({KEY: ("0", "1")}, "0"),
        ({OTHER_KEY: ("2", "0")}, "1"),
        ({}, "0"),
    ]


def test_restoring_twice_does_nothing_the_second_time(root: pathlib.Path, settings: Sysctls) -> None:
    settings.set(KEY, "1")
    settings.restore()
    (root / KEY).write_text("1")
    settings.restore()
    assert value(root) == "1"


def test_what_is_not_there_cannot_be_set(settings: Sysctls, root: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError):
        settings.set("ipv4/conf/eth9/arp_ignore", "1")


@pytest.mark.lab
def test_on_a_kernel(segment: Segment) -> None:
    assert not is_forwarding("eth0")
    assert not is_forwarding("eth9")
    settings = Sysctls(lambda _: None)
    settings.set("ipv6/conf/eth0/forwarding", "1")
    assert is_forwarding("eth0")
    settings.restore()
    assert not is_forwarding("eth0")
    settings.set("ipv4/conf/eth1/arp_filter", "1")
    ip("link del eth1")
    settings.restore()
    with pytest.raises(OSError, match="Invalid argument"):
        settings.set("ipv6/conf/eth0/forwarding", "nonsense")
