"""`alived cluster` against a stand-in for the daemon."""

from __future__ import annotations

import copy
import json
import os
import pathlib
from collections.abc import Callable
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from alived.adapters.control_client import NotRunning
from alived.adapters.key_files import read_keys
from alived.cli import asking
from alived.cli.cluster import cluster

Json = dict[str, Any]


def member(name: str, **changes: Any) -> Json:
    shown = {
        "id": name,
        "this_node": False,
        "role": "voter",
        "votes": True,
        "leads": False,
        "address": "192.0.2.1",
        "port": 7946,
        "priority": 100,
        "heard_ms": 20,
        "match_index": 17,
        "lag": 0,
        "owner_of": [],
        "preferred_for": [],
        "groups": [],
    }
    return shown | changes


MEMBERS: Json = {
    "node": "n1",
    "fresh": True,
    "age_ms": 1,
    "phase": "running",
    "reason": "",
    "cluster_id": "front",
    "leader": "n1",
    "term": 4,
    "voters": 3,
    "quorum": 2,
    "tolerated_failures": 1,
    "refused": {"signature": 3, "replayed": 0},
    "members": [
        member("n1", this_node=True, leads=True, owner_of=["web"]),
        member("n2", address="2001:db8::2", preferred_for=["web"], lag=3),
        member(
            "n3",
            heard_ms=None,
            lag=None,
            groups=[{"name": "web", "able": False, "priority": 0, "reason": "eth0 is down", "holds": False}],
        ),
    ],
    "owners": [{"group": "web", "owner": "n1", "last_known_owner": "n1", "age_ms": 3, "reason": ""}],
}


class Daemon:
    """Answers as it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.members: list[Json] = [MEMBERS]
        """The last one is the answer for good"""
        self.outcome: Json = {"ok": True, "result": "done", "error": ""}
        self.commands: list[Json] = []

    def ask(self, directory: str, name: str, command: str, arguments: Json, limit_s: float) -> Json:
        assert directory == "/there"
        if command == "members":
            now = self.members.pop(0) if len(self.members) > 1 else self.members[0]
            return {"ok": True, "result": now, "error": ""}
        assert command == "cluster"
        self.commands.append(arguments["command"])
        return self.outcome


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Daemon:
    daemon = Daemon()
    monkeypatch.setattr(asking, "ask", daemon.ask)
    return daemon


def run(*arguments: str) -> Result:
    words = [*arguments] if arguments[0] == "keygen" else [*arguments, "--runtime-dir", "/there"]
    return CliRunner().invoke(cluster, words)


def with_changes(change: Callable[[Json], None]) -> Json:
    changed = copy.deepcopy(MEMBERS)
    change(changed)
    return changed


def test_members_as_a_table(daemon: Daemon) -> None:
    result = run("members")
    assert result.exit_code == 0
    lines = click.unstyle(result.stdout).splitlines()
    assert lines[0] == (
        "cluster front: this node is n1, running, it leads, term 4; 3 voters, majority 2, 1 more may fail"
    )
    assert lines[1].split() == ["NODE", "ROLE", "ADDRESS", "PRIORITY", "HEARD", "LAG", "OWNS", "PREFERRED", "FOR"]
    assert lines[2].split() == ["n1*", "voter", "(leads)", "192.0.2.1:7946", "100", "this", "node", "0", "web", "-"]
    assert lines[3].split() == ["n2", "voter", "[2001:db8::2]:7946", "100", "20", "ms", "ago", "3", "-", "web"]
    assert lines[4].split() == ["n3", "voter", "192.0.2.1:7946", "100", "never", "-", "-"]
    assert lines[5:] == [
        "n3 cannot own web: eth0 is down",
        "packets of peers not accepted: signature 3",
    ]


def test_what_did_not_leave_was_not_refused(daemon: Daemon) -> None:
    daemon.members = [MEMBERS | {"refused": {"not-sent": 7}}]
    assert run("members").stdout.splitlines()[-1] == "packets to peers that did not leave, as nobody was there: 7"


def test_one_that_shall_vote_and_does_not_yet_is_told(daemon: Daemon) -> None:
    daemon.members = [with_changes(lambda shown: shown["members"][2].update(votes=False))]
    assert click.unstyle(run("members").stdout).splitlines()[4].split()[:4] == ["n3", "voter", "(not", "yet)"]
    daemon.members = [with_changes(lambda shown: shown["members"][2].update(votes=False, role="learner"))]
    assert "(not yet)" not in run("members").stdout


def test_a_follower_says_who_knows_more(daemon: Daemon) -> None:
    assert "Followers" not in run("members").stdout
    daemon.members = [MEMBERS | {"leader": "n3"}]
    assert "Followers hear little of each other: n3, which leads, knows" in run("members").stdout


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"tolerated_failures": 0}, "majority 2, no more may fail"),
        ({"tolerated_failures": -1}, "majority 2, no majority"),
        ({"leader": ""}, "running, no leader, term 4"),
        ({"leader": "n3"}, "running, leader n3, term 4"),
    ],
)
def test_how_well_it_is(daemon: Daemon, changes: Json, told: str) -> None:
    daemon.members = [MEMBERS | changes]
    assert told in run("members").stdout


def test_a_group_without_a_known_owner_is_told(daemon: Daemon) -> None:
    owner = {"group": "web", "owner": "unknown", "last_known_owner": "n2", "age_ms": 9000, "reason": ""}
    daemon.members = [MEMBERS | {"owners": [owner]}]
    assert "web: owner unknown (last known: n2)" in run("members").stdout
    daemon.members = [MEMBERS | {"owners": [owner | {"owner": "", "last_known_owner": "", "reason": "all are ill"}]}]
    assert "web: nobody owns it: all are ill" in run("members").stdout


def test_a_process_that_does_not_answer_is_no_state(daemon: Daemon) -> None:
    daemon.members = [{"node": "n1", "fresh": False, "age_ms": None, "phase": "unknown", "reason": "it is gone"}]
    assert run("members").stdout == "cluster: this node is n1, state unknown: it is gone\n"


def test_members_as_json(daemon: Daemon) -> None:
    assert json.loads(run("members", "--json").stdout) == MEMBERS


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (("remove", "n3"), {"type": "RemoveMember", "node": "n3"}),
        (("remove", "n3", "--allow-two-voters"), {"type": "RemoveMember", "node": "n3", "allow_two_voters": True}),
        (("promote", "n3"), {"type": "Promote", "node": "n3"}),
        (("demote", "n3"), {"type": "Demote", "node": "n3"}),
        (
            ("recover", "--voters", "n1, n2", "--yes-a-majority-is-lost-for-good"),
            {"type": "Recover", "voters": ("n1", "n2")},
        ),
    ],
)
def test_a_command_and_its_outcome(daemon: Daemon, arguments: tuple[str, ...], command: Json) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (0, "done\n")
    assert daemon.commands == [command]
    daemon.outcome = {"ok": False, "result": None, "error": "not now"}
    result = run(*arguments)
    assert (result.exit_code, result.stderr) == (1, "Error: not now\n")
    result = run(*arguments, "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (1, daemon.outcome)


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("192.0.2.4", "192.0.2.4", 7946),
        ("192.0.2.4:8000", "192.0.2.4", 8000),
        ("2001:db8::4", "2001:db8::4", 7946),
        ("[2001:db8::4]", "2001:db8::4", 7946),
        ("[2001:db8::4]:8000", "2001:db8::4", 8000),
    ],
)
def test_a_member_is_added_with_its_address(daemon: Daemon, address: str, host: str, port: int) -> None:
    assert run("add", "n4", address, "--role", "witness", "--priority", "50").exit_code == 0
    (command,) = daemon.commands
    assert command["type"] == "AddMember"
    assert command["member"] == {"id": "n4", "address": host, "port": port, "priority": 50, "role": "witness"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "n4", "here:7946"),
        ("add", "n4", "192.0.2.4:x"),
        ("add", "n4", "192.0.2.4:70000"),
        ("add", "n4", "0.0.0.0"),
        ("add", "n 4", "192.0.2.4"),
        ("add", "n4", "192.0.2.4", "--priority", "256"),
        ("recover", "--voters", "n1"),
        ("recover", "--yes-a-majority-is-lost-for-good"),
    ],
)
def test_wrong_usage_asks_nobody(daemon: Daemon, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2
    assert daemon.commands == []


def lead_and_own(node: str) -> Json:
    return with_changes(lambda shown: shown.update(leader=node, owners=[{"group": "web", "owner": node}]))


def test_a_transfer_waits_until_the_other_owns(daemon: Daemon) -> None:
    daemon.members = [MEMBERS, lead_and_own("n2")]
    result = run("transfer", "n2")
    assert result.exit_code == 0
    assert result.stdout.startswith("n2 leads and owns web (after ")
    assert daemon.commands == [{"type": "Transfer", "to": "n2"}]


def test_a_transfer_after_which_the_other_does_not_own_has_failed(daemon: Daemon) -> None:
    result = run("transfer", "n2", "--wait", "0")
    assert result.exit_code == 1
    assert result.stderr == "Error: n2 does not own all groups after 0 s; leader n1; owners: web: n1\n"


def test_a_refused_transfer_waits_for_nothing(daemon: Daemon) -> None:
    daemon.outcome = {"ok": False, "result": None, "error": "n2 is a witness"}
    assert (result := run("transfer", "n2")).exit_code == 1
    assert result.stderr == "Error: n2 is a witness\n"


def test_without_a_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: Any) -> Json:
        raise NotRunning("no alived runs")

    monkeypatch.setattr(asking, "ask", nobody)
    result = run("members")
    assert (result.exit_code, result.stderr) == (1, "Error: no alived runs\n")


def test_a_key_is_for_its_owner_and_never_overwritten(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "key"
    before = os.umask(0)
    try:
        assert run("keygen", str(file)).exit_code == 0
    finally:
        os.umask(before)
    assert file.stat().st_mode & 0o777 == 0o600
    content = file.read_text()
    assert len(bytes.fromhex(content)) == 32
    assert read_keys([str(file)]) == [content.strip().encode()], "as the daemon reads it"
    result = run("keygen", str(file))
    assert result.exit_code == 1 and "it is not overwritten" in result.stderr
    assert file.read_text() == content
    assert run("keygen", str(tmp_path / "other")).exit_code == 0
    assert (tmp_path / "other").read_text() != content


def test_a_key_that_cannot_be_written(tmp_path: pathlib.Path) -> None:
    result = run("keygen", str(tmp_path / "nowhere" / "key"))
    assert result.exit_code == 1 and "No such file or directory" in result.stderr
