"""Hooks through the parent: who is told what, and how long the end may take."""

from __future__ import annotations

import pytest

from alived.base import NS_PER_S
from alived.config.model import Config, RaftGroup
from alived.daemon.parent.hook_relay import DIED, MAX_CLOSE_LIMIT_NS, HookRelay, close_limit_ns
from alived.daemon.parent.owed import MAX_DELIVERIES
from alived.daemon.shared.messages import BusMessage, HookDue, HookOutcome, HookRan
from alived.hooks.config import Hook, HookEvent, OnFailure, Script
from alived.raft.config import RaftInstance
from alived.vip.config import VipGroup, VirtualAddress

READY, DESTROY, MASTER, SLAVE = HookEvent.TO_READY, HookEvent.TO_DESTROY, HookEvent.TO_MASTER, HookEvent.TO_SLAVE
BEFORE_BIND = HookEvent.BEFORE_BIND


def hook(event: HookEvent, timeout_s: int, on_failure: OnFailure = OnFailure.CONTINUE) -> Hook:
    return Hook(event=event, script=Script(argv=("/x",), timeout_ns=timeout_s * NS_PER_S), on_failure=on_failure)


class Play:
    def __init__(self) -> None:
        self.engine: list[BusMessage] = []
        self.worker: list[BusMessage] = []
        self.notes: list[str] = []
        self.aborted: list[str] = []
        self.config = Config(hooks=(hook(BEFORE_BIND, 1, OnFailure.ABORT), hook(MASTER, 1, OnFailure.ABORT)))
        self.relay = HookRelay(
            "x",
            lambda: self.config,
            self.engine.append,
            self.worker.append,
            lambda level, _code, message: self.notes.append(f"{level}: {message}"),
            self.aborted.append,
        )
        self.relay.worker_began()

    def asked(self) -> HookDue:
        """The last that the worker heard."""
        last = self.worker[-1]
        assert isinstance(last, HookDue)
        return last

    def end(self, ok: bool = True, reason: str = "") -> HookOutcome:
        due = self.asked()
        outcome = HookOutcome(
            kind=due.kind,
            name=due.name,
            event=due.event,
            number=due.number,
            ok=ok,
            reason=reason,
            event_id=due.event_id,
        )
        self.relay.ended(outcome)
        return outcome


def due(event: HookEvent, number: int = 0, by_hand: str = "") -> HookDue:
    return HookDue(kind="RAFT", name="web", event=event, number=number, by_hand=by_hand)


def ran(event_id: str) -> HookRan:
    return HookRan(
        run=1,
        kind="RAFT",
        name="web",
        label="ToMaster",
        program="/m",
        event_id=event_id,
        trigger="",
        by_hand=True,
        attempt=1,
        wall_time=1.0,
        duration_ns=5,
        failure="",
        status=0,
        output=(),
    )


@pytest.fixture
def play() -> Play:
    return Play()


def test_there_and_back(play: Play) -> None:
    play.relay.due(due(MASTER, 9))
    assert (play.asked().event, play.asked().event_id) == (MASTER, "x-1")
    assert [one.event for one in play.relay.waiting] == [MASTER]
    outcome = play.end()
    assert play.engine == [outcome]
    assert play.relay.waiting == []


def test_a_dead_worker_is_a_veto_where_the_owner_stands_still(play: Play) -> None:
    play.relay.due(due(BEFORE_BIND, 9))
    play.relay.worker_died()
    (outcome,) = play.engine
    assert isinstance(outcome, HookOutcome) and (outcome.number, outcome.ok, outcome.reason) == (9, False, DIED)


def test_a_dead_worker_is_no_veto_if_a_failure_would_be_none(play: Play) -> None:
    play.config = Config(hooks=(hook(BEFORE_BIND, 1),))
    play.relay.due(due(BEFORE_BIND, 9))
    play.relay.worker_died()
    play.relay.due(due(BEFORE_BIND, 10))
    assert [(one.number, one.ok) for one in play.engine if isinstance(one, HookOutcome)] == [(9, True), (10, True)]


def test_a_dead_worker_costs_no_owner_its_addresses(play: Play) -> None:
    play.relay.due(due(MASTER, 9))
    play.relay.worker_died()
    assert play.engine == []
    play.relay.worker_began()
    assert play.asked().number == 9
    outcome = play.end()
    assert play.engine == [outcome]


def test_what_kills_every_worker_is_a_failure_at_last(play: Play) -> None:
    play.relay.due(due(MASTER, 9))
    for _ in range(MAX_DELIVERIES):
        play.relay.worker_died()
        play.relay.worker_began()
    (outcome,) = play.engine
    assert isinstance(outcome, HookOutcome) and (outcome.number, outcome.ok) == (9, False)
    assert outcome.reason == "outlived 3 of the processes that run hooks"


def test_who_waits_for_what_is_stale_in_the_next_worker_hears_that(play: Play) -> None:
    play.relay.due(due(MASTER, 9))
    play.relay.due(due(SLAVE))
    play.relay.worker_died()
    play.relay.worker_began()
    (outcome,) = play.engine
    assert isinstance(outcome, HookOutcome) and (outcome.number, outcome.superseded) == (9, True)
    assert play.asked().event is SLAVE


def test_what_is_owed_is_delivered_again_and_given_up_at_last(play: Play) -> None:
    play.relay.due(due(SLAVE))
    for _ in range(MAX_DELIVERIES):
        play.relay.worker_died()
        play.relay.worker_began()
    assert len(play.worker) == MAX_DELIVERIES
    assert play.notes == ["error: ToSlave of web outlived 3 workers: given up"]


def test_nothing_is_sent_to_a_worker_that_is_not_there(play: Play) -> None:
    play.relay.worker_died()
    play.relay.due(due(SLAVE))
    assert play.worker == []
    play.relay.worker_began()
    assert play.asked().event is SLAVE


def test_the_daemons_own_events_have_all_addresses(play: Play) -> None:
    vip = VirtualAddress(address="192.0.2.9", prefix_length=24, interface="eth0")
    group = RaftGroup(raft=RaftInstance(name="web"), vips=VipGroup(name="web", addresses=(vip,)))
    play.relay.daemon_event(READY, Config(raft_groups=(group,)), "the daemon is ready")
    asked = play.asked()
    assert (asked.kind, asked.event, asked.vips, asked.reason) == ("", READY, ("192.0.2.9/24",), "the daemon is ready")
    outcome = play.end()
    assert (play.engine, play.aborted) == ([outcome], [])


def test_each_engine_hears_that_to_ready_has_ended(play: Play) -> None:
    play.relay.daemon_event(READY, Config(), "")
    play.relay.engine_died()
    play.relay.engine_began()
    assert play.engine == [], "it has not ended"
    outcome = play.end()
    play.relay.engine_died()
    play.relay.engine_began()
    assert play.engine == [outcome, outcome]


@pytest.mark.parametrize(("on_failure", "ends"), [(OnFailure.CONTINUE, False), (OnFailure.ABORT, True)])
def test_a_to_ready_that_kills_every_worker_is_waited_for_no_more(
    play: Play, on_failure: OnFailure, ends: bool
) -> None:
    play.config = Config(hooks=(hook(READY, 1, on_failure),))
    play.relay.daemon_event(READY, play.config, "")
    for _ in range(MAX_DELIVERIES):
        play.relay.worker_died()
        play.relay.worker_began()
    assert play.notes == ["error: ToReady outlived 3 workers: given up"]
    assert ([one.ok for one in play.engine if isinstance(one, HookOutcome)], bool(play.aborted)) == (
        [] if ends else [True],
        ends,
    )


def test_a_to_ready_that_the_end_overtakes_has_not_failed(play: Play) -> None:
    play.relay.daemon_event(READY, Config(), "")
    asked = play.asked()
    play.relay.ended(
        HookOutcome(kind="", name="", event=READY, number=1, ok=False, superseded=True, event_id=asked.event_id)
    )
    assert (play.engine, play.aborted) == ([], [])


def test_a_start_that_fails_for_good_is_the_end(play: Play) -> None:
    play.relay.daemon_event(READY, Config(), "")
    play.end(ok=False, reason="ToReady ended with status 1 (3 ms)")
    assert play.aborted == [
        "the hook of the start failed, and its on_failure says abort: ToReady ended with status 1 (3 ms)"
    ]
    assert play.engine == []


def test_an_end_that_fails_changes_nothing(play: Play) -> None:
    play.relay.daemon_event(DESTROY, Config(), "")
    play.end(ok=False, reason="x")
    assert (play.engine, play.aborted) == ([], [])


def test_a_destroy_that_kills_every_worker_is_named(play: Play) -> None:
    play.relay.daemon_event(DESTROY, Config(), "")
    for _ in range(MAX_DELIVERIES):
        play.relay.worker_died()
        play.relay.worker_began()
    assert play.notes == ["error: ToDestroy outlived 3 workers: given up"]


def test_by_hand_is_answered_with_its_runs_and_the_engine_hears_nothing(play: Play) -> None:
    heard: list[tuple[HookOutcome, list[HookRan]]] = []
    play.relay.by_hand(due(MASTER, by_hand="/m"), lambda outcome, runs: heard.append((outcome, runs)))
    play.relay.runs.add(ran("other"))
    play.relay.runs.add(ran("x-1"))
    outcome = play.end(ok=False, reason="ended with status 1")
    assert heard == [(outcome, [ran("x-1")])]
    assert play.engine == []


def test_by_hand_without_a_worker_is_refused(play: Play) -> None:
    heard: list[HookOutcome] = []
    play.relay.by_hand(due(MASTER, by_hand="/m"), lambda outcome, _runs: heard.append(outcome))
    play.relay.worker_died()
    play.relay.by_hand(due(MASTER, by_hand="/m"), lambda outcome, _runs: heard.append(outcome))
    assert [one.ok for one in heard] == [False, False]
    assert play.engine == []


def test_a_dead_engine_is_not_answered(play: Play) -> None:
    play.relay.due(due(MASTER, 9))
    play.relay.engine_died()
    play.end()
    assert play.engine == []


@pytest.mark.parametrize(
    ("hooks", "own", "limit_s"),
    [
        ((), (), 5),
        ((hook(MASTER, 50),), (), 5),
        ((hook(SLAVE, 10), hook(DESTROY, 20)), (), 10 + 9 + 20 + 9),
        ((hook(SLAVE, 10),), (hook(SLAVE, 30),), 30 + 9),
        ((hook(SLAVE, 3600),), (), MAX_CLOSE_LIMIT_NS // NS_PER_S),
    ],
    ids=["none", "what takes ends at once", "one after the other", "of a group", "bounded"],
)
def test_the_end_may_take_as_long_as_its_hooks(hooks: tuple[Hook, ...], own: tuple[Hook, ...], limit_s: int) -> None:
    group = RaftGroup(raft=RaftInstance(name="web"), vips=VipGroup(name="web"), hooks=own)
    config = Config(hooks=hooks, raft_groups=(group,))
    assert close_limit_ns(config, 5 * NS_PER_S) == limit_s * NS_PER_S
