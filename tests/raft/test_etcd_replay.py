"""Our core prints, byte by byte, what etcd's raft library prints in its data-driven tests."""

from __future__ import annotations

import pathlib

import pytest

from tests.corpus import CORPUS
from tests.raft.etcd_replay.__main__ import main
from tests.raft.etcd_replay.replay import Level, differences, transcripts

PLACE = CORPUS / "etcd-raft"
FILES = transcripts([PLACE]) if PLACE.exists() else []

BROKEN = """
add-nodes 1 voters=(1) index=3
----
INFO 1 switched to configuration voters=(1)
INFO 1 became follower at term 0
INFO newRaft 1 [peers: [1], term: 0, commit: 3, applied: 3, lastindex: 3, lastterm: 1]

campaign 1
----
INFO 1 is starting a new election at term 0
INFO 1 became candidate at term 7

raft-state
----
1: StateCandidate (Voter) Term:1 Lead:0
"""


@pytest.mark.skipif(not FILES, reason=f"no transcripts at {PLACE} (set ALIVED_CORPUS)")
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_core_prints_what_etcd_prints(path: pathlib.Path) -> None:
    assert "\n".join(map(str, differences(path))) == ""


def test_a_difference_is_found_and_told(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.txt"
    broken.write_text(BROKEN)
    assert main([str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "FAILED broken.txt, line 8: campaign" in printed
    assert "-INFO 1 became candidate at term 7\n+INFO 1 became candidate at term 1\n" in printed
    assert printed.endswith("0 passed, 1 failed\n")


def test_level_a_leaves_out_the_lines_of_the_log(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.txt"
    broken.write_text(BROKEN)
    assert list(differences(broken, Level.A)) == []
    assert main([str(broken), "--level", "A"]) == 0
    assert capsys.readouterr().out == "1 passed, 0 failed\n"


def test_level_a_finds_other_differences(tmp_path: pathlib.Path) -> None:
    broken = tmp_path / "broken.txt"
    broken.write_text(BROKEN.replace("StateCandidate", "StateLeader"))
    assert [each.stanza.command for each in differences(broken, Level.A)] == ["raft-state"]


@pytest.mark.parametrize(
    "text",
    [
        "vote cfg=(1,2,3) votes=(y,y,n)\n----\nVoteWon\n",
        "simple\nv1\n----\nvoters=(1)\n1: StateProbe match=0 next=1\n",
    ],
)
def test_what_a_file_is_about_is_told_by_its_commands(tmp_path: pathlib.Path, text: str) -> None:
    """etcd's own files have their kind in the directory, not in the name."""
    (tmp_path / "any.txt").write_text(text)
    assert list(differences(tmp_path / "any.txt")) == []
    (tmp_path / "any.txt").write_text(text.replace("VoteWon", "VoteLost").replace("next=1", "next=2"))
    assert len(list(differences(tmp_path / "any.txt"))) == 1


def test_a_crash_of_the_core_is_a_difference(tmp_path: pathlib.Path) -> None:
    broken = tmp_path / "broken.txt"
    broken.write_text("campaign 1\n----\nok\n")
    assert [each.printed for each in differences(broken)] == ["IndexError: list index out of range\n"]
