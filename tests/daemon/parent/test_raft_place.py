"""When the raft process is there, what it is told, and what ends before what; real processes, fake roles."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alived.base import NS_PER_S
from alived.config.model import Config, RaftGroup
from alived.daemon.parent.raft_place import RaftPlace
from alived.raft.config import Cluster, Member, Profile, RaftInstance
from alived.raft.profiles import TIMERS
from alived.raft.succession import LAST_WORDS_TIMEOUTS
from alived.vip.config import VipGroup
from tests.daemon.processes import Daemon, eventually, is_alive, make_config


def clustered(data_dir: Path, *names: str, node: str = "n1", **changes: Any) -> str:
    """The configuration of a node of a cluster, with VRRP instances beside its group."""
    config = msgspec.json.decode(make_config(*names), type=Config)
    cluster = Cluster(
        node_id=node,
        data_dir=str(data_dir / node),
        members=tuple(Member(id=f"n{k}", address=f"192.0.2.{k}") for k in (1, 2, 3)),
    )
    group = RaftGroup(raft=RaftInstance(name="web"), vips=VipGroup(name="web"))
    cluster = msgspec.structs.replace(cluster, **changes)
    return msgspec.json.encode(msgspec.structs.replace(config, cluster=cluster, raft_groups=(group,))).decode()


def told(daemon: Daemon) -> list[str]:
    """What the raft processes have noted, all that there ever were."""
    file = daemon.run_dir / "raft"
    return file.read_text().splitlines() if file.exists() else []


def transfer(daemon: Daemon, to: str) -> dict[str, Any]:
    return daemon.ask("cluster", command={"type": "Transfer", "to": to})


def test_without_a_cluster_there_is_no_raft_process(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    assert set(daemon.processes()) == {"parent", "engine", "worker"}
    for answer in (transfer(daemon, "n2"), daemon.ask("members")):
        assert answer["error"] == "this daemon is no member of a cluster: its configuration has none"
    assert told(daemon) == []


@pytest.mark.parametrize("options", [(), ("--single",)])
def test_the_raft_process_hands_over_before_the_engine_lets_go(daemon: Daemon, options: tuple[str, ...]) -> None:
    daemon.start_and_wait(clustered(daemon.directory, "VI_1"), *options)
    assert set(daemon.processes()) == {"parent", "engine", "worker", "raft"}
    assert "ready: 1 instance, 1 Raft group" in daemon.log()
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert told(daemon) == ["start n1", "stop while VI_1 is bound"]
    assert daemon.bound() == []


def test_while_it_is_silent_the_cluster_is_unknown(daemon: Daemon) -> None:
    daemon.start_and_wait(clustered(daemon.directory, "VI_1"))
    status = daemon.ask("status")["result"]
    assert (status["cluster"]["node"], status["cluster"]["phase"]) == ("n1", "unknown")
    assert status["fresh"], "the engine answers"
    assert daemon.ask("members")["result"]["reason"] == "the raft process has not answered yet"


def test_it_hears_that_the_engine_died_and_not_that_the_worker_did(daemon: Daemon) -> None:
    daemon.start_and_wait(clustered(daemon.directory, "VI_1"))
    os.kill(daemon.pid_of("worker"), signal.SIGKILL)
    eventually(lambda: daemon.processes()["worker"]["restarts"] == 1, "another worker")
    os.kill(daemon.pid_of("engine"), signal.SIGKILL)
    eventually(lambda: "engine ended" in told(daemon), "the raft process is told")
    assert told(daemon) == ["start n1", "engine ended"]


def test_its_death_changes_nothing_else(daemon: Daemon) -> None:
    daemon.start_and_wait(clustered(daemon.directory, "VI_1"))
    others = daemon.pid_of("engine"), daemon.pid_of("worker")
    reaped = daemon.reaped()
    os.kill(daemon.pid_of("raft"), signal.SIGKILL)
    eventually(lambda: told(daemon) == ["start n1", "start n1"], "another raft process")
    assert (daemon.pid_of("engine"), daemon.pid_of("worker"), daemon.reaped()) == (*others, reaped)
    assert daemon.bound() == ["VI_1"]


def test_one_that_cannot_go_on_says_why_and_is_started_again(daemon: Daemon) -> None:
    daemon.order("refuse")
    daemon.start(clustered(daemon.directory, "VI_1"))
    eventually(lambda: " ERROR raft[" in daemon.log(), "it says why")
    assert "the disk says no\n" in daemon.log() and "defect" not in daemon.log()
    eventually(lambda: "the raft ended with status 71; it is started again" in daemon.log(), "it is started again")
    assert " ready: " not in daemon.log(), "a start waits for it"
    said = "gave up: the disk says no"
    eventually(lambda: daemon.processes()["raft"]["last_death"] == said, "who asks for the state is told why, too")
    (daemon.run_dir / "orders" / "refuse").unlink()
    eventually(lambda: " ready: " in daemon.log(), "and then it runs")


def test_a_failing_role_ends_a_daemon_of_one_process(daemon: Daemon) -> None:
    daemon.order("refuse")
    daemon.start(clustered(daemon.directory, "VI_1"), "--single")
    assert daemon.wait() == 71
    assert "the disk says no\n" in daemon.log()
    assert daemon.bound() == [], "what the engine had bound is taken away"


def test_it_comes_and_goes_with_reloads(daemon: Daemon) -> None:
    daemon.start_and_wait(make_config("VI_1"))
    daemon.config.write_text(clustered(daemon.directory, "VI_1"))
    assert daemon.ask("reload")["ok"]
    assert told(daemon) == ["start n1"]
    raft = daemon.pid_of("raft")
    daemon.config.write_text(clustered(daemon.directory, "VI_1", spread_groups=True))
    assert "the cluster is told" in daemon.ask("reload")["result"]["changes"]
    assert daemon.pid_of("raft") == raft
    daemon.config.write_text(make_config("VI_1"))
    assert daemon.ask("reload")["ok"]
    eventually(lambda: "raft" not in daemon.processes(), "it is gone")
    assert told(daemon) == ["start n1", "configure", "stop while VI_1 is bound"]
    assert not is_alive(raft)


def test_another_node_or_directory_makes_another_process(daemon: Daemon) -> None:
    daemon.start_and_wait(clustered(daemon.directory, "VI_1"))
    first = daemon.pid_of("raft")
    daemon.config.write_text(clustered(daemon.directory, "VI_1", node="n2"))
    assert daemon.ask("reload")["ok"]
    assert told(daemon) == ["start n1", "stop while VI_1 is bound", "start n2"]
    assert daemon.pid_of("raft") != first


def test_a_cluster_that_goes_before_it_began_holds_up_no_start(daemon: Daemon) -> None:
    daemon.order("refuse")
    daemon.start(clustered(daemon.directory, "VI_1"))
    eventually(lambda: " ERROR raft[" in daemon.log(), "it cannot start")
    daemon.config.write_text(make_config("VI_1"))
    daemon.signal(signal.SIGHUP)
    eventually(lambda: " ready: 1 instance" in daemon.log(), "nobody waits for it any more")


def test_a_log_that_cannot_be_used_refuses_the_start(daemon: Daemon) -> None:
    daemon.start_and_wait(clustered(daemon.directory, "VI_1"))
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    (daemon.directory / "n1" / "log-0000000000000001").write_bytes(b"this is no log")
    daemon.start(clustered(daemon.directory, "VI_1"))
    assert daemon.wait() == 1
    assert f"cannot use {daemon.directory / 'n1'}/log-" in daemon.log()
    assert daemon.reaped() == 1, "nothing was touched by the second start"


def test_a_command_gets_its_outcome(daemon: Daemon) -> None:
    daemon.start_and_wait(clustered(daemon.directory))
    assert transfer(daemon, "n2") == {"ok": True, "result": "to n2", "error": ""}
    assert transfer(daemon, "n9") == {"ok": False, "result": None, "error": "to n9"}
    noted = ["transfer to n2: asked for at this node", "transfer to n2: done: to n2"]
    noted += ["transfer to n9: asked for at this node", "transfer to n9: refused or failed: to n9"]
    assert [entry["reason"] for entry in daemon.ask("history")["result"]] == noted
    assert all(f"WARNING alived[{daemon.pid_of('parent')}] cluster: {one}\n" in daemon.log() for one in noted)


def test_a_command_whose_process_dies_is_answered(daemon: Daemon) -> None:
    daemon.start_and_wait(clustered(daemon.directory))
    answers: list[dict[str, Any]] = []
    asker = threading.Thread(target=lambda: answers.append(transfer(daemon, "nobody")))
    asker.start()
    eventually(lambda: "asked" in told(daemon), "the process has the command")
    os.kill(daemon.pid_of("raft"), signal.SIGKILL)
    asker.join()
    assert not answers[0]["ok"] and "the raft process ended meanwhile" in answers[0]["error"]


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ({"type": "Explode"}, "this is no command to a cluster"),
        (None, "this is no command to a cluster"),
        ({"type": "AddMember", "member": {"id": "n4", "address": "here"}}, "'here' is no IP address"),
        ({"type": "AddMember", "member": {"id": "n 4", "address": "192.0.2.4"}}, "'n 4' cannot be the id of a node"),
    ],
)
def test_nonsense_is_refused_before_it_is_passed_on(daemon: Daemon, command: Any, error: str) -> None:
    daemon.start_and_wait(clustered(daemon.directory))
    answer = daemon.ask("cluster", command=command)
    assert not answer["ok"] and error in answer["error"]


@pytest.mark.parametrize("profile", [*Profile])
def test_a_stop_takes_as_long_as_a_hand_over_may(profile: Profile) -> None:
    """The process ends by itself before it is killed, whatever its timers."""
    asked: list[int] = []

    class Host:
        role = "raft"

        def start(self) -> None: ...

        def stop(self, limit_ns: int, ended: Callable[[bool], None]) -> None:
            asked.append(limit_ns)
            ended(True)

    place = RaftPlace(Host, lambda host: None)  # type: ignore[arg-type]
    cluster = Cluster(node_id="n1", data_dir="/d", members=(), profile=profile)
    place.start(Config(cluster=cluster))
    place.stop(lambda: asked.append(0))
    assert asked == [LAST_WORDS_TIMEOUTS * TIMERS[profile].election_ns + NS_PER_S // 2, 0]
