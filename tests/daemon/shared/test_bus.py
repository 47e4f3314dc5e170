"""Frames, and an endpoint that a peer can neither block nor bloat."""

from __future__ import annotations

import itertools
import socket
import struct
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.adapters.loop import Loop
from alived.base import DecodeError, Family
from alived.config.model import Config, GlobalDefs, Instance, SyncGroup
from alived.daemon.shared import bus
from alived.daemon.shared.messages import (
    BusMessage,
    Configure,
    Configured,
    EngineSnapshot,
    LogLine,
    ScriptsRan,
    SnapshotRequest,
    TrackerVerdict,
    TrackerVerdicts,
    Transition,
    WorkerSnapshot,
)
from alived.health.check_events import CheckResult
from alived.health.checker import Checker
from alived.health.config import TcpCheck
from alived.health.script_tracker import ScriptTracker
from alived.health.trackers_config import TrackerKind, VrrpScript
from alived.hooks.config import NotifyScripts, Script
from alived.vip.config import VipGroup, VirtualAddress
from alived.vrrp.config import AuthType, State, TrackedInterface, UnicastPeer, Vmac, VrrpInstance, VrrpSyncGroup

CONFIG = Config(
    global_defs=GlobalDefs(router_id="r", rt_priority=1, cpu_affinity=(0, 1), script_user="nobody"),
    instances=(
        Instance(
            vrrp=VrrpInstance(
                name="VI_1",
                interface="eth0",
                virtual_router_id=255,
                family=Family.IPV6,
                version=3,
                initial_state=State.MASTER,
                auth_type=AuthType.PASS,
                auth_pass="geheim ü",
                unicast_peers=(UnicastPeer("fe80::1", 1, 2),),
                vmac=Vmac("vrrp.255", True),
                track_interfaces=(TrackedInterface("eth1", -20, True),),
                preempt_delay_ns=2**62,
            ),
            vips=VipGroup(
                name="VI_1",
                addresses=(
                    VirtualAddress(address="2001:db8::1", prefix_length=64, interface="eth0", preferred_lft=None),
                ),
                lifetime_s=None,
            ),
            notify=NotifyScripts(master=Script(argv=("/x", "a b"), user="u", timeout_ns=1)),
        ),
    ),
    sync_groups=(SyncGroup(vrrp=VrrpSyncGroup(name="VG", members=("VI_1",))),),
)
TRANSITION = Transition(
    kind="INSTANCE",
    name="VI_1",
    old=State.BACKUP,
    new=State.MASTER,
    priority=100,
    reason="because",
    evidence=("a", "b"),
    time_ns=2**60,
    wall_time=1.5,
)
MESSAGES: list[BusMessage] = [
    Configure(config=CONFIG),
    Configured(changes=("one", "two")),
    SnapshotRequest(request_id=1),
    TRANSITION,
    ScriptsRan(kind="INSTANCE", name="VI_1", time_ns=5),
    TrackerVerdicts((TrackerVerdict(TrackerKind.SCRIPT, "chk", False, "script chk failed: exit 1", 5),)),
    WorkerSnapshot(
        request_id=1, now_ns=2, scripts=(ScriptTracker(VrrpScript(name="chk", argv=("/c",)), 1).snapshot(),)
    ),
    LogLine(level="info", code="c", message="m", fields={"a": "b"}),
    EngineSnapshot(
        request_id=1,
        now_ns=2,
        instances=(),
        vips=(),
        groups=(),
        receive_errors={"checksum": 3},
        lateness_max_ns=4,
        scheduling="normal",
    ),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: type(m).__name__)
def test_a_message_comes_out_as_it_went_in(message: BusMessage) -> None:
    assert bus.FrameDecoder().feed(bus.encode(message)) == [message]


def test_a_configuration_keeps_its_types() -> None:
    """Equal is not enough: IntEnum members equal plain numbers."""
    (message,) = bus.FrameDecoder().feed(bus.encode(Configure(config=CONFIG)))
    assert isinstance(message, Configure)
    vrrp = message.config.instances[0].vrrp
    assert isinstance(vrrp.family, Family) and isinstance(vrrp.initial_state, State)
    assert isinstance(vrrp.unicast_peers, tuple)
    assert repr(message.config) == repr(CONFIG)


@given(st.lists(st.sampled_from(MESSAGES), max_size=5), st.lists(st.integers(1, 50), max_size=50))
def test_frames_may_come_in_any_pieces(messages: list[BusMessage], sizes: list[int]) -> None:
    data = b"".join(map(bus.encode, messages))
    decoder = bus.FrameDecoder()
    received: list[BusMessage] = []
    for size in sizes:
        received += decoder.feed(data[:size])
        data = data[size:]
    received += decoder.feed(data)
    assert received == messages


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (struct.pack(">I", bus.MAX_FRAME + 1), "frame-too-long"),
        (struct.pack(">I", 1) + b"\xc1", "frame-malformed"),
        (struct.pack(">I", 0), "frame-malformed"),
        (struct.pack(">I", 6) + b"\x81\xa4typ", None),
        (struct.pack(">I", 11) + b"\x81\xa4type\xa4Beat", "frame-malformed"),
    ],
)
def test_nonsense_is_refused_by_name(data: bytes, reason: str | None) -> None:
    decoder = bus.FrameDecoder()
    if reason is None:
        assert decoder.feed(data) == [], "not complete yet"
        return
    with pytest.raises(DecodeError) as caught:
        decoder.feed(data)
    assert caught.value.reason == reason


class Pair:
    """Two endpoints on one loop."""

    def __init__(self) -> None:
        self.loop = Loop()
        left, right = socket.socketpair()
        self.raw = right.dup()
        self.left = bus.Endpoint(self.loop, left)
        self.right = bus.Endpoint(self.loop, right)
        self.heard: list[BusMessage] = []
        self.closed: list[str] = []
        self.left.listen(lambda message: None, lambda reason: None)

    def listen(self) -> None:
        self.right.listen(self.heard.append, self.closed.append)

    def close(self) -> None:
        self.left.close()
        self.right.close()
        self.raw.close()
        self.loop.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.close()


def test_an_endpoint_delivers_in_order(pair: Pair) -> None:
    pair.listen()
    for number in range(100):
        assert pair.left.send(Configured(changes=("x" * 50_000, str(number))))
    while len(pair.heard) < 100:
        pair.loop.turn()
    assert [m.changes[1] for m in pair.heard if isinstance(m, Configured)] == [str(n) for n in range(100)]
    assert pair.left.waiting == 0


def test_a_peer_that_does_not_read_costs_dispensable_messages_first(pair: Pair) -> None:
    line = LogLine(level="info", code="c", message="x" * 10_000)
    sent = 0
    while pair.left.send(line):
        sent += 1
    assert pair.left.dropped == 1
    assert bus.SOFT_LIMIT <= pair.left.waiting < bus.SOFT_LIMIT + 20_000
    assert pair.left.send(TRANSITION), "a change of state still fits"
    pair.listen()
    while len(pair.heard) < sent + 1:
        pair.loop.turn()
    assert pair.heard[-1] == TRANSITION
    assert pair.left.send(line), "it reads again"


def test_a_snapshot_larger_than_the_limit_goes_through_to_a_peer_that_is_a_little_behind(pair: Pair) -> None:
    """Of some 3000 checks; before it the peer has not read a log line yet."""
    reason = "HTTP status 200"
    result = CheckResult(ok=True, reason=reason, at_ns=10**15, took_ns=10**6, stage=0)
    checker = Checker("check web", TcpCheck(connect_ip="192.0.2.1", connect_port=80), 0, 0.5)
    one = msgspec.structs.replace(checker.snapshot(), history=(result,) * 10)
    snapshot = WorkerSnapshot(request_id=1, now_ns=1, scripts=(), checks={f"check {k}": one for k in range(3000)})
    assert len(bus.encode(snapshot)) > bus.SOFT_LIMIT
    assert pair.left.send(LogLine(level="info", code="c", message="x" * (bus.SOFT_LIMIT // 2)))
    assert pair.left.waiting, "the peer does not read"
    assert pair.left.send(snapshot)
    assert not pair.left.send(snapshot), "but not one after the other"
    pair.listen()
    while len(pair.heard) < 2:
        pair.loop.turn()
    assert pair.heard[-1] == snapshot


def test_a_peer_that_says_much_at_once_is_heard_in_several_turns(pair: Pair) -> None:
    pair.listen()
    for number in range(1000):
        assert pair.left.send(SnapshotRequest(request_id=number))
    seen = list[int]()
    while len(pair.heard) < 1000:
        pair.loop.turn()
        seen.append(len(pair.heard))
    most = max(later - before for before, later in itertools.pairwise([0, *seen]))
    assert most < 500
    assert [m.request_id for m in pair.heard if isinstance(m, SnapshotRequest)] == list(range(1000))


def test_in_the_end_everything_is_dropped_rather_than_kept(pair: Pair) -> None:
    big = Configured(changes=("x" * (bus.HARD_LIMIT // 4),))
    while pair.left.send(big):
        assert pair.left.waiting <= bus.HARD_LIMIT + bus.HARD_LIMIT // 4
    assert pair.left.dropped == 1


def test_the_end_of_the_peer_is_told_once_after_what_it_said(pair: Pair) -> None:
    pair.listen()
    pair.left.send(TRANSITION)
    pair.left.close()
    while not pair.closed:
        pair.loop.turn()
    assert pair.heard == [TRANSITION]
    assert pair.closed == [bus.PEER_GONE]
    assert pair.right.closed
    assert not pair.right.send(SnapshotRequest(request_id=2))


def test_nonsense_closes_the_endpoint(pair: Pair) -> None:
    pair.left.listen(pair.heard.append, pair.closed.append)
    pair.raw.send(struct.pack(">I", 1) + b"\xc1")
    while not pair.closed:
        pair.loop.turn()
    assert pair.closed[0].startswith("frame-malformed")


def test_a_peer_that_ends_without_having_read_is_simply_gone(pair: Pair) -> None:
    pair.left.listen(pair.heard.append, pair.closed.append)
    pair.left.send(TRANSITION)
    pair.right.close()
    pair.raw.close()
    while not pair.closed:
        pair.loop.turn()
    assert pair.closed == [bus.PEER_GONE]


def test_sending_to_a_peer_that_is_gone_is_harmless(pair: Pair) -> None:
    pair.listen()
    pair.right.close()
    pair.raw.close()
    pair.left.send(TRANSITION)
    assert pair.left.waiting == 0


def test_drain_reads_what_a_dead_peer_left(pair: Pair) -> None:
    pair.listen()
    pair.left.send(TRANSITION)
    pair.left.send(SnapshotRequest(request_id=2))
    pair.left.close()
    pair.right.drain()
    assert pair.heard == [TRANSITION, SnapshotRequest(request_id=2)]
    assert pair.closed == [bus.PEER_GONE]


def test_drain_of_a_living_peer_ends(pair: Pair) -> None:
    pair.listen()
    pair.left.send(SnapshotRequest(request_id=2))
    pair.right.drain()
    assert pair.heard == [SnapshotRequest(request_id=2)] and not pair.right.closed
