"""Which scripts the worker owes."""

from __future__ import annotations

from alived.config.model import Config, Instance, SyncGroup
from alived.daemon.parent.owed import MAX_DELIVERIES, Owed
from alived.daemon.shared.messages import ScriptsRan, Transition
from alived.hooks.config import NotifyScripts, Script
from alived.vip.config import VipGroup
from alived.vrrp.config import State, VrrpInstance, VrrpSyncGroup

SCRIPTS = NotifyScripts(notify=Script(argv=("/n",)))


def instance(name: str, notify: NotifyScripts) -> Instance:
    return Instance(
        vrrp=VrrpInstance(name=name, interface="x", virtual_router_id=1), vips=VipGroup(name=name), notify=notify
    )


CONFIG = Config(
    instances=(instance("with", SCRIPTS), instance("without", NotifyScripts())),
    sync_groups=(SyncGroup(vrrp=VrrpSyncGroup(name="group", members=("with",)), notify=SCRIPTS),),
)


def change(name: str, time_ns: int, kind: str = "INSTANCE") -> Transition:
    return Transition(
        kind=kind,
        name=name,
        old=State.BACKUP,
        new=State.MASTER,
        priority=1,
        reason="r",
        evidence=(),
        time_ns=time_ns,
        wall_time=0.0,
    )


def test_only_what_has_scripts_goes_to_the_worker() -> None:
    owed = Owed(CONFIG)
    assert owed.add(change("with", 1))
    assert owed.add(change("group", 1, "GROUP"))
    assert not owed.add(change("without", 1))
    assert not owed.add(change("group", 1))


def test_the_newest_unpaid_state_of_each_object_is_delivered_again() -> None:
    owed = Owed(CONFIG)
    owed.add(change("with", 1))
    owed.add(change("with", 5))
    owed.add(change("group", 3, "GROUP"))
    owed.paid(ScriptsRan(kind="INSTANCE", name="with", time_ns=1))
    assert owed.deliver_again() == ([change("group", 3, "GROUP"), change("with", 5)], [])
    owed.paid(ScriptsRan(kind="INSTANCE", name="with", time_ns=5))
    owed.paid(ScriptsRan(kind="INSTANCE", name="with", time_ns=5))
    assert owed.deliver_again() == ([change("group", 3, "GROUP")], [])


def test_scripts_that_outlive_too_many_workers_are_given_up() -> None:
    owed = Owed(CONFIG)
    owed.add(change("with", 1))
    for _ in range(MAX_DELIVERIES - 1):
        assert owed.deliver_again() == ([change("with", 1)], [])
    assert owed.deliver_again() == ([], [change("with", 1)])
    assert owed.deliver_again() == ([], [])


def test_a_deleted_object_still_has_its_scripts() -> None:
    owed = Owed(CONFIG)
    owed.configure(Config(instances=(instance("new", SCRIPTS),)))
    assert owed.add(change("with", 1)) and owed.add(change("new", 1))
