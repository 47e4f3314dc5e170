"""`alived status`, `history` and `reload` against a stand-in for the daemon."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from alived.adapters.control_client import NotRunning
from alived.cli import asking
from alived.cli.status import history, reload, status
from alived.cli.words import span
from tests.cli.stand_in import Daemon

INSTANCE: dict[str, Any] = {
    "name": "VI_1",
    "state": "MASTER",
    "last_known_state": "MASTER",
    "since": 1.0,
    "since_s": 65.0,
    "reason": "no advert for 3.6 s",
    "priority": 90,
    "base_priority": 100,
    "interface": "eth0",
    "vrid": 51,
    "version": 3,
    "family": "IPv4",
    "advert_interval_s": 0.5,
    "master": "192.0.2.1",
    "peers": [{"address": "192.0.2.2", "priority": 80, "age_ms": 120, "adverts": 7, "missed": 0, "loss_pct": 0.0}],
    "vips": {"wanted": ["192.0.2.9/24 dev eth0"], "present": [], "missing": [], "unexpected": []},
    "faults": [],
    "counters": {},
}
PROCESS: dict[str, Any] = {"role": "engine", "pid": 7, "state": "running", "restarts": 0, "last_death": ""}


def answer(**changes: Any) -> dict[str, Any]:
    result = {
        "version": "1",
        "time": 1.0,
        "age_ms": 1,
        "fresh": True,
        "instances": [INSTANCE],
        "sync_groups": [],
        "receive_errors": {},
        "scripts": [],
        "virtual_servers": [],
        "raft_groups": [],
        "cluster": None,
        "fences": [],
        "trackers": [],
        "checks": [],
        "combinations": [],
        "pipes": [],
        "notifications": [],
        "damping": [],
        "processes": [PROCESS],
    }
    return {"ok": True, "result": result | changes, "error": ""}


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Daemon:
    daemon = Daemon(answer()["result"])
    monkeypatch.setattr(asking, "ask", daemon.ask)
    return daemon


def run(command: click.Command, *arguments: str, colour: bool = False) -> Result:
    return CliRunner().invoke(command, arguments, color=colour)


def test_status_of_a_healthy_instance(daemon: Daemon) -> None:
    result = run(status, "--runtime-dir", "/r")
    assert result.exit_code == 0
    assert daemon.asked[:3] == ("/r", "alived.sock", "status")
    assert result.output.splitlines() == [
        "VI_1  MASTER for 1 min 5 s: no advert for 3.6 s",
        "    VRRPv3 IPv4 VRID 51 on eth0, priority 90 (base 100), advert every 0.5 s, master 192.0.2.1",
        "    heard 192.0.2.2: 120 ms ago, priority 80, 7 adverts",
        "    addresses: 192.0.2.9/24 dev eth0",
        "processes: engine[7]",
    ]


def test_what_is_wrong_is_loud(daemon: Daemon) -> None:
    sick = INSTANCE | {
        "state": "FAULT",
        "interface": "",
        "priority": 100,
        "master": "",
        "peers": [INSTANCE["peers"][0] | {"missed": 3, "loss_pct": 30.0}],
        "vips": {"wanted": ["a", "b"], "present": ["b", "c"], "missing": ["a"], "unexpected": ["c"]},
        "faults": [{"cause": "interface eth0", "reason": "eth0 has no carrier"}],
    }
    group = {
        "name": "VG",
        "state": "FAULT",
        "last_known_state": "FAULT",
        "since_s": 1.0,
        "reason": "r",
        "members": ["VI_1"],
    }
    broken = PROCESS | {"state": "waiting", "restarts": 2, "last_death": "was killed by signal 9 (Killed)"}
    daemon.answer = answer(
        instances=[sick], sync_groups=[group], processes=[broken], receive_errors={"ttl": 0, "checksum": 4}
    )
    output = run(status).output
    assert "VG  FAULT for 1.0 s  sync group of VI_1: r" in output
    assert "VRID 51, priority 100, advert every 0.5 s, master unknown" in output
    assert "7 adverts, 3 missed (30.0 %)" in output
    assert "    addresses: b\n    MISSING: a\n    HERE BUT NOT OURS NOW: c\n    FAULT: eth0 has no carrier\n" in output
    assert "adverts not accepted: checksum 4\n" in output
    assert "engine[7] waiting 2 restarts, the last because it was killed by signal 9 (Killed)" in output
    assert "\x1b[31m\x1b[1mMISSING: a\x1b[0m" in run(status, colour=True).output


def test_what_silences_a_frozen_owner_is_short_and_what_does_not_is_loud(daemon: Daemon) -> None:
    fenced = {"fence": "kernel lease", "silent_after_ms": 100, "missing": ""}
    why = "cannot run nft: it is not there; a frozen owner goes on"
    daemon.answer = answer(
        fences=[
            fenced | {"group": "web"},
            {"group": "mail", "fence": "address lifetime", "silent_after_ms": 4000, "missing": why},
            {"group": "old", "fence": "none", "silent_after_ms": None, "missing": why},
            fenced | {"group": "dns"},
        ]
    )
    output = run(status, colour=True).output
    assert "the kernel silences within 100 ms if this node freezes: web, dns\n" in output
    loud = f"mail: if this node freezes: silent after 4 s, by address lifetime: {why}"
    assert f"\x1b[31m\x1b[1m{loud}\x1b[0m" in output
    assert f"old: if this node freezes: NOTHING SILENCES IT: {why}" in output


def test_an_old_answer_says_so(daemon: Daemon) -> None:
    old = INSTANCE | {"state": "unknown", "reason": "the engine does not answer"}
    never = {"name": "VI_2", "state": "unknown", "last_known_state": None, "reason": "the engine has not answered yet"}
    daemon.answer = answer(fresh=False, age_ms=12_345, instances=[old, never])
    lines = run(status).output.splitlines()
    assert lines[0] == "The engine does not answer; what follows is 12.3 s old."
    assert "VI_1  unknown (was MASTER) for 1 min 5 s: the engine does not answer" in lines
    assert "VI_2  unknown: the engine has not answered yet" in lines
    daemon.answer = answer(fresh=False, age_ms=None, instances=[never])
    assert run(status).output.startswith("The engine has not answered since the daemon started.\n")


def test_many_addresses_are_summed_up(daemon: Daemon) -> None:
    vips = {"wanted": [str(n) for n in range(1000)], "present": [], "missing": [], "unexpected": []}
    daemon.answer = answer(instances=[INSTANCE | {"vips": vips}])
    assert "addresses: 0, 1, 2, 3, 4, 5 and 994 more\n" in run(status).output


def test_json_is_the_answer_itself(daemon: Daemon) -> None:
    assert json.loads(run(status, "--json").output) == answer()["result"]


@pytest.mark.parametrize("command", [status, history, reload])
def test_without_a_daemon(daemon: Daemon, command: click.Command) -> None:
    daemon.answer = NotRunning("no alived runs with the runtime directory /r")
    result = run(command)
    assert result.exit_code == 1
    assert "no alived runs with the runtime directory /r" in result.output


def test_a_refusal_is_shown(daemon: Daemon) -> None:
    daemon.answer = {"ok": False, "result": None, "error": "no"}
    assert run(history).exit_code == 1
    assert "no" in run(history).output


def test_history_lines(daemon: Daemon) -> None:
    change = {"time": 1.25, "kind": "INSTANCE", "name": "VI_1", "old": "BACKUP", "new": "MASTER", "reason": "because"}
    daemon.answer = {"ok": True, "result": [change], "error": ""}
    result = run(history, "-n", "5")
    assert daemon.asked[3] == {"count": 5}
    assert result.output.endswith(".250  VI_1  BACKUP -> MASTER: because\n")
    assert json.loads(run(history, "--json").output) == [change]
    assert run(history, "-n", "0").exit_code == 2


def test_history_tells_what_operators_did_to_the_cluster(daemon: Daemon) -> None:
    change = {"time": 1.25, "kind": "CLUSTER", "name": "cluster", "old": "INIT", "new": "INIT", "reason": "n3 is gone"}
    daemon.answer = {"ok": True, "result": [change], "error": ""}
    assert run(history).output.endswith(".250  cluster  n3 is gone\n")


def test_reload_says_what_changed(daemon: Daemon) -> None:
    daemon.answer = {
        "ok": True,
        "result": {"changes": ["VI_1: priority 90"], "diagnostics": ["f:1: warning: w"]},
        "error": "",
    }
    result = run(reload)
    assert (result.exit_code, result.output) == (0, "f:1: warning: w\nVI_1: priority 90\nreloaded\n")
    daemon.answer = {"ok": True, "result": {"changes": [], "diagnostics": []}, "error": ""}
    assert run(reload).output == "reloaded; nothing changed\n"


def test_a_refused_reload_exits_with_1_and_the_errors(daemon: Daemon) -> None:
    daemon.answer = {
        "ok": False,
        "result": {"changes": [], "diagnostics": ["f:1:1: error: e"]},
        "error": "1 error in f",
    }
    result = run(reload)
    assert (result.exit_code, result.output) == (1, "f:1:1: error: e\n1 error in f\n")
    daemon.answer = {"ok": False, "result": None, "error": "the daemon is about to end"}
    assert run(reload).output == "the daemon is about to end\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (59.9, "59.9 s"),
        (60, "1 min 0 s"),
        (3600, "1 h 0 min"),
        (90_061, "1 d 1 h"),
        (1e7, "115 d 17 h"),
    ],
)
def test_spans_of_time(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_status_stays_light() -> None:
    """An answer in a blink: nothing of the daemon, no configuration reader, no rich is imported."""
    script = (
        "import sys, alived.cli.status; "
        "print([m for m in sys.modules if m.split('.')[0] in ('yaml', 'rich', 'asyncio') "
        "or m.startswith(('alived.daemon', 'alived.config'))])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "[]\n"


RAFT_GROUP: dict[str, Any] = {
    "name": "web",
    "state": "MASTER",
    "last_known_state": "MASTER",
    "since": 1.0,
    "since_s": 5.0,
    "reason": "leased: this node leads",
    "priority": 90,
    "base_priority": 100,
    "able": True,
    "term": 4,
    "lease_left_ms": 87,
    "vips": {
        "wanted": ["192.0.2.9/24 dev eth0"],
        "present": ["192.0.2.9/24 dev eth0"],
        "missing": [],
        "unexpected": [],
    },
    "faults": [],
    "interface": "eth0",
    "owner": {"group": "web", "owner": "n1", "last_known_owner": "n1", "age_ms": 12, "reason": ""},
}
CLUSTER: dict[str, Any] = {
    "node": "n1",
    "fresh": True,
    "phase": "running",
    "cluster_id": "front",
    "leader": "n1",
    "term": 4,
    "voters": 3,
    "quorum": 2,
    "tolerated_failures": 1,
}


def raft_status(daemon: Daemon, group: dict[str, Any], cluster: dict[str, Any] = CLUSTER) -> list[str]:
    daemon.answer = answer(instances=[], raft_groups=[RAFT_GROUP | group], cluster=cluster)
    return click.unstyle(run(status).stdout).splitlines()


def test_a_group_elected_by_raft_is_shown_with_its_lease_and_its_owner(daemon: Daemon) -> None:
    assert raft_status(daemon, {})[:4] == [
        "web  MASTER for 5.0 s: leased: this node leads",
        "    elected by Raft on eth0, priority 90 (base 100), lease of term 4, 87 ms left, owner n1 (known 12 ms ago)",
        "    addresses: 192.0.2.9/24 dev eth0",
        "cluster front: this node is n1, running, it leads, term 4; 3 voters, majority 2, 1 more may fail",
    ]


@pytest.mark.parametrize(
    ("group", "line"),
    [
        ({"lease_left_ms": None}, "no lease here"),
        ({"owner": None}, "owner unknown: the raft process does not answer"),
        ({"owner": RAFT_GROUP["owner"] | {"owner": "unknown"}}, "owner unknown, last known n1"),
        ({"owner": RAFT_GROUP["owner"] | {"owner": "", "reason": "no majority"}}, "nobody owns it: no majority"),
        ({"able": False}, "this node cannot own it now"),
        ({"faults": [{"cause": "interface", "reason": "eth0 is down"}]}, "FAULT: eth0 is down"),
    ],
)
def test_what_is_wrong_with_a_group_is_said(daemon: Daemon, group: dict[str, Any], line: str) -> None:
    assert any(line in shown for shown in raft_status(daemon, group))


def test_a_witness_tells_who_owns(daemon: Daemon) -> None:
    owner = {"owner": "n2", "last_known_owner": "n2", "age_ms": 7, "reason": ""}
    group = {"name": "web", "state": "WITNESS", "last_known_state": None, "reason": "it never owns", "owner": owner}
    daemon.answer = answer(instances=[], raft_groups=[group], cluster=None)
    assert click.unstyle(run(status).stdout).splitlines()[:2] == [
        "web  WITNESS: it never owns",
        "    owner n2 (known 7 ms ago)",
    ]


def test_a_group_and_a_cluster_of_which_nothing_is_known(daemon: Daemon) -> None:
    never = {"name": "web", "state": "unknown", "last_known_state": None, "reason": "the engine has not answered yet"}
    silent = {"node": "n1", "fresh": False, "reason": "the raft process does not answer"}
    daemon.answer = answer(instances=[], raft_groups=[never], cluster=silent)
    lines = click.unstyle(run(status).stdout).splitlines()
    assert lines[:2] == [
        "web  unknown: the engine has not answered yet",
        "cluster: this node is n1, state unknown: the raft process does not answer",
    ]
