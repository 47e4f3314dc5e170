"""Links that flap, and what those that track them see."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alived.daemon.engine.link_delays import LinkDelays
from alived.health.tracker_events import LinkSnapshot
from alived.health.trackers_config import LinkDelay


def delays(down_ns: int = 100, up_ns: int = 50) -> LinkDelays:
    made = LinkDelays()
    made.configure([LinkDelay(interface="eth0", down_ns=down_ns, up_ns=up_ns)], 0)
    return made


def test_a_change_counts_after_its_delay() -> None:
    links = delays()
    assert links.usable("eth0", True, 0) is True
    assert links.usable("eth0", False, 10) is True
    assert links.deadline_ns == 110
    assert links.due(109) == set()
    assert links.due(110) == {"eth0"}
    assert links.usable("eth0", False, 110) is False
    assert links.deadline_ns is None
    assert links.usable("eth0", True, 200) is False
    assert links.usable("eth0", True, 250) is True


def test_what_is_undone_has_never_been() -> None:
    links = delays()
    links.usable("eth0", True, 0)
    assert links.usable("eth0", False, 10) is True
    assert links.usable("eth0", True, 60) is True
    assert links.deadline_ns is None
    assert links.usable("eth0", False, 70) is True
    assert links.deadline_ns == 170


def test_the_first_time_and_a_link_that_is_deleted_count_at_once() -> None:
    links = delays()
    assert links.usable("eth0", False, 0) is False
    assert links.usable("eth0", True, 1) is True
    assert links.usable("eth0", None, 2) is None
    assert links.usable("eth0", True, 3) is True


def test_a_snapshot_tells_what_counts_since_when_and_until_when() -> None:
    links = delays()
    links.usable("eth0", True, 5)
    links.usable("eth1", None, 6)
    links.usable("eth0", False, 10)
    assert links.snapshots() == (LinkSnapshot("eth0", True, 5, 110), LinkSnapshot("eth1", None, 6))
    links.usable("eth0", False, 110)
    links.usable("eth1", True, 111)
    assert links.snapshots() == (LinkSnapshot("eth0", False, 110), LinkSnapshot("eth1", True, 111))


def test_only_one_of_them_may_be_delayed() -> None:
    links = delays(down_ns=0)
    links.usable("eth0", True, 0)
    assert links.usable("eth0", False, 1) is False
    assert links.usable("eth0", True, 2) is False
    assert links.usable("eth0", True, 52) is True


def test_others_are_as_they_are() -> None:
    assert [delays().usable("eth1", state, 0) for state in (True, False, None)] == [True, False, None]


def test_a_reload_without_delays_lets_everything_count() -> None:
    links = delays()
    links.usable("eth0", True, 0)
    links.usable("eth0", False, 1)
    links.configure([], 2)
    assert links.due(2) == {"eth0"}
    assert links.usable("eth0", False, 2) is False
    assert links.deadline_ns is None
    assert links.usable("eth0", True, 3) is True


def test_a_reload_with_a_shorter_delay_shortens_what_waits() -> None:
    links = delays(100, 100)
    links.usable("eth0", True, 0)
    links.usable("eth0", False, 10)
    links.configure([LinkDelay(interface="eth0", down_ns=500, up_ns=1)], 20)
    assert links.deadline_ns == 110
    links.configure([LinkDelay(interface="eth0", down_ns=20, up_ns=1)], 30)
    assert links.deadline_ns == 50
    assert links.usable("eth0", False, 50) is False
    links.configure([LinkDelay(interface="eth0", down_ns=20, up_ns=100)], 60)
    links.usable("eth0", True, 60)
    links.configure([LinkDelay(interface="eth0", down_ns=20, up_ns=5)], 70)
    assert links.deadline_ns == 75


@given(
    st.integers(0, 3),
    st.integers(0, 3),
    st.lists(st.tuples(st.sampled_from([True, False, None]), st.integers(0, 5))),
    st.sampled_from([True, False, None]),
)
def test_in_the_end_it_is_as_the_link_is(
    down_ns: int, up_ns: int, story: list[tuple[bool | None, int]], last: bool | None
) -> None:
    links, now = delays(down_ns, up_ns), 0
    for state, pause in story:
        links.usable("eth0", state, now)
        now += pause
    links.usable("eth0", last, now)
    now += 3
    assert links.usable("eth0", last, now) is last
    assert links.deadline_ns is None
