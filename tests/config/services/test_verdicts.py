"""Statement by statement: what keepalived 2.2.7 says of it, what we say, and why if that differs.

verdicts.txt is the table; what stands there about keepalived are facts, which are compared with the program itself
where it is installed. `keepalived -t` accepts (no message), complains, stops at once, or dies of a defect.
"""

from __future__ import annotations

import pathlib
import subprocess
from typing import NamedTuple

import pytest

from alived.config.load import load_text
from tests.config.helpers import instance_text
from tests.config.live_keepalived import APART, program
from tests.config.services.documents import document

TABLE = pathlib.Path(__file__).with_name("verdicts.txt")
OF_THIS_VERSION = {"not-supported-yet"}


class Verdict(NamedTuple):
    path: str
    statement: str
    keepalived: str
    codes: str
    why: str

    @property
    def text(self) -> str:
        return document(self.path, self.statement.replace("; ", "\n"))

    @property
    def differs(self) -> bool:
        return (self.keepalived == "accepts") != (self.codes == "-")


def verdicts() -> list[Verdict]:
    lines = [line for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    return [Verdict(*[*line.split(" | "), ""][:5]) for line in lines]


VERDICTS = verdicts()


@pytest.mark.parametrize("verdict", VERDICTS, ids=lambda verdict: f"{verdict.path} {verdict.statement}"[:80])
def test_our_findings(verdict: Verdict) -> None:
    found = load_text(verdict.text + instance_text(), "f").diagnostics
    codes = sorted({one.code for one in found} - OF_THIS_VERSION)
    assert codes == ([] if verdict.codes == "-" else verdict.codes.split()), "\n".join(map(str, found))


def test_a_difference_has_a_reason_and_nothing_else_has() -> None:
    assert [verdict for verdict in VERDICTS if verdict.differs != bool(verdict.why)] == []


def test_the_table_is_long_enough_to_mean_something() -> None:
    assert len(VERDICTS) > 400
    assert sum(verdict.differs for verdict in VERDICTS) < len(VERDICTS) // 6


def test_what_the_table_says_of_keepalived(tmp_path: pathlib.Path) -> None:
    """All files in one shell: a namespace for each would take long."""
    script = (
        'ip link set lo up 2>/dev/null; for file in "$1"/*.conf; do "$0" -t -f "$file" >/dev/null 2>&1; echo $?; done'
    )
    for number, verdict in enumerate(VERDICTS):
        (tmp_path / f"{number:04}.conf").write_text(verdict.text)
    command = [*APART, "sh", "-c", script, program(), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = [_outcome(int(status)) for status in done.stdout.split()]
    assert len(told) == len(VERDICTS)
    wrong = [(verdict, said) for verdict, said in zip(VERDICTS, told, strict=True) if verdict.keepalived != said]
    assert wrong == []


def _outcome(status: int) -> str:
    """Of the exit status of `keepalived -t`; above 128 is a signal."""
    if status > 128:
        return "dies"
    return {0: "accepts", 5: "complains"}.get(status, "stops")
