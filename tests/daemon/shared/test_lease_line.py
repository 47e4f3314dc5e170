"""The line between the raft process and the engine: what is said, what is lost, who comes after."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from alived.adapters.loop import Loop
from alived.daemon.shared.lease_line import LeaseLine, LinePair
from alived.raft.member_events import EngineReported, Held, Leases
from tests.segment import open_files, until


def leases(number: int) -> Leases:
    return Leases(number=number, term=7, held=(Held("web", 1_000), Held("db", 2_000, leaving=True)), reason="it leads")


class Line:
    def __init__(self) -> None:
        self.pair, self.loop = LinePair(), Loop()
        self.at_engine: list[Leases | EngineReported] = []
        self.at_raft: list[Leases | EngineReported] = []

    def engine(self) -> LeaseLine:
        return LeaseLine(self.loop, self.pair.engine_end, self.at_engine.append)

    def raft(self) -> LeaseLine:
        return LeaseLine(self.loop, self.pair.raft_end, self.at_raft.append)


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.pair.close()
    line.loop.close()


def test_both_ways(line: Line) -> None:
    engine, raft = line.engine(), line.raft()
    assert raft.send(leases(1))
    assert engine.send(EngineReported(number=0, groups=()))
    until(line.loop, lambda: bool(line.at_engine and line.at_raft), "both")
    assert line.at_engine == [leases(1)]
    assert line.at_raft == [EngineReported(number=0, groups=())]


def test_of_what_waits_only_the_newest_counts(line: Line) -> None:
    line.engine()
    raft = line.raft()
    for number in range(1, 6):
        assert raft.send(leases(number))
    until(line.loop, lambda: bool(line.at_engine), "the newest")
    raft.send(leases(6))
    until(line.loop, lambda: len(line.at_engine) == 2, "one more")
    assert line.at_engine == [leases(5), leases(6)]


def test_one_that_is_not_read_holds_nobody_up(line: Line) -> None:
    raft = line.raft()
    said = 0
    while raft.send(leases(said)):
        said += 1
    assert said > 0
    line.engine()
    raft.send(leases(said))
    until(line.loop, lambda: bool(line.at_engine), "it is read again")
    assert line.at_engine == [leases(said)]


def test_a_successor_hears_nothing_that_was_meant_for_its_predecessor(line: Line) -> None:
    raft, first = line.raft(), line.engine()
    first.close()
    raft.send(leases(1))
    line.engine()
    raft.send(leases(2))
    until(line.loop, lambda: bool(line.at_engine), "the second")
    assert line.at_engine == [leases(2)]


def test_a_closed_end_hears_nothing_and_stays_open_for_a_successor(line: Line) -> None:
    raft, engine = line.raft(), line.engine()
    engine.close()
    raft.send(leases(1))
    over: list[bool] = []
    line.loop.call_later(10_000_000, lambda: over.append(True))
    until(line.loop, lambda: bool(over), "time passes")
    assert line.at_engine == []
    assert raft.send(leases(2))


def test_what_the_engine_has_carried_out_is_seen_also_by_who_comes_later_and_in_another_process(line: Line) -> None:
    raft = line.raft()
    assert raft.carried_out() == 0
    number = 1 << 60  # nanoseconds, after a while
    child = os.fork()
    if child == 0:
        line.engine().carry_out(number)
        os._exit(0)
    os.waitpid(child, 0)
    assert raft.carried_out() == line.raft().carried_out() == number


def test_it_leaves_no_file_open() -> None:
    before = open_files()
    pair = LinePair()
    assert open_files() != before
    pair.close()
    assert open_files() == before
