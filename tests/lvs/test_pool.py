"""Pools by example: keepalived's rules (check/ipwrapper.c), a test each."""

from __future__ import annotations

import pytest

from alived.lvs.pool_events import DaemonStops, PoolDropped, PoolStarted
from tests.lvs.pool_play import SORRY, Play, config, member

TWO = (member("a", "a/1"), member("b", "b/1"))


def test_real_servers_begin_as_up_and_the_quorum_is_gained_at_once() -> None:
    play = Play(config(*TWO))
    assert play.started == ["gained"]
    assert play.reasons == ["the weights of the real servers that are up sum to 2, enough for quorum 1: at the start"]
    assert play.ipvs == {"a": 1, "b": 1}


def test_a_server_without_a_check_is_up() -> None:
    play = Play(config(member("a")))
    assert play.ipvs == {"a": 1}
    assert play.pool.snapshot().servers[0].reason == "it has no check"


def test_with_rs_init_notifies_each_of_them_is_told() -> None:
    play = Play(config(*TWO, rs_init_notifies=True))
    assert play.started == ["up a", "up b", "gained"]
    assert play.effects[1].at_start  # type: ignore[union-attr]


def test_a_server_is_down_as_soon_as_a_check_fails_and_up_when_none_does() -> None:
    play = Play(config(member("a", "a/1", "a/2"), member("b")))
    assert play.fails("a/1") == ["down a"]
    assert play.reasons == ["a/1 failed"]
    assert play.ipvs == {"b": 1}
    assert play.fails("a/2") == ["check a"]
    assert play.succeeds("a/1") == ["check a"]
    assert play.ipvs == {"b": 1}
    assert play.succeeds("a/2") == ["up a"]
    assert play.ipvs == {"a": 1, "b": 1}


def test_a_verdict_that_says_nothing_new_changes_nothing() -> None:
    play = Play(config(*TWO))
    assert (play.succeeds("a/1"), play.effects) == ([], [])
    assert play.fails("a/1") == ["down a"]
    assert (play.fails("a/1"), play.effects) == ([], [])


def test_inhibit_on_failure_is_weight_0() -> None:
    play = Play(config(member("a", "a/1", inhibit_on_failure=True), member("b")))
    play.fails("a/1")
    assert play.ipvs == {"a": 0, "b": 1}


class TestAlpha:
    """A server is not in the pool before all its checks have succeeded."""

    def test_it_begins_down_and_nobody_is_told(self) -> None:
        play = Play(config(member("a", "a/1", "a/2", alpha=True)))
        assert (play.started, play.ipvs) == ([], {})
        assert play.succeeds("a/1") == ["check a"]
        assert play.succeeds("a/2") == ["up a", "gained"]
        assert play.ipvs == {"a": 1}

    def test_when_a_check_has_failed_it_is_told_to_be_down_once(self) -> None:
        play = Play(config(member("a", "a/1", "a/2", alpha=True)))
        assert play.fails("a/1") == ["down a"]
        assert play.fails("a/2") == ["check a"]
        assert play.fails("a/1") == []

    def test_with_inhibit_on_failure_it_is_there_with_weight_0(self) -> None:
        assert Play(config(member("a", "a/1", alpha=True, inhibit_on_failure=True))).ipvs == {"a": 0}

    def test_its_reason_names_what_it_waits_for(self) -> None:
        snapshot = Play(config(member("a", "a/1", "a/2", alpha=True))).pool.snapshot()
        assert snapshot.servers[0].reason == "a/1 has not succeeded yet (alpha); 1 more of its checks failed"
        assert snapshot.reason == "no real server with a weight is up: at the start"


class TestQuorum:
    """Gained at quorum + hysteresis, lost below quorum - hysteresis."""

    def test_hysteresis(self) -> None:
        members = [member(name, f"{name}/1") for name in "abcde"]
        play = Play(config(*members, quorum=3, hysteresis=1))
        assert play.started == ["gained"]
        assert [play.fails(f"{name}/1") for name in "abc"] == [["down a"], ["down b"], ["down c"]]
        assert play.fails("d/1") == ["down d", "lost"]
        assert play.reasons[1] == (
            "the weights of the real servers that are up sum to 1, which is below quorum 3 - hysteresis 1 = 2: "
            "d is down, d/1 failed"
        )
        assert [play.succeeds(f"{name}/1") for name in "abc"] == [["up a"], ["up b"], ["up c", "gained"]]
        assert play.reasons[1] == (
            "the weights of the real servers that are up sum to 4, enough for quorum 3 + hysteresis 1 = 4: "
            "c is up, c/1 succeeded"
        )

    def test_without_a_sorry_server_those_that_are_left_stay(self) -> None:
        play = Play(config(*TWO, quorum=2))
        assert play.fails("a/1") == ["down a", "lost"]
        assert play.ipvs == {"b": 1}

    def test_a_weight_of_0_is_none(self) -> None:
        assert Play(config(member("a", weight=0))).started == []

    def test_below_it_at_the_start_is_told_only_if_a_sorry_server_is_needed(self) -> None:
        assert Play(config(member("a", "a/1", alpha=True))).started == []
        play = Play(config(member("a", "a/1", alpha=True), sorry_server=SORRY))
        assert (play.started, play.ipvs) == (["lost"], {"sorry": 1})


class TestSorryServer:
    def test_it_serves_instead_of_those_that_are_left(self) -> None:
        play = Play(config(*TWO, quorum=2, sorry_server=SORRY))
        assert play.ipvs == {"a": 1, "b": 1}
        assert play.fails("a/1") == ["down a", "lost"]
        assert play.ipvs == {"sorry": 1}
        assert play.fails("b/1") == ["down b"]
        assert play.succeeds("b/1") == ["up b"]
        assert play.ipvs == {"sorry": 1}
        assert play.succeeds("a/1") == ["up a", "gained"]
        assert play.ipvs == {"a": 1, "b": 1}

    def test_inhibited_ones_stay_with_weight_0(self) -> None:
        inhibited = [member(name, f"{name}/1", inhibit_on_failure=True) for name in "ab"]
        play = Play(config(*inhibited, quorum=2, sorry_server=SORRY))
        play.fails("a/1")
        assert play.ipvs == {"a": 0, "b": 0, "sorry": 1}

    def test_one_that_is_inhibited_waits_with_weight_0(self) -> None:
        waiting = type(SORRY)(endpoint=SORRY.endpoint, family=SORRY.family, inhibit=True)
        play = Play(config(*TWO, sorry_server=waiting))
        assert play.ipvs == {"a": 1, "b": 1, "sorry": 0}

    def test_one_that_is_a_real_server_too_is_there_once(self) -> None:
        twin = type(SORRY)(endpoint=TWO[0].server.endpoint, family=SORRY.family, inhibit=True)
        play = Play(config(*TWO, sorry_server=twin))
        assert play.ipvs == {"a": 1, "b": 1}
        play.fails("a/1")
        play.fails("b/1")
        assert play.ipvs == {"a": 1}


class TestWeights:
    def test_misc_dynamic_takes_the_place_of_its_own(self) -> None:
        play = Play(config(member("a", "a/1", weight=5), member("b")))
        assert play.succeeds("a/1", weight=9) == ["weight a"]
        assert play.reasons == ["weight 5 -> 9: a/1 succeeded"]
        assert play.ipvs == {"a": 9, "b": 1}
        assert play.succeeds("a/1", weight=0) == ["weight a"]
        assert play.ipvs == {"a": 0, "b": 1}
        assert play.succeeds("a/1") == ["weight a"]
        assert play.ipvs == {"a": 5, "b": 1}

    def test_a_file_adds_to_it(self) -> None:
        play = Play(config(member("a", "a/1", "a/2", weight=5)))
        play.succeeds("a/1", adds=10)
        assert play.succeeds("a/2", adds=-3) == ["weight a"]
        assert play.ipvs == {"a": 12}
        assert play.succeeds("a/2", adds=-30) == ["weight a", "lost"]
        assert play.ipvs == {"a": 0}

    def test_a_check_that_has_failed_weighs_nothing(self) -> None:
        play = Play(config(member("a", "a/1", weight=5), member("b")))
        play.succeeds("a/1", weight=9)
        assert play.fails("a/1", weight=9) == ["down a"]
        assert play.pool.snapshot().servers[0].weight == 5
        assert play.succeeds("a/1", weight=7) == ["up a"]
        assert play.ipvs == {"a": 7, "b": 1}

    def test_the_quorum_is_of_weights(self) -> None:
        play = Play(config(member("a", "a/1", weight=5), quorum=3))
        assert play.succeeds("a/1", weight=2) == ["weight a", "lost"]
        assert play.succeeds("a/1", weight=3) == ["weight a", "gained"]


class TestFiles:
    """A pool begins when all files have been looked at, so that nothing is up for a moment only."""

    def test_it_waits_for_the_first_look(self) -> None:
        play = Play(config(member("a", "a/1", told_at_once=True), *TWO[1:]))
        assert (play.started, play.ipvs) == ([], {})
        assert not play.pool.snapshot().started
        assert play.fails("b/1") == []
        assert play.fails("a/1") == []
        assert play.pool.snapshot().reason == "no real server with a weight is up: at the start"
        assert play.succeeds("a/1", adds=3) == ["up a", "gained"]
        assert play.ipvs == {"a": 4}


@pytest.mark.parametrize(("omega", "said"), [(False, []), (True, ["down b", "lost"])])
def test_the_stop_of_the_daemon(omega: bool, said: list[str]) -> None:
    play = Play(config(*TWO, omega=omega))
    play.fails("a/1")
    assert play.step(DaemonStops()) == said
    assert play.ipvs == {}


def test_with_omega_the_loss_of_a_quorum_that_was_lost_is_told_again() -> None:
    play = Play(config(*TWO, quorum=2, omega=True))
    assert play.fails("a/1") == ["down a", "lost"]
    assert play.step(DaemonStops()) == ["down b", "lost"]
    assert play.reasons == ["the daemon stops", "the daemon stops"]


def test_a_virtual_server_that_a_reload_removes() -> None:
    play = Play(config(*TWO, quorum=2))
    assert play.step(PoolDropped()) == ["down a", "down b", "lost"]
    assert play.ipvs == {}
    lost = Play(config(*TWO, quorum=2))
    lost.fails("a/1")
    assert lost.step(PoolDropped()) == ["down b"]


def test_it_waits_to_be_started() -> None:
    play = Play(config(*TWO), started=False)
    assert play.ipvs == {}
    assert play.step(PoolStarted()) == ["gained"]
