"""What the processes say to each other over the bus: the parent is the hub, each child has one stream to it."""

from __future__ import annotations

import msgspec

from alived.config.model import Config
from alived.health.check_events import CheckSnapshot
from alived.health.check_report import CheckReport
from alived.health.script_events import ScriptSnapshot
from alived.health.tracker_events import LinkSnapshot, TrackerSnapshot
from alived.health.trackers_config import TrackerKind
from alived.hooks.config import HookEvent
from alived.hooks.events import Kind, Word
from alived.notify.news import News
from alived.notify.outbox_events import OutboxSnapshot
from alived.notify.pipe_lines import PipeSnapshot
from alived.raft.member_events import Command, MemberSnapshot
from alived.vip.events import VipSnapshot
from alived.vip.ownership_events import OwnershipSnapshot
from alived.vrrp.config import State
from alived.vrrp.events import InstanceSnapshot


class Message(msgspec.Struct, frozen=True, tag=True):
    """Base of what crosses the bus."""


class Configure(Message, frozen=True, tag=True):
    """Parent to child: this is the configuration now (a validated one)."""

    config: Config


class Configured(Message, frozen=True, tag=True):
    """Child to parent: it took the new configuration; `changes` says what it did, a line each."""

    changes: tuple[str, ...]


class SnapshotRequest(Message, frozen=True, tag=True):
    request_id: int


class GroupSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A sync group: its state is that of all its members, or FAULT."""

    name: str
    state: State
    since_ns: int
    reason: str
    members: tuple[str, ...]


class EngineSnapshot(Message, frozen=True, tag=True, kw_only=True):
    """Engine to parent: everything it knows at `now_ns`."""

    request_id: int
    now_ns: int
    instances: tuple[InstanceSnapshot, ...]
    vips: tuple[VipSnapshot, ...]
    groups: tuple[GroupSnapshot, ...]
    raft_groups: tuple[OwnershipSnapshot, ...] = ()
    """Groups whose owner is elected by Raft; their addresses are in `vips` as `raft_instance NAME`"""
    bound_by_hooks: dict[str, tuple[str, ...]] = {}
    """By group whose hooks bind: which of its addresses are there, ADDRESS/LENGTH dev NAME as the configuration says"""
    links: tuple[LinkSnapshot, ...] = ()
    """That somebody tracks, or has tracked"""
    receive_errors: dict[str, int]
    """Adverts not accepted, by reason (names of RFC 9568 / ietf-vrrp where there is one)."""
    lateness_max_ns: int
    """Latest that a timer ran since the last snapshot."""
    scheduling: str
    """"SCHED_RR 1" or "normal (reason)"."""


class Transition(Message, frozen=True, tag=True, kw_only=True):
    """Engine to parent (history, log) and on to the worker (scripts): an instance or a sync group changed state."""

    kind: str
    """"INSTANCE", "GROUP" or "RAFT"."""
    name: str
    old: State
    new: State
    priority: int
    reason: str
    evidence: tuple[str, ...]
    time_ns: int
    """CLOCK_BOOTTIME"""
    wall_time: float
    """time.time() of the same moment"""
    stopping: bool = False
    """The change to INIT because the instance stops: `notify_stop` (or `notify_deleted` if `deleted`)."""
    deleted: bool = False
    term: int = 0
    """Of the newest lease; 0 without Raft, or before the first one"""


class ServerChanged(Message, frozen=True, tag=True, kw_only=True):
    """Parent to worker, which runs the scripts of it: a real server came or went, a quorum was gained or lost."""

    kind: Kind
    """REAL_SERVER or VIRTUAL_SERVER"""
    name: str
    """No other of its kind has it"""
    server: str = ""
    """The real server, as keepalived writes it; "": it is about the virtual server"""
    virtual_server: str
    up: bool
    reason: str
    time_ns: int
    """CLOCK_BOOTTIME"""
    wall_time: float
    """time.time() of the same moment"""
    at_start: bool = False
    """Nothing has happened: the start says what is so (`rs_init_notifies`)"""

    @property
    def new(self) -> Word:
        return Word.UP if self.up else Word.DOWN


class Happened(Message, frozen=True, tag=True, kw_only=True):
    """Engine to parent: worth telling, and no change of state."""

    kind: Kind
    name: str
    word: Word
    priority: int
    reason: str
    wall_time: float


class NewsDue(Message, frozen=True, tag=True):
    """Parent to whoever tells others; `NewsTaken` with the number answers."""

    number: int
    news: News


class NewsTaken(Message, frozen=True, tag=True):
    """It is where it waits for its receivers, or was told to them, with all that came before it."""

    number: int


class NotifyTest(Message, frozen=True, tag=True, kw_only=True):
    """Parent to notifier: tell this receiver at once; `NotifyTested` answers."""

    request_id: int
    name: str
    news: News


class NotifyTested(Message, frozen=True, tag=True, kw_only=True):
    """text: a sentence."""

    request_id: int
    ok: bool
    text: str


class NotifierSnapshot(Message, frozen=True, tag=True, kw_only=True):
    """Notifier to parent: its receivers at `now_ns`."""

    request_id: int
    now_ns: int
    targets: tuple[OutboxSnapshot, ...]


class ScriptsRan(Message, frozen=True, tag=True, kw_only=True):
    """Worker to parent: the scripts of this object's state are done, or left out for newer ones."""

    kind: str
    name: str
    time_ns: int
    """`time_ns` of the transition"""


class TrackerVerdict(msgspec.Struct, frozen=True):
    """Whether a tracked thing is up, and the sentence that says why."""

    kind: TrackerKind
    name: str
    up: bool
    reason: str
    at_ns: int
    """CLOCK_BOOTTIME"""
    value: int | None = None
    """The number that the weight is multiplied with; None: there is none"""

    @property
    def key(self) -> str:
        return self.kind.key(self.name)


class TrackerVerdicts(Message, frozen=True, tag=True):
    """Worker to parent: a tracker was judged, or what was known of it is confirmed. Parent to engine: what changed; and
    to each child that has just begun: all that is known (a worker looks at nothing before it has heard that)."""

    verdicts: tuple[TrackerVerdict, ...]


class WorkerSnapshot(Message, frozen=True, tag=True, kw_only=True):
    """Worker to parent: what it watches, at `now_ns`."""

    request_id: int
    now_ns: int
    scripts: tuple[ScriptSnapshot, ...]
    checks: dict[str, CheckSnapshot] = {}
    trackers: tuple[TrackerSnapshot, ...] = ()
    """Of processes, files, gateways and units"""
    pipes: tuple[PipeSnapshot, ...] = ()


class CheckAsked(Message, frozen=True, tag=True):
    """Parent to worker: perform this check now, for an operator; `CheckReported` answers."""

    request_id: int
    name: str
    """Or a part of it that no other has"""


class CheckReported(Message, frozen=True, tag=True, kw_only=True):
    """Worker to parent. report None: no such check, as `error` says."""

    request_id: int
    report: CheckReport | None = None
    error: str = ""


class HookDue(Message, frozen=True, tag=True, kw_only=True):
    """Engine to parent and on to the worker: the hooks of this event are to run, after those of all earlier ones of the
    same object. `number` not 0: the engine waits for the `HookOutcome` with it."""

    kind: str
    """"INSTANCE" or "RAFT"; "" for ToReady and ToDestroy, which the parent sends"""
    name: str
    event: HookEvent
    number: int = 0
    old: State = State.INIT
    new: State = State.INIT
    reason: str = ""
    priority: int = 0
    term: int = 0
    """Of the lease; 0 with VRRP"""
    vips: tuple[str, ...] = ()
    """ADDRESS/LENGTH"""
    interface: str = ""
    peers: tuple[str, ...] = ()
    """Names or addresses of the other nodes"""
    event_id: str = ""
    """Given by the parent, for good: a `HookDue` that a dead worker owes comes again with the same one"""
    by_hand: str = ""
    """Program of the one hook that an operator wants to see run; "": something has happened"""


class HookOutcome(Message, frozen=True, tag=True, kw_only=True):
    """Worker to parent and on to the engine: all hooks of that event have ended (or there are none). Not ok: one of
    them failed for good, and its `on_failure` means abort; or a newer event made them stale (`superseded`), which the
    engine hears only if it waits."""

    kind: str
    name: str
    event: HookEvent
    number: int
    ok: bool
    reason: str = ""
    superseded: bool = False
    event_id: str = ""


class HookRan(Message, frozen=True, tag=True, kw_only=True):
    """Worker to parent: a script of a change (a hook or a notify script) has ended, or was given up."""

    run: int
    """Counted by the worker; the log has it in brackets behind the label"""
    kind: str
    name: str
    label: str
    """ToMaster, notify_master"""
    program: str
    event_id: str
    """"" for notify scripts"""
    trigger: str
    """The reason of the change of state"""
    by_hand: bool
    attempt: int
    wall_time: float
    """time.time() of its start"""
    duration_ns: int
    failure: str
    """"": it did what it should"""
    status: int | None
    """0 .. 255 of exit(2), the negative number of the signal that killed it, None: there was none"""
    output: tuple[str, ...]
    """The last lines"""


class LogLine(Message, frozen=True, tag=True, kw_only=True):
    """Child to parent: a line for the log; the engine must not block on a disk or a terminal."""

    level: str
    """debug, info, warning, error"""
    code: str
    """Stable kebab-case event id"""
    message: str
    fields: dict[str, str] = {}


class EngineEnded(Message, frozen=True, tag=True):
    """Parent to raft: the engine is dead, and what it had bound was taken away."""


class RaftSnapshot(Message, frozen=True, tag=True, kw_only=True):
    """Raft to parent: what it knows of the cluster at `now_ns`."""

    request_id: int
    now_ns: int
    member: MemberSnapshot
    peers: str
    """How peers are known to be who they say, a sentence"""
    refused: dict[str, int]
    """Packets of peers not accepted, by reason"""
    lateness_max_ns: int
    """Latest that a timer ran since the last snapshot."""
    scheduling: str
    """As in `EngineSnapshot`"""


class ClusterRequest(Message, frozen=True, tag=True):
    """Parent to raft: an operator's command; `ClusterOutcome` answers."""

    request_id: int
    command: Command


class ClusterOutcome(Message, frozen=True, tag=True, kw_only=True):
    """Raft to parent. `text` is a sentence for the operator."""

    request_id: int
    ok: bool
    text: str


class KernelSettings(Message, frozen=True, tag=True):
    """Engine to parent, before it changes kernel settings: (value before, value set) by path below /proc/sys/net; {}
    when all are as they were. The parent undoes them if the engine dies, and keeps them in a file in case all of us
    die."""

    settings: dict[str, tuple[str, str]]


BusMessage = (
    Configure
    | Configured
    | SnapshotRequest
    | EngineSnapshot
    | WorkerSnapshot
    | Transition
    | ServerChanged
    | Happened
    | NewsDue
    | NewsTaken
    | NotifyTest
    | NotifyTested
    | NotifierSnapshot
    | ScriptsRan
    | TrackerVerdicts
    | CheckAsked
    | CheckReported
    | HookDue
    | HookOutcome
    | HookRan
    | EngineEnded
    | RaftSnapshot
    | ClusterRequest
    | ClusterOutcome
    | LogLine
    | KernelSettings
)
