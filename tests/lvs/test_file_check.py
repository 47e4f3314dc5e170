"""Numbers in files and the weights of real servers (keepalived's trackers/track_file.c)."""

from __future__ import annotations

import pytest

from alived.lvs.file_check import MAX_WEIGHT, FileSays, file_says

BIG = 1 << 30


@pytest.mark.parametrize(
    ("number", "weight", "reverse", "says"),
    [
        (0, 0, False, FileSays(True)),
        (1, 0, False, FileSays(False)),
        (-1, 0, False, FileSays(False)),
        (0, 0, True, FileSays(False)),
        (1, 0, True, FileSays(True)),
        (3, 2, False, FileSays(True, 6)),
        (3, 2, True, FileSays(True, -6)),
        (-3, 2, False, FileSays(True, -6)),
        (0, 2, False, FileSays(True, 0)),
        (BIG, 2, False, FileSays(True, MAX_WEIGHT)),
        (-BIG, 2, False, FileSays(False)),
        (BIG, 2, True, FileSays(False)),
        (-BIG, 1, False, FileSays(True, -BIG)),
    ],
)
def test_a_number(number: int, weight: int, reverse: bool, says: FileSays) -> None:
    assert file_says(number, weight, reverse=reverse) == says
