"""What the benchmark of Raft makes of the answers that it saw."""

from __future__ import annotations

import pytest

from bench.cases import FULL, QUICK, chosen, players
from bench.client import Event, Kind
from bench.cluster_stage import FAULTS
from bench.raft import measure
from bench.raft_report import Take, raft_lines, raft_table, take
from bench.report import Result

MS = 1_000_000


def answers(*seen: tuple[int, int]) -> list[Event]:
    """(ms, router)"""
    return [Event(Kind.REPLY, ms * MS, router, b"vip!") for ms, router in seen]


def test_a_clean_change_of_the_owner() -> None:
    row = measure(1, 10 * MS, answers((1, 1), (9, 1), (60, 1), (210, 2), (211, 2)))
    assert row == {"takeover_ms": 200.0, "gap_ms": 150.0, "late_answers": 0.0, "new_owners": 1.0}


def test_answers_of_the_old_owner_after_the_new_one_are_counted() -> None:
    row = measure(1, 10 * MS, answers((9, 1), (210, 2), (211, 1), (212, 2), (213, 1), (214, 3)))
    assert (row["late_answers"], row["gap_ms"], row["new_owners"]) == (2.0, 201.0, 2.0)


def test_an_owner_that_never_came_is_no_number() -> None:
    assert measure(1, 10 * MS, answers((1, 1), (20, 1)))["takeover_ms"] is None


@pytest.mark.parametrize(
    ("how", "value"), [(Take.MEDIAN, 10.5), (Take.P95, 19.0), (Take.MOST, 20.0), (Take.SUM, 210.0)]
)
def test_one_number_of_twenty(how: Take, value: float) -> None:
    assert take([float(n) for n in range(20, 0, -1)], how) == value


def result(daemon: str = "alived", error: str = "", **numbers: list[float | None]) -> Result:
    rows = [dict(zip(numbers, values)) for values in zip(*numbers.values())]
    return Result("raft_failover", {"fault": "kill", "runs": 2}, daemon, rows, {}, error, 1.0, 0.0)


def met(results: list[Result]) -> dict[str, bool | None]:
    return {f"{line.daemon} {line.what}": line.met for line in raft_lines(results)}


def test_the_aims_are_judged_for_alived_alone() -> None:
    found = met([result(gap_ms=[100.0, 310.0]), result("etcd", gap_ms=[1000.0, 1000.0])])
    gap = "last answer of the old owner to first of the new"
    assert found[f"alived {gap}, p95"] is False
    assert found[f"etcd {gap}, p95"] is None
    assert met([result(gap_ms=[100.0, 290.0])])[f"alived {gap}, p95"] is True


def test_what_never_came_misses_the_aim() -> None:
    gap = "alived last answer of the old owner to first of the new"
    assert met([result(gap_ms=[100.0, None])])[f"{gap}, median"] is False
    assert met([result(error="NotSettled", gap_ms=[100.0])])[f"{gap}, median"] is False
    assert met([result(error="NotSettled")])[f"{gap}, median"] is False
    assert "MISSED" in raft_table(raft_lines([result(gap_ms=[None])]))


def test_who_plays_what() -> None:
    raft = chosen(FULL, ["raft"])
    assert {case[0].partition("_")[0] for case in raft} == {"raft"}
    assert chosen(QUICK, ["raft_mixed"]) == [("raft_mixed", {"faults": 7})]
    assert all(players(case, ["x", "y"]) == ["x", "y"] for case in chosen(FULL, ["failover", "check"]))
    assert players(("raft_failover", {"fault": "kill", "advert_int": 1.0}), []) == ("keepalived",)
    assert players(("raft_failover", {"fault": "stop"}), []) == ("alived",)
    assert set(players(("raft_steady", {"seconds": 5}), [])) >= {"alived"}


def test_every_kind_of_fault_is_measured_and_mixed() -> None:
    measured = {options["fault"] for name, options in FULL if name == "raft_failover"}
    assert measured == set(FAULTS)
