"""Combinations: a verdict as soon as it is certain, and the sentence that says why."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alived.health.checks_config import CombinedCheck, CombinedMember
from alived.health.combination import Finding, in_order, judge
from alived.health.trackers_config import TrackerKind

CHECK, SCRIPT = TrackerKind.CHECK, TrackerKind.SCRIPT


def combined(name: str, quorum: int, *members: str, kind: TrackerKind = SCRIPT) -> CombinedCheck:
    return CombinedCheck(name=name, quorum=quorum, members=tuple(CombinedMember(kind, one) for one in members))


def findings(**states: bool) -> dict[str, Finding]:
    return {
        SCRIPT.key(name): Finding(up, f"script {name} {'succeeded' if up else 'failed'}") for name, up in states.items()
    }


MOST = combined("most", 2, "a", "b", "c")


def test_it_is_up_as_soon_as_enough_are() -> None:
    assert judge(MOST, findings(a=True)).up is None
    assert judge(MOST, findings(a=True, c=True)) == Finding(True, "check most: 2 of 3 are up, 2 must be")


def test_it_is_down_as_soon_as_enough_cannot_be_up_and_says_why() -> None:
    assert judge(MOST, findings(a=False)).up is None
    reason = "check most: 0 of 3 are up, 2 must be: script a failed; script b failed"
    assert judge(MOST, findings(a=False, b=False)) == Finding(False, reason)


def test_what_nobody_knows_yet_is_said() -> None:
    reason = "check most: 1 of 3 is up, 2 must be: 1 has no result yet"
    assert judge(MOST, findings(a=True, b=False)) == Finding(None, reason)


def test_the_sentence_stays_short() -> None:
    every = combined("every", 5, *"abcde")
    reason = judge(every, findings(a=False, b=False, c=False, d=False, e=False)).reason
    assert reason.endswith("script c failed; and 2 more") and "script d" not in reason


@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=7), st.data())
def test_more_results_never_change_a_verdict(states: list[bool | None], data: st.DataObject) -> None:
    """And when all are known, it is what counting says."""
    quorum = data.draw(st.integers(1, len(states)))
    names = [f"n{number}" for number in range(len(states))]
    check = combined("c", quorum, *names)
    early = {name: state for name, state in zip(names, states, strict=True) if state is not None}
    late = early | {name: data.draw(st.booleans()) for name in names if name not in early}
    first, last = judge(check, findings(**early)), judge(check, findings(**late))
    assert last.up is (sum(late.values()) >= quorum)
    assert first.up is None or first.up is last.up


def test_each_comes_behind_those_that_it_counts() -> None:
    checks = [combined("x", 1, "y", "a", kind=CHECK), combined("y", 1, "z", "w", kind=CHECK)]
    checks += [combined("z", 1, "w", kind=CHECK), combined("w", 1, "x")]
    assert [one.name for one in in_order(checks)] == ["w", "z", "y", "x"]


@given(st.lists(st.sets(st.integers(0, 11)), min_size=12, max_size=12))
def test_whatever_the_order_of_the_text(counts: list[set[int]]) -> None:
    """Members have greater numbers here, so there is no circle."""
    checks = [
        combined(str(n), 1, *(str(m) for m in sorted(members) if m > n), "leaf", kind=CHECK)
        for n, members in enumerate(counts)
    ]
    order = [one.name for one in in_order(checks)]
    assert sorted(order) == sorted(str(n) for n in range(12))
    for check in checks:
        for member in check.members:
            assert member.name == "leaf" or order.index(member.name) < order.index(check.name)
