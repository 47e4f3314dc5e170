"""keepalived itself takes the sample of every keyword: what we call right is right there."""

from __future__ import annotations

import pathlib

import pytest

from alived.config.keywords.table import Keyword
from tests.config import live_keepalived
from tests.config.keepalived_messages import messages
from tests.config.keywords.samples import IDS, OURS, ROWS, document

NOT_BUILT_IN = {"vrrp_ipsets"}
WITHOUT_INTERFACE = {"vrf"}
"""Our sample has an interface beside it, which keepalived does not want there."""
BEFORE = "global_defs {\ndynamic_interfaces\n}\n"
"""The interfaces of the samples need not be on this machine."""


def complaints(text: str, path: pathlib.Path) -> list[str]:
    """What keepalived says about a text."""
    path.write_text(text)
    done = live_keepalived.check(path)
    assert done.returncode >= 0, f"killed by signal {-done.returncode}"
    return done.stderr.splitlines()


@pytest.mark.parametrize(("path", "row"), ROWS, ids=IDS)
def test_keepalived_takes_the_sample(path: str, row: Keyword, tmp_path: pathlib.Path) -> None:
    if row.since or row.name in NOT_BUILT_IN | WITHOUT_INTERFACE or row.name in OURS.get(path, ()):
        pytest.skip("keepalived 2.2.7 does not know it")
    text = BEFORE + document(path, row).replace("\nuser nobody\n", "\nuser root\n")  # another user ends keepalived -t
    said = complaints(text, tmp_path / "keepalived.conf")
    found = messages({"keepalived_messages": said})
    unexpected = {message.kind for message in found} - ({"deprecated"} if row.deprecated else set())
    assert unexpected == set(), "\n".join([text, *said])
