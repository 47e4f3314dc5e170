"""keepalived itself takes the sample of every keyword: what we call right is right there."""

from __future__ import annotations

import functools
import pathlib
import shutil
import subprocess

import pytest

from alived.config.keywords.table import Keyword
from tests.config.keepalived_messages import messages
from tests.config.keywords.samples import IDS, OURS, ROWS, document

NOT_BUILT_IN = {"vrrp_ipsets"}
WITHOUT_INTERFACE = {"vrf"}
"""Our sample has an interface beside it, which keepalived does not want there."""
BEFORE = "global_defs {\ndynamic_interfaces\n}\n"
"""The interfaces of the samples need not be on this machine."""


@functools.cache
def program() -> str:
    found = shutil.which("keepalived")
    if found is None:
        pytest.skip("no keepalived here to compare with")
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stderr
    if "v2.2.7 " not in said:
        pytest.skip(f"another keepalived: {said.splitlines()[:1]}")
    return found


def complaints(text: str, path: pathlib.Path) -> list[str]:
    """What keepalived says about a text."""
    path.write_text(text)
    command = [program(), "-t", "-f", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
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
