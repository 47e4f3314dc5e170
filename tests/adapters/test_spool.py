"""Letters on disk: all of one or nothing, and what makes no sense is named and put aside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alived.adapters.spool import MAX_BYTES, MAX_DAMAGED, Spool
from alived.notify.outbox import MAX_WAITING
from alived.notify.outbox_events import Letter
from tests.notify.examples import news


def letter(number: int) -> Letter:
    return Letter(number, news(event_id=f"e{number}"))


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    spool = Spool(str(tmp_path / "spool" / "chat"))
    assert spool.load() == spool.load()
    return spool


def names(spool: Spool) -> list[str]:
    return sorted(os.listdir(spool.path))


def test_what_was_kept_is_found_in_order_and_what_was_forgotten_is_not(spool: Spool) -> None:
    for number in (2, 11, 1):
        spool.keep(letter(number))
    spool.forget([2, 99])
    assert Spool(spool.path).load().letters == (letter(1), letter(11))
    assert names(spool) == ["000000000001.json", "000000000011.json"]


def test_nobody_else_reads_it(spool: Spool) -> None:
    spool.keep(letter(1))
    assert os.stat(spool.path).st_mode & 0o777 == 0o700
    assert os.stat(os.path.join(spool.path, "000000000001.json")).st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "input data was truncated"),
        (b'{"number":1,"news":', "truncated"),
        (b"\x00\xff" * 100, "JSON is malformed"),
        (b'{"number":1}', "missing required field `news`"),
        (b" " * (MAX_BYTES + 1), "more than 65536 bytes"),
    ],
)
def test_a_damaged_file_is_named_and_put_aside(spool: Spool, content: bytes, complaint: str) -> None:
    spool.keep(letter(2))
    path = os.path.join(spool.path, "000000000001.json")
    Path(path).write_bytes(content)
    found = spool.load()
    assert found.letters == (letter(2),)
    assert len(found.complaints) == 1
    assert path in found.complaints[0]
    assert complaint.lower() in found.complaints[0].lower()
    assert names(spool) == ["000000000001.json.damaged", "000000000002.json"]
    assert spool.load().complaints == ()


def test_a_file_under_the_name_of_another_is_damaged(spool: Spool) -> None:
    spool.keep(letter(1))
    os.rename(os.path.join(spool.path, "000000000001.json"), os.path.join(spool.path, "000000000005.json"))
    assert "it says that it is number 1" in spool.load().complaints[0]


def test_what_is_put_aside_is_bounded(spool: Spool) -> None:
    for number in range(MAX_DAMAGED + 3):
        Path(spool.path, f"{number:012d}.json").write_bytes(b"x")
    spool.load()
    assert len(names(spool)) == MAX_DAMAGED


def test_a_spool_that_somebody_filled_gives_the_newest(spool: Spool) -> None:
    for number in range(1, MAX_WAITING + 3):
        Path(spool.path, f"{number:012d}.json").write_bytes(b"x" if number < 3 else b"")
    Path(spool.path, f"{MAX_WAITING + 3:012d}.json").write_bytes(b"")
    spool.keep(letter(MAX_WAITING + 3))
    found = spool.load()
    assert found.letters == (letter(MAX_WAITING + 3),)


def test_a_disk_that_is_full_leaves_nothing_half_written(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        spool.keep(letter(1))
    assert names(spool) == []
