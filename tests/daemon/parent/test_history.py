"""The history in memory and in its file."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from alived.daemon.parent import history
from alived.daemon.parent.history import KEPT, History, quorum_entry
from alived.daemon.shared.messages import ServerChanged, Transition
from alived.hooks.events import Kind
from alived.vrrp.config import State


def change(number: int) -> Transition:
    return Transition(
        kind="INSTANCE",
        name="VI_1",
        old=State.BACKUP,
        new=State.MASTER,
        priority=1,
        reason="r",
        evidence=("e",),
        time_ns=number,
        wall_time=0.5,
    )


def test_it_goes_on_where_a_former_daemon_stopped(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    first = History(str(path))
    for number in range(3):
        first.add(change(number))
    second = History(str(path))
    second.add(change(3))
    assert second.last(100) == [change(n) for n in range(4)]
    assert second.last(2) == [change(2), change(3)]
    assert second.last(0) == []
    assert second.unwritten == 0


def test_only_the_last_are_kept(tmp_path: Path) -> None:
    kept = History(str(tmp_path / "h"))
    for number in range(KEPT + 5):
        kept.add(change(number))
    assert kept.last(KEPT * 2) == [change(n) for n in range(5, KEPT + 5)]


def test_the_file_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_FILE", KEPT * 200)
    path = tmp_path / "h"
    kept = History(str(path))
    for number in range(3 * KEPT):
        kept.add(change(number))
    assert path.stat().st_size <= KEPT * 400
    assert History(str(path)).last(KEPT) == kept.last(KEPT)


def test_a_line_that_a_crash_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "h"
    path.write_bytes(msgspec.json.encode(change(1)) + b'\n{"type":"Transi\n\xff\n' + msgspec.json.encode(change(2)))
    kept = History(str(path))
    assert kept.last(9) == [change(1), change(2)]
    assert kept.unreadable == 2


def test_a_disk_that_takes_nothing_costs_the_file_only(tmp_path: Path) -> None:
    kept = History(str(tmp_path / "missing" / "h"))
    kept.add(change(1))
    assert kept.last(9) == [change(1)]
    assert kept.unwritten == 1


def test_a_quorum_is_a_line_of_it(tmp_path: Path) -> None:
    lost = ServerChanged(
        kind=Kind.VIRTUAL_SERVER,
        name="[192.0.2.1]:tcp:80",
        virtual_server="[192.0.2.1]:tcp:80",
        up=False,
        reason="no real server with a weight is up",
        time_ns=7,
        wall_time=0.5,
    )
    entry = quorum_entry(lost)
    assert (entry.kind, entry.name, entry.time_ns) == ("VS", "[192.0.2.1]:tcp:80", 7)
    assert entry.reason == "has no quorum: no real server with a weight is up"
    History(str(tmp_path / "h")).add(entry)
    assert History(str(tmp_path / "h")).last(1) == [entry]
