"""Hooks between the election of a VRRP instance and its addresses, on a kernel."""

from __future__ import annotations

from contextlib import AbstractContextManager

import pytest

from alived.config.model import Instance
from alived.daemon.shared.hook_facts import OF_DAEMON
from alived.daemon.shared.messages import HookDue
from alived.owner import HookEvent
from alived.vrrp.config import State
from tests.daemon.engine.engine_play import instance
from tests.daemon.engine.owned_play import OwnedPlay, hook, owned_config, owning
from tests.daemon.engine.test_engine import adverts_in, change
from tests.segment import Segment, addresses_of, drain, heard_until

pytestmark = pytest.mark.lab

VIP = "192.0.2.100"
A = instance("A", 51, VIP)
BACKUP_FIRST = change(A, priority=100)
OF_INSTANCES = tuple(event for event in HookEvent if event not in OF_DAEMON)
AROUND = [hook(event) for event in OF_INSTANCES]


def playing(*instances: Instance, events: tuple[HookEvent, ...] = OF_INSTANCES) -> AbstractContextManager[OwnedPlay]:
    return owning(instances=instances, hooks=[hook(event) for event in events])


def order(play: OwnedPlay) -> list[HookEvent]:
    return [due.event for due in play.of(HookDue)]


def test_hooks_stand_around_the_addresses_of_a_master(segment: Segment) -> None:
    heard = segment.other_frames()
    with playing(BACKUP_FIRST) as play:
        first = play.due(HookEvent.TO_SLAVE)
        assert (first.kind, first.name, first.vips, first.interface) == ("INSTANCE", "A", (f"{VIP}/32",), "eth0")
        due = play.due(HookEvent.BEFORE_BIND)
        assert (due.old, due.new, due.priority, due.term) == (State.BACKUP, State.MASTER, 100, 0)
        play.turn_for(0.3)
        assert f"{VIP}/32" not in addresses_of("eth0")
        heard_until(heard, adverts_in)  # it is MASTER, and nobody else becomes it while it asks
        play.end(HookEvent.BEFORE_BIND)
        play.until_bound(f"{VIP}/32")
        play.end(HookEvent.AFTER_BIND)
        play.end(HookEvent.TO_MASTER)
        play.reload(owned_config(hooks=AROUND))
        play.due(HookEvent.AFTER_UNBIND)
        assert f"{VIP}/32" not in addresses_of("eth0")
        assert order(play) == [
            HookEvent.TO_SLAVE,
            HookEvent.BEFORE_BIND,
            HookEvent.AFTER_BIND,
            HookEvent.TO_MASTER,
            HookEvent.BEFORE_UNBIND,
            HookEvent.TO_SLAVE,
            HookEvent.AFTER_UNBIND,
        ]


def test_the_last_hooks_are_due_before_the_engine_ends(segment: Segment) -> None:
    with playing(A, events=(HookEvent.TO_SLAVE, HookEvent.AFTER_UNBIND)) as play:
        play.until_bound(f"{VIP}/32")
        play.stop()
        assert order(play) == [HookEvent.TO_SLAVE, HookEvent.AFTER_UNBIND]
        assert play.of(HookDue)[-1].new is State.INIT


def test_a_veto_is_a_fault_with_a_back_off(segment: Segment) -> None:
    with playing(A, events=(HookEvent.BEFORE_BIND,)) as play:
        play.end(HookEvent.BEFORE_BIND, "check.sh ended with status 1")
        shown = play.show("A")
        reason = "before_bind hooks: check.sh ended with status 1; no candidate for 5 s"
        assert (shown.state, shown.reason) == (State.FAULT, reason)
        assert shown.faults == (("hooks", reason),)
        assert f"{VIP}/32" not in addresses_of("eth0")
        play.until_state("A", State.MASTER)
        assert len([event for event in order(play) if event is HookEvent.BEFORE_BIND]) == 2


def test_a_failed_hook_takes_the_master_down(segment: Segment) -> None:
    with playing(A, events=(HookEvent.TO_MASTER,)) as play:
        play.until_bound(f"{VIP}/32")
        play.end(HookEvent.TO_MASTER, "on-master.sh did not end")
        assert play.state("A") is State.FAULT
        play.until_gone(f"{VIP}/32")


def test_one_that_loses_the_election_while_it_asks_binds_nothing(segment: Segment) -> None:
    with playing(A, events=(HookEvent.BEFORE_BIND,)) as play:
        play.due(HookEvent.BEFORE_BIND)
        segment.plug(False)
        play.until_state("A", State.FAULT)
        play.end(HookEvent.BEFORE_BIND)
        play.turn_for(0.1)
        assert f"{VIP}/32" not in addresses_of("eth0")


def test_after_unbind_waits_for_the_kernel(segment: Segment) -> None:
    with playing(A, events=(HookEvent.AFTER_UNBIND,)) as play:
        play.until_bound(f"{VIP}/32")
        segment.plug(False)
        play.until_state("A", State.FAULT)
        play.due(HookEvent.AFTER_UNBIND)
        assert f"{VIP}/32" not in addresses_of("eth0")


def test_hooks_that_a_reload_brings_run_for_what_comes(segment: Segment) -> None:
    with owning(instances=[A]) as play:
        play.until_bound(f"{VIP}/32")
        play.reload(owned_config(instances=[A], hooks=AROUND))
        assert play.of(HookDue) == []
        assert play.state("A") is State.MASTER
        segment.plug(False)
        play.due(HookEvent.AFTER_UNBIND)
        assert order(play) == [HookEvent.BEFORE_UNBIND, HookEvent.TO_SLAVE, HookEvent.AFTER_UNBIND]


def test_hooks_that_a_reload_takes_away_run_no_more(segment: Segment) -> None:
    with playing(A, events=(HookEvent.TO_SLAVE,)) as play:
        play.until_bound(f"{VIP}/32")
        play.reload(owned_config(instances=[A]))
        segment.plug(False)
        play.until_gone(f"{VIP}/32")
        assert play.of(HookDue) == []


def test_a_hook_of_the_daemon_itself_is_none_of_an_instance(segment: Segment) -> None:
    with playing(A, events=OF_DAEMON) as play:
        play.ready_ended()
        play.until_bound(f"{VIP}/32")
        assert play.engine._wiring.instances.routers["A"].hooks is None


def test_nobody_is_master_before_to_ready_has_ended(segment: Segment) -> None:
    """A script that clears up what a crash left behind would take away what ToMaster has just bound."""
    heard = segment.other_frames()
    with playing(A, events=(HookEvent.TO_READY,)) as play:
        play.turn_for(0.2)
        shown = play.show("A")
        assert (shown.state, shown.reason) == (State.INIT, "waits for the end of the hook ToReady")
        assert adverts_in(drain(heard)) == []
        play.ready_ended()
        play.until_bound(f"{VIP}/32")


def test_an_outcome_for_nobody_changes_nothing(segment: Segment) -> None:
    with playing(A, events=(HookEvent.TO_MASTER,)) as play:
        play.until_bound(f"{VIP}/32")
        due = play.due(HookEvent.TO_MASTER)
        play.reload(owned_config(instances=[instance("B", 52, VIP)], hooks=AROUND))
        play.sent.append(due)
        play.end(HookEvent.TO_MASTER, "too late")
        assert play.state("B") is State.MASTER
