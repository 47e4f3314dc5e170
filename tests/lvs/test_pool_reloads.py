"""What a reload changes in a pool, and what it leaves alone."""

from __future__ import annotations

from alived.lvs.pool_events import PoolConfig, PoolReconfigured
from tests.lvs.pool_play import SORRY, Play, config, member

A, B, C = (member(name, f"{name}/1") for name in "abc")


def reload(play: Play, settings: PoolConfig) -> list[str]:
    return play.step(PoolReconfigured(settings))


def test_what_stays_keeps_its_state() -> None:
    play = Play(config(A, B))
    play.fails("a/1")
    assert reload(play, config(B, A)) == []
    assert play.ipvs == {"b": 1}
    assert play.succeeds("a/1") == ["up a"]


def test_a_server_that_is_gone_is_told_to_be_down_if_it_was_up() -> None:
    play = Play(config(A, B, C))
    play.fails("b/1")
    assert reload(play, config(C)) == ["down a"]
    assert play.reasons == ["a reload has removed it"]
    assert play.ipvs == {"c": 1}


def test_a_new_server_begins_as_at_the_start() -> None:
    play = Play(config(A))
    assert reload(play, config(A, B, member("c", "c/1", alpha=True))) == []
    assert play.ipvs == {"a": 1, "b": 1}
    assert play.succeeds("c/1") == ["up c"]


def test_a_new_server_with_a_file_waits_for_the_first_look() -> None:
    play = Play(config(A))
    assert reload(play, config(A, member("b", "b/1", told_at_once=True))) == []
    assert play.ipvs == {"a": 1}
    assert reload(play, config(A, member("b", "b/1", told_at_once=True, weight=2))) == []
    assert play.succeeds("b/1", adds=2) == []
    assert play.ipvs == {"a": 1, "b": 4}


def test_a_new_check_with_alpha_takes_nothing_down_that_is_up() -> None:
    play = Play(config(A))
    assert reload(play, config(member("a", "a/1", "a/2", alpha=True))) == []
    assert play.ipvs == {"a": 1}
    assert play.fails("a/2") == ["down a", "lost"]


def test_a_new_check_with_alpha_of_a_server_that_is_down_must_succeed_too() -> None:
    play = Play(config(A, B))
    play.fails("a/1")
    reload(play, config(member("a", "a/1", "a/2", alpha=True), B))
    assert play.succeeds("a/1") == ["check a"]
    assert play.succeeds("a/2") == ["up a"]


def test_without_the_check_that_failed_it_is_up() -> None:
    play = Play(config(member("a", "a/1", "a/2"), B))
    play.fails("a/2")
    assert reload(play, config(A, B)) == ["up a"]
    assert play.reasons == ["a reload has changed its checks: none of its checks has failed"]


def test_weights_and_the_quorum_are_judged_anew() -> None:
    play = Play(config(A, B))
    assert reload(play, config(member("a", "a/1", weight=3), B, quorum=3)) == ["weight a"]
    assert play.reasons == ["weight 1 -> 3: a reload has changed it"]
    assert reload(play, config(member("a", "a/1", weight=3), B, quorum=5)) == ["lost"]
    assert reload(play, config(member("a", "a/1", weight=3), B, quorum=4)) == ["gained"]
    assert play.reasons[0].endswith(": after a reload")


def test_a_weight_by_misc_dynamic_stays() -> None:
    play = Play(config(A))
    play.succeeds("a/1", weight=7)
    assert reload(play, config(member("a", "a/1", weight=3))) == []
    assert play.ipvs == {"a": 7}


def test_a_sorry_server_that_comes_where_the_quorum_is_lost_is_told_of() -> None:
    play = Play(config(A))
    play.fails("a/1")
    assert reload(play, config(A, sorry_server=SORRY)) == ["lost"]
    assert play.ipvs == {"sorry": 1}
    assert reload(play, config(A, sorry_server=SORRY)) == []


def test_a_sorry_server_that_goes_leaves_those_that_are_up() -> None:
    play = Play(config(A, B, quorum=2, sorry_server=SORRY))
    play.fails("a/1")
    assert play.ipvs == {"sorry": 1}
    assert reload(play, config(A, B, quorum=2)) == []
    assert play.ipvs == {"b": 1}


def test_a_pool_that_still_waits_for_a_file_need_not_wait_without_it() -> None:
    play = Play(config(member("a", "a/1", told_at_once=True)))
    assert reload(play, config(A)) == ["gained"]
    assert play.ipvs == {"a": 1}
