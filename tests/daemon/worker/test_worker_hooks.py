"""Real hooks in a worker: what they are told, and their bad days."""

from __future__ import annotations

import hashlib
import hmac
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alived.adapters.loop import Loop
from alived.base import NS_PER_MS, NS_PER_S
from alived.config.model import Config, Instance, RaftGroup
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.messages import (
    BusMessage,
    Configure,
    Configured,
    HookDue,
    HookOutcome,
    HookRan,
    LogLine,
    ScriptsRan,
    Transition,
)
from alived.daemon.worker.worker import Worker
from alived.hooks.config import Hook, HookEvent, NotifyScripts, OnFailure, Script
from alived.owner import State
from alived.raft.config import Cluster, Member, RaftInstance
from alived.vip.config import VipGroup
from alived.vrrp.config import VrrpInstance
from tests.daemon.processes import LIMITS_MS, has_begun

MASTER, SLAVE = HookEvent.TO_MASTER, HookEvent.TO_SLAVE
ENOUGH_NS = 60 * NS_PER_S


class Play:
    """A worker on a loop, what it said, and scripts to write."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.loop = Loop()
        self.sent: list[BusMessage] = []
        self.worker = Worker(ChildContext("worker", self.loop, Config(), self.sent.append))
        self.worker.start()
        self.events = 0
        self.stopped = False

    def write(self, text: str, name: str = "hook.sh") -> Path:
        path = self.directory / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    def hook(
        self,
        text: str,
        event: HookEvent = MASTER,
        on_failure: OnFailure = OnFailure.ABORT,
        timeout_ns: int = ENOUGH_NS,
        **more: object,
    ) -> Hook:
        path = self.write(text, f"{event}.sh")
        script = Script(argv=(str(path),), user=str(more.pop("user", "root")), timeout_ns=timeout_ns)
        return Hook(event=event, script=script, on_failure=on_failure, retry_delay_ns=NS_PER_MS, **more)  # type: ignore[arg-type]

    def configure(self, *hooks: Hook, **more: object) -> None:
        self.worker.handle(Configure(Config(hooks=hooks, **more)))  # type: ignore[arg-type]

    def due(
        self, event: HookEvent = MASTER, number: int = 7, kind: str = "RAFT", name: str = "web", **more: object
    ) -> str:
        self.events += 1
        event_id = f"e{self.events}"
        self.worker.handle(
            HookDue(kind=kind, name=name, event=event, number=number, event_id=event_id, **more)  # type: ignore[arg-type]
        )
        return event_id

    def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            self.loop.call_later(NS_PER_MS, lambda: None)
            self.loop.turn()

    def outcome(self, event_id: str) -> HookOutcome:
        found = [one for one in self.outcomes if one.event_id == event_id]
        if not found:
            self.until(lambda: [one for one in self.outcomes if one.event_id == event_id])
            return self.outcome(event_id)
        (one,) = found
        return one

    @property
    def outcomes(self) -> list[HookOutcome]:
        return [message for message in self.sent if isinstance(message, HookOutcome)]

    @property
    def runs(self) -> list[HookRan]:
        return [message for message in self.sent if isinstance(message, HookRan)]

    @property
    def output(self) -> list[str]:
        return [line.message for line in self.logged("hook-output")]

    def logged(self, code: str) -> list[LogLine]:
        return [line for line in self.sent if isinstance(line, LogLine) and line.code == code]

    def stop(self) -> None:
        if not self.stopped:
            self.stopped = True
            done: list[bool] = []
            self.worker.stop(lambda: done.append(True))
            self.until(lambda: done)
            self.loop.close()


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    if os.geteuid() != 0:
        pytest.skip("scripts are started by root")
    for directory in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        directory.chmod(0o755)  # others may pass
    play = Play(tmp_path)
    yield play
    play.stop()


def raft_group(name: str = "web", **more: object) -> RaftGroup:
    return RaftGroup(raft=RaftInstance(name=name), vips=VipGroup(name=name), **more)  # type: ignore[arg-type]


CLUSTER = Cluster(
    node_id="n1",
    data_dir="/nonexistent",
    members=(Member(id="n1", address="192.0.2.1"), Member(id="n2", address="192.0.2.2")),
    listen_address="192.0.2.1",
)


def group_is_gone(path: Path) -> bool:
    try:
        os.killpg(int(path.read_text()), 0)
    except ProcessLookupError:
        return True
    return False


def test_an_event_is_answered_when_its_hook_has_ended(play: Play) -> None:
    play.configure(play.hook("echo bound; exit 0"), raft_groups=(raft_group(),))
    event_id = play.due(number=42)
    assert play.outcome(event_id) == HookOutcome(
        kind="RAFT", name="web", event=MASTER, number=42, ok=True, event_id=event_id
    )
    assert play.output == ["ToMaster[1]: bound"]
    assert play.logged("hook-output")[0].fields == {"instance": "web"}


def test_an_object_without_hooks_is_answered_at_once(play: Play) -> None:
    play.due()
    assert [one.ok for one in play.outcomes] == [True]


def test_a_group_may_have_hooks_of_its_own(play: Play) -> None:
    everybody = play.hook("echo all")
    script = Script(argv=(str(play.write("echo own", "own")),), user="root")
    own = Hook(event=MASTER, script=script, on_failure=OnFailure.ABORT)
    groups = (raft_group("web"), raft_group("db", hooks=(own,)), raft_group("none", hooks=()))
    play.configure(everybody, raft_groups=groups)
    for name in ("web", "db", "none"):
        play.outcome(play.due(name=name))
    assert sorted(play.output) == ["ToMaster[1]: all", "ToMaster[2]: own"]


def test_instances_of_vrrp_have_them_too(play: Play) -> None:
    vrrp = VrrpInstance(name="VI_1", interface="lo", virtual_router_id=1, version=3)
    play.configure(
        play.hook("echo $ALIVED_KIND $ALIVED_GROUP"), instances=(Instance(vrrp=vrrp, vips=VipGroup(name="VI_1")),)
    )
    play.outcome(play.due(kind="INSTANCE", name="VI_1"))
    assert play.output == ["ToMaster[1]: INSTANCE VI_1"]


def test_the_environment_has_the_state_and_nothing_of_ours(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1")
    own = (("NODE", "{{.NodeID}} at {{.RaftAddr}}"),)
    play.configure(play.hook("exec /usr/bin/env", environment=own), raft_groups=(raft_group(),), cluster=CLUSTER)
    event_id = play.due(
        old=State.BACKUP,
        new=State.MASTER,
        reason="it's elected; $(reboot)",
        priority=7,
        term=3,
        vips=("192.0.2.9/24", "192.0.2.8/24"),
        interface="eth0",
        peers=("n2",),
    )
    play.outcome(event_id)
    found = dict(line.removeprefix("ToMaster[1]: ").split("=", 1) for line in play.output)
    assert {name: found[name] for name in found if name.startswith("ALIVED_") or name == "NODE"} == {
        "ALIVED_KIND": "RAFT",
        "ALIVED_NAME": "web",
        "ALIVED_GROUP": "web",
        "ALIVED_EVENT": "ToMaster",
        "ALIVED_EVENT_ID": event_id,
        "ALIVED_OLD_STATE": "BACKUP",
        "ALIVED_STATE": "MASTER",
        "ALIVED_REASON": "it's elected; $(reboot)",
        "ALIVED_PRIORITY": "7",
        "ALIVED_TERM": "3",
        "ALIVED_VIPS": "192.0.2.9/24 192.0.2.8/24",
        "ALIVED_VIP": "192.0.2.9/24",
        "ALIVED_INTERFACE": "eth0",
        "ALIVED_NODE_ID": "n1",
        "ALIVED_PEERS": "n2",
        "ALIVED_BY_HAND": "",
        "ALIVED_SCRIPT": str(play.directory / "ToMaster.sh"),
        "NODE": "n1 at 192.0.2.1:7946",
    }
    assert found.keys() - {"PWD", "_", "OLDPWD", "SHLVL"} == {
        *(name for name in found if name.startswith("ALIVED_")), "NODE", "PATH", "HOME", "USER", "LOGNAME", "LANG"
    }  # fmt: skip


def test_user_and_group(play: Play) -> None:
    play.configure(play.hook("id -un", user="nobody"), raft_groups=(raft_group(),))
    play.outcome(play.due())
    assert play.output == ["ToMaster[1]: nobody"]


def test_a_run_is_reported(play: Play) -> None:
    play.configure(play.hook("seq 20; exit 3"), raft_groups=(raft_group(),))
    before = time.time()
    event_id = play.due(reason="why")
    outcome = play.outcome(event_id)
    (ran,) = play.runs
    assert (ran.run, ran.label, ran.event_id, ran.trigger, ran.status) == (1, "ToMaster", event_id, "why", 3)
    assert ran.failure == "ended with status 3"
    assert ran.output == tuple(str(number) for number in range(11, 21))
    assert before - 1 <= ran.wall_time <= time.time() + 1
    assert not outcome.ok and outcome.reason.startswith("ToMaster ended with status 3 (")


# -- bad days --


def test_one_that_hangs_ends_with_all_that_it_started(play: Play) -> None:
    pids = play.directory / "pid"
    for limit_ms in LIMITS_MS:
        hangs = play.hook(f"echo $$ > {pids}; sleep 1000 & sleep 1001", timeout_ns=limit_ms * NS_PER_MS)
        play.configure(hangs, raft_groups=(raft_group(),))
        outcome = play.outcome(play.due())
        assert not outcome.ok
        assert f"was ended, because it takes longer than {limit_ms / 1000:g} s" in outcome.reason
        if has_begun(pids):
            break
    play.until(lambda: group_is_gone(pids))


def test_one_that_ignores_sigterm_is_killed(play: Play) -> None:
    begun = play.directory / "begun"
    for limit_ms in LIMITS_MS:
        text = f"trap '' TERM; echo > {begun}; while :; do sleep 0.01; done"
        play.configure(play.hook(text, timeout_ns=limit_ms * NS_PER_MS), raft_groups=(raft_group(),))
        assert not play.outcome(play.due()).ok
        if has_begun(begun):
            break
    assert play.runs[-1].status == -signal.SIGKILL


def test_letting_go_ends_one_that_takes_and_the_last_state_is_what_stays(play: Play) -> None:
    state = play.directory / "state"
    master = play.hook(f"echo master > {state}; echo started; sleep 1000; echo master > {state}")
    play.configure(master, play.hook(f"echo slave > {state}", SLAVE), raft_groups=(raft_group(),))
    first = play.due(MASTER)
    play.until(lambda: play.output)
    last = play.due(SLAVE)
    assert play.outcome(last).ok
    assert play.outcome(first).superseded
    assert state.read_text() == "slave\n"


def test_a_daemon_that_it_leaves_behind_holds_up_nobody(play: Play) -> None:
    play.configure(play.hook("(sleep 1000; echo late) & echo $!"), raft_groups=(raft_group(),))
    assert play.outcome(play.due()).ok
    grandchild = int(play.output[0].removeprefix("ToMaster[1]: "))
    os.kill(grandchild, 0)
    os.killpg(os.getpgid(grandchild), signal.SIGKILL)


def test_a_million_lines_are_counted_not_kept(play: Play) -> None:
    play.configure(play.hook("seq 1000000"), raft_groups=(raft_group(),))
    assert play.outcome(play.due()).ok
    assert len(play.output) == 206
    assert play.output[200:202] == ["ToMaster[1]: (999795 lines left out)", "ToMaster[1]: 999996"]
    assert play.runs[0].output[-6:] == (
        "(999795 lines left out)",
        *(str(number) for number in range(999_996, 1_000_001)),
    )
    assert len(play.runs[0].output) == 10


def test_a_few_lines_too_many_are_all_there(play: Play) -> None:
    play.configure(play.hook("seq 203"), raft_groups=(raft_group(),))
    assert play.outcome(play.due()).ok
    assert play.output == [f"ToMaster[1]: {number}" for number in range(1, 204)]


def test_one_that_vanished_fails_with_a_reason_and_is_tried_again_if_so_said(play: Play) -> None:
    hook = play.hook("exit 0", on_failure=OnFailure.RETRY, retries=100)
    play.configure(hook, raft_groups=(raft_group(),))
    path = Path(hook.script.argv[0])
    path.unlink()
    event_id = play.due()
    play.until(lambda: play.runs)
    assert play.runs[0].failure == f"could not be started: {path}: No such file or directory"
    assert play.runs[0].status is None
    play.write("exit 0", path.name)
    assert play.outcome(event_id).ok


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.chmod(0o644), "is not executable"),
        (lambda path: path.chmod(0o777), "can be changed by others than root"),
        (lambda path: os.chown(path, 1, 1), "belongs to daemon, not to root"),
    ],
    ids=["not executable", "writable for all", "somebody else's"],
)
def test_one_that_is_not_safe_does_not_run(play: Play, spoil: Callable[[Path], None], reason: str) -> None:
    hook = play.hook("echo ran")
    spoil(Path(hook.script.argv[0]))
    play.configure(hook, raft_groups=(raft_group(),))
    (warning,) = play.logged("hook-not-runnable")
    assert reason.split(",")[0] in warning.message, "it is said when the configuration is taken"
    outcome = play.outcome(play.due())
    assert not outcome.ok and reason.split(",")[0] in outcome.reason
    assert play.output == []


def test_another_content_than_the_pinned_one_does_not_run(play: Play) -> None:
    content = (play.write("echo ran", "ToMaster.sh")).read_bytes()
    hook = play.hook("echo ran", sha256=hashlib.sha256(content).hexdigest())
    play.configure(hook, raft_groups=(raft_group(),))
    assert play.outcome(play.due()).ok
    play.write("echo changed", "ToMaster.sh")
    outcome = play.outcome(play.due())
    assert not outcome.ok and "has another content than its sha256 says" in outcome.reason
    assert play.output == ["ToMaster[1]: ran"]


def test_a_key_file_that_is_open_to_others_pins_nothing(play: Play) -> None:
    key = play.directory / "key"
    key.write_text("sixteen bytes or so\n")
    key.chmod(0o600)
    content = (play.write("echo ran", "ToMaster.sh")).read_bytes()
    digest = hmac.new(b"sixteen bytes or so", content, "sha256").hexdigest()
    play.configure(play.hook("echo ran", hmac=digest, hmac_key=str(key)), raft_groups=(raft_group(),))
    assert play.outcome(play.due()).ok
    key.chmod(0o644)
    outcome = play.outcome(play.due())
    assert not outcome.ok and f"key file {key} is open to others" in outcome.reason


def test_a_failure_that_does_not_matter(play: Play) -> None:
    play.configure(play.hook("exit 1", on_failure=OnFailure.CONTINUE), raft_groups=(raft_group(),))
    assert play.outcome(play.due()).ok
    assert play.runs[0].failure == "ended with status 1"


# -- by hand, at the end, after a reload --


def test_by_hand_runs_the_one_that_is_named(play: Play) -> None:
    hook = play.hook("echo by hand: $ALIVED_BY_HAND; exit 5", on_failure=OnFailure.RETRY)
    play.configure(hook, raft_groups=(raft_group(),))
    assert play.outcome(play.due(by_hand="/other")).ok, "none has that program"
    assert not play.outcome(play.due(by_hand=hook.script.argv[0])).ok
    assert play.output == ["ToMaster[1]: by hand: 1"]
    assert [(ran.by_hand, ran.status) for ran in play.runs] == [(True, 5)]


def test_the_end_waits_for_what_is_due_and_then_for_destroy(play: Play) -> None:
    order = play.directory / "order"
    play.configure(
        play.hook(f"sleep 0.2; echo slave >> {order}", SLAVE),
        play.hook(f"echo destroy >> {order}", HookEvent.TO_DESTROY),
        raft_groups=(raft_group(),),
    )
    play.due(SLAVE)
    play.due(HookEvent.TO_DESTROY, kind="", name="")
    play.stop()
    assert order.read_text() == "slave\ndestroy\n"


def test_what_a_reload_deleted_still_lets_go(play: Play) -> None:
    play.configure(play.hook("echo slave", SLAVE), raft_groups=(raft_group(),))
    play.configure()
    assert [message for message in play.sent if isinstance(message, Configured)] == [Configured(changes=())] * 2
    play.outcome(play.due(SLAVE))
    assert play.output == ["ToSlave[1]: slave"]


def test_groups_of_raft_have_notify_scripts(play: Play) -> None:
    notify = NotifyScripts(notify=Script(argv=(str(play.write('echo "$@"')),), user="root"))
    play.configure(raft_groups=(raft_group(notify=notify),))
    play.worker.handle(
        Transition(
            kind="RAFT",
            name="web",
            old=State.BACKUP,
            new=State.MASTER,
            priority=100,
            reason="elected",
            evidence=(),
            time_ns=5,
            wall_time=0.0,
        )
    )
    play.until(lambda: play.runs)
    assert play.output == ["notify[1]: RAFT web MASTER 100"]
    assert ScriptsRan(kind="RAFT", name="web", time_ns=5) in play.sent
    assert (play.runs[0].event_id, play.runs[0].trigger) == ("", "elected")
