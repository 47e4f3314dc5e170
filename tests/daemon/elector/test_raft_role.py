"""The raft process as a whole, on a loop of the test: its log, its peers, its line to the engine, its parent."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from alived.adapters.loop import Loop
from alived.adapters.wal_files import WalFailed
from alived.base import NS_PER_MS
from alived.config.model import Config, GlobalDefs, RaftGroup
from alived.daemon.elector.raft_role import RaftRole, why_not_start
from alived.daemon.shared import promptness
from alived.daemon.shared.child import ChildContext, ChildFailure
from alived.daemon.shared.lease_line import LeaseLine, LinePair
from alived.daemon.shared.messages import (
    BusMessage,
    ClusterOutcome,
    ClusterRequest,
    Configure,
    Configured,
    EngineEnded,
    LogLine,
    RaftSnapshot,
    SnapshotRequest,
)
from alived.raft.config import Cluster, Member, RaftInstance
from alived.raft.log import EntriesLost, RaftLog
from alived.raft.member_events import EngineReported, Leases, Phase, Recover, Transfer
from alived.raft.packets import GroupReport
from alived.vip.config import VipGroup
from tests.daemon.processes import PATIENCE_S

M = TypeVar("M", bound=BusMessage)
WEB = RaftGroup(raft=RaftInstance(name="web"), vips=VipGroup(name="web"))


def free_ports(count: int) -> list[int]:
    """Of UDP on the loopback interface."""
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(count)]
        for sock in socks:
            sock.bind(("127.0.0.1", 0))
        return [int(sock.getsockname()[1]) for sock in socks]


def configs(directory: Path, count: int) -> list[Config]:
    """Of the nodes of a cluster, n1 first. No real time: a test is no daemon."""
    members = tuple(
        Member(id=f"n{k}", address="127.0.0.1", port=port) for k, port in enumerate(free_ports(count), start=1)
    )
    return [
        Config(
            global_defs=GlobalDefs(rt_priority=0),
            cluster=Cluster(
                node_id=one.id,
                data_dir=str(directory / one.id),
                members=members,
                listen_address="127.0.0.1",
                listen_port=one.port,
            ),
            raft_groups=(WEB,),
        )
        for one in members
    ]


class Node:
    """A raft process in this one, with the test as its engine and its parent."""

    def __init__(self, loop: Loop, config: Config) -> None:
        self.loop = loop
        self.said: list[BusMessage] = []
        self.leases: list[Leases] = []
        self.holds = False
        self.ended = False
        self._pair = LinePair()
        self._engine = LeaseLine(loop, self._pair.engine_end, self._leased)
        self.role = RaftRole(ChildContext("raft", loop, config, self.said.append, self._pair.raft_end))

    def start(self) -> None:
        self.role.start()
        self.report(0)

    def report(self, number: int) -> None:
        group = GroupReport(name="web", able=True, priority=100, holds=self.holds)
        self._engine.send(EngineReported(number=number, groups=(group,)))

    def _leased(self, news: Leases | EngineReported) -> None:
        """As an engine that binds and lets go in no time."""
        assert isinstance(news, Leases)
        self.leases.append(news)
        self.holds = any(not one.leaving for one in news.held)
        self._engine.carry_out(news.number)
        self.report(news.number)

    def of(self, kind: type[M]) -> list[M]:
        return [message for message in self.said if isinstance(message, kind)]

    def snapshot(self) -> RaftSnapshot:
        self.role.handle(SnapshotRequest(request_id=1))
        return self.of(RaftSnapshot)[-1]

    def stop(self) -> None:
        def done() -> None:
            self.ended = True

        self.role.stop(done)

    def close(self) -> None:
        if not self.ended:
            self.stop()
            until(self.loop, lambda: self.ended, "it ends")
        self._engine.close()
        self._pair.close()


def until(loop: Loop, condition: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up, f"never happened: {what}"
        loop.call_later(NS_PER_MS, lambda: None)
        loop.turn()


@pytest.fixture
def loop() -> Iterator[Loop]:
    with contextlib.closing(Loop()) as loop:
        yield loop


@contextlib.contextmanager
def running(loop: Loop, *wanted: Config) -> Iterator[list[Node]]:
    nodes = [Node(loop, config) for config in wanted]
    for node in nodes:
        node.start()
    try:
        yield nodes
    finally:
        for node in nodes:
            node.close()


def test_a_node_alone_forms_elects_itself_and_leases(loop: Loop, tmp_path: Path) -> None:
    with running(loop, *configs(tmp_path, 1)) as (node,):
        until(loop, lambda: node.holds, "it leases the group to its engine")
        shown = node.snapshot()
        assert (shown.member.phase, shown.member.leader, shown.member.quorum) == (Phase.RUNNING, "n1", 1)
        assert shown.member.lease_until_ns is not None
        assert shown.peers.startswith("datagrams without a key")
        assert shown.scheduling == "normal (vrrp_rt_priority 0)"
        assert "forms the cluster" in " ".join(line.message for line in node.of(LogLine))


def test_an_end_withdraws_the_lease_and_gives_the_log_back(loop: Loop, tmp_path: Path) -> None:
    wanted = configs(tmp_path, 1)
    with running(loop, *wanted) as (node,):
        until(loop, lambda: node.holds, "it leases")
        node.stop()
        until(loop, lambda: node.ended, "it ends")
        assert not node.holds, "what was leased is let go before the end"
        with running(loop, *wanted) as (again,):
            until(loop, lambda: again.holds, "the next process goes on with the same log and port")
            assert again.snapshot().member.formed == node.snapshot().member.formed


def test_three_nodes_over_datagrams(loop: Loop, tmp_path: Path) -> None:
    with running(loop, *configs(tmp_path, 3)) as nodes:
        until(loop, lambda: sum(node.holds for node in nodes) == 1, "one of them is leased the group")
        (owner,) = (node for node in nodes if node.holds)
        other = next(node for node in nodes if not node.holds)
        to = other.snapshot().member.node
        other.role.handle(ClusterRequest(7, Transfer(to)))
        until(loop, lambda: bool(other.of(ClusterOutcome)), "the outcome of a transfer")
        assert [(one.request_id, one.ok) for one in other.of(ClusterOutcome)] == [(7, True)]
        until(loop, lambda: other.holds and not owner.holds, "the other one owns")


def test_a_dead_engine_owns_nothing_until_the_next_one_reports(loop: Loop, tmp_path: Path) -> None:
    with running(loop, *configs(tmp_path, 1)) as (node,):
        until(loop, lambda: node.holds, "it leases")
        node.report = lambda number: None  # type: ignore[method-assign]  # there is no engine
        node.role.handle(EngineEnded())
        until(loop, lambda: not node.leases[-1].held, "nobody is leased anything")
        del node.report  # type: ignore[method-assign]
        node.report(0)
        until(loop, lambda: node.holds, "the new engine is")


def test_a_reload_is_confirmed(loop: Loop, tmp_path: Path) -> None:
    (wanted,) = configs(tmp_path, 1)
    with running(loop, wanted) as (node,):
        until(loop, lambda: node.holds, "it leases")
        more = RaftGroup(raft=RaftInstance(name="mail"), vips=VipGroup(name="mail"))
        node.role.handle(Configure(config=msgspec.structs.replace(wanted, raft_groups=(more,))))
        until(loop, lambda: not node.holds, "a group that is gone is no longer leased")
        assert node.of(Configured) == [Configured(changes=())]
        other = msgspec.structs.replace(wanted, global_defs=GlobalDefs(rt_priority=5))
        node.role.handle(Configure(config=other))
        assert "when it is started the next time" in node.of(Configured)[-1].changes[0]


def test_the_last_resort_is_refused_while_a_majority_answers(loop: Loop, tmp_path: Path) -> None:
    with running(loop, *configs(tmp_path, 1)) as (node,):
        until(loop, lambda: node.holds, "it leases")
        node.role.handle(ClusterRequest(3, Recover(("n1",))))
        (outcome,) = node.of(ClusterOutcome)
        assert not outcome.ok and outcome.text.startswith("a majority answers")
        assert not [name for name in os.listdir(tmp_path / "n1") if "Z-" in name], "there is no copy of the log"


def test_the_last_resort_keeps_a_copy_of_the_log(loop: Loop, tmp_path: Path) -> None:
    wanted = configs(tmp_path, 3)
    with running(loop, *wanted) as nodes:
        until(loop, lambda: all(node.snapshot().member.formed for node in nodes), "the cluster is formed")
    with running(loop, wanted[0]) as (alone,):
        alone.role.handle(ClusterRequest(4, Recover(("n1",))))
        until(loop, lambda: alone.holds, "it goes on alone")
        copies = [name for name in os.listdir(tmp_path / "n1") if "Z-" in name]
        assert len(copies) == 1
        assert any(copies[0] in line.message for line in alone.of(LogLine) if line.level == "warning")
        assert alone.of(ClusterOutcome)[0].ok


def test_a_log_that_cannot_be_used_ends_the_process_with_a_sentence(loop: Loop, tmp_path: Path) -> None:
    (wanted,) = configs(tmp_path, 1)
    assert why_not_start(Config()) == "" and why_not_start(wanted) == ""
    with running(loop, wanted) as (node,):
        until(loop, lambda: node.holds, "it leases")
        assert "in use" in why_not_start(wanted)
    assert wanted.cluster is not None
    foreign = msgspec.structs.replace(wanted, cluster=msgspec.structs.replace(wanted.cluster, cluster_id="other"))
    assert 'of a node of cluster "", not of "other"' in why_not_start(foreign)
    with pytest.raises(ChildFailure, match="not of") as failed:
        Node(loop, foreign).role.start()
    assert failed.value.code == "raft-not-started"


def test_a_port_that_is_taken_ends_the_process_with_a_sentence(loop: Loop, tmp_path: Path) -> None:
    (wanted,) = configs(tmp_path, 1)
    assert wanted.cluster is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as squatter:
        squatter.bind(("127.0.0.1", wanted.cluster.listen_port))
        with pytest.raises(ChildFailure, match="cannot listen on UDP"):
            Node(loop, wanted).role.start()


def test_a_disk_that_fails_ends_the_process(loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise WalFailed("the log could not be written: No space left on device")

    monkeypatch.setattr("alived.adapters.wal_files.Wal.save", fails)
    node = Node(loop, configs(tmp_path, 1)[0])
    with pytest.raises(ChildFailure, match="No space left") as failed:
        node.start()
        until(loop, lambda: False, "it saves")
    assert failed.value.code == "raft-log-failed"


def test_a_log_that_somebody_cut_ends_the_process_with_a_sentence(
    loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacks(log: RaftLog, _index: int) -> None:
        raise EntriesLost("it confirmed to the leader that it has entry 61, but ends at 60")

    node = Node(loop, configs(tmp_path, 1)[0])
    node.start()
    monkeypatch.setattr(RaftLog, "commit_to", lacks)
    with pytest.raises(
        ChildFailure, match=r"cut while nobody looked: it confirmed .* move .*n1 away and start"
    ) as failed:
        until(loop, lambda: False, "it commits")
    assert failed.value.code == "raft-log-lost"


def test_before_its_start_it_ends_at_once(loop: Loop, tmp_path: Path) -> None:
    node = Node(loop, configs(tmp_path, 1)[0])
    node.stop()
    assert node.ended


def test_what_a_process_without_rights_cannot_follow() -> None:
    began = GlobalDefs(rt_priority=1)
    assert promptness.kept(began, Config(global_defs=GlobalDefs(rt_priority=1, router_id="other"))) == ()
    assert promptness.kept(began, Config(global_defs=GlobalDefs(rt_priority=2))) != ()
