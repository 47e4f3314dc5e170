"""Owners elected by Raft, beside keepalived and etcd: how long nobody answers, whether two ever do, what it costs."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from bench.accounting import cpu_seconds, memory_mb, stolen_ms
from bench.client import Event, Kind
from bench.cluster_stage import FAULTS, Ownership, RaftNodes
from bench.etcd import EtcdHolders, EtcdMembers
from bench.failover import failover
from bench.report import Row
from bench.stalls import StallWatch, undelayed

PROBE_PERIOD_S = 0.001
AFTERWARDS_S = 0.4
"""How long the old owner is watched after the new one has answered."""
GIVE_UP_S = 20.0
MIXED_LIMIT_S = 1500.0
"""However slow the machine is, the long run ends: those of its faults count that were played by then."""
SAMPLE = 50
Rows = tuple[list[Row], dict[str, Any]]


def raft_failover(name: str, *, fault: str, runs: int, advert_int: float = 0.0) -> Rows:
    """From the last answer of the old owner to the first one of the new. keepalived: only kill, at `advert_int`."""
    if name == "keepalived":
        rows, notes = failover(name, advert_int=advert_int, action=fault, runs=runs)
        return [{"takeover_ms": row["reply_ms"]} for row in rows], notes
    with stage_of(name) as stage:
        stage.start()
        rows = [_once(stage, fault) for _ in range(runs)]
        if name == "etcd":
            for row in rows:
                del row["gap_ms"]  # the kernel of a killed holder goes on answering
        return rows, {"lost_frames": stage.client.lost()}


def stage_of(name: str) -> Ownership:
    return EtcdHolders() if name == "etcd" else RaftNodes()


def raft_mixed(name: str, *, faults: int) -> Rows:
    """Faults of all kinds one after the other, each mended before the next: does the old owner ever answer after the
    new one?"""
    kinds = list(FAULTS)
    rows: list[Row] = []
    begin = time.monotonic()
    with RaftNodes() as stage:
        stage.start()
        for number in range(faults):
            if time.monotonic() - begin > MIXED_LIMIT_S:
                break
            rows.append(_once(stage, kinds[number % len(kinds)]))
        lost = stage.client.lost()
    late = sum(row["late_answers"] or 0 for row in rows)
    notes = {"faults": len(rows), "kinds": " ".join(kinds), "late_answers_of_all": late, "lost_frames": lost}
    return rows, notes


def _once(stage: Ownership, fault: str) -> Row:
    """One fault, from a settled state to a settled state."""
    act, mend = _fault(stage, fault)
    old = stage.settle()
    pids = stage.daemons[old].pids()
    fired_ns, events, stall_ms = probe(stage, old, lambda: act(old))
    row = {**measure(old, fired_ns, events), "stall_ms": stall_ms}
    mend(old)
    assert fault != "kill" or not any(os.path.exists(f"/proc/{pid}/exe") for pid in pids), "somebody survived"
    return row


def _fault(stage: Ownership, fault: str) -> tuple[Callable[[int], object], Callable[[int], object]]:
    if isinstance(stage, RaftNodes):
        act, mend = FAULTS[fault]
        return lambda n: act(stage, n), lambda n: mend(stage, n)
    assert fault == "kill", "a holder of a lease in etcd is only killed"
    return lambda n: stage.daemons[n].kill(), lambda n: stage.daemons[n].start()


def probe(stage: Ownership, old: int, fire: Callable[[], object]) -> tuple[int, list[Event], float]:
    """When it fired, the answers, and for how long (ms) the machine stood still meanwhile."""
    with StallWatch() as machine, undelayed():
        fired_ns, events = _ask_and_fire(stage, old, fire)
    return fired_ns, events, machine.longest_ms()


def _ask_and_fire(stage: Ownership, old: int, fire: Callable[[], object]) -> tuple[int, list[Event]]:
    """Asks everybody for the VIP every ms; fires at a random moment, and goes on a while after another has answered."""
    client = stage.client
    sock, request = stage.question(stage.vips[0])
    client.events()
    events: list[Event] = []
    tick = time.monotonic()
    fire_at = tick + 0.1 + 0.2 * random.random()
    end, fired_ns = fire_at + GIVE_UP_S, 0
    while time.monotonic() < end:
        sock.send(request)
        if not fired_ns and time.monotonic() >= fire_at:
            fired_ns = time.time_ns()
            fire()
        tick = max(tick + PROBE_PERIOD_S, time.monotonic() - 0.01)
        while (left := tick - time.monotonic()) > 0:
            fresh = client.events(left)
            events += fresh
            if fired_ns and end > fire_at + GIVE_UP_S - 1e-9 and any(event.router != old for event in fresh):
                end = min(end - 1e-6, time.monotonic() + AFTERWARDS_S)
    return fired_ns, sorted(events, key=lambda event: event.time_ns)


def measure(old: int, fired_ns: int, events: list[Event]) -> Row:
    """What the answers say of one change of the owner. events: by time."""
    first_ns = next((event.time_ns for event in events if event.router != old and event.time_ns > fired_ns), None)
    if first_ns is None:
        return {"takeover_ms": None, "gap_ms": None, "late_answers": 0.0, "new_owners": 0.0}
    before = [event.time_ns for event in events if event.router == old and event.time_ns < first_ns]
    late = [event for event in events if event.router == old and event.time_ns > first_ns]
    return {
        "takeover_ms": (first_ns - fired_ns) / 1e6,
        "gap_ms": (first_ns - before[-1]) / 1e6 if before else None,
        "late_answers": float(len(late)),
        "new_owners": float(len({event.router for event in events if event.router != old})),
    }


def raft_transfer(name: str, *, runs: int) -> Rows:
    """A planned hand-over: from the last answer of the old owner to the first one of the new."""
    rows = []
    with RaftNodes() as stage:
        stage.start()
        for _ in range(runs):
            old = stage.settle()
            to = random.choice(stage.others(old))
            # The answer to the command comes when it is done: the probe must not wait for it.
            asking: list[subprocess.Popen[bytes]] = []
            command = partial(_ask_to_hand_over, stage, asking, old, to)
            fired_ns, events, stall_ms = probe(stage, old, command)
            asking[0].wait()
            row = {**measure(old, fired_ns, events), "stall_ms": stall_ms}
            del row["takeover_ms"]  # most of it is the start of the command
            rows.append(row)
    return rows, {}


def _ask_to_hand_over(stage: RaftNodes, asking: list[subprocess.Popen[bytes]], old: int, to: int) -> None:
    asking.append(stage.ask_to_hand_over(old, to))


def raft_steady(name: str, *, seconds: float) -> Rows:
    """CPU and memory with nothing happening; etcd: the same of a cluster that nobody uses."""
    with EtcdMembers() if name == "etcd" else RaftNodes() as stage:
        stage.start()
        leader = stage.settle()
        time.sleep(2)
        pids = {n: daemon.pids() for n, daemon in stage.daemons.items()}
        before = {n: cpu_seconds(tree) for n, tree in pids.items()}
        begin = time.monotonic()
        time.sleep(seconds)
        wall = time.monotonic() - begin
        used = {n: 100 * (cpu_seconds(tree) - before[n]) / wall for n, tree in pids.items()}
        rows: list[Row] = []
        for n in stage.others(leader):
            row: Row = {"leader_cpu_pct": used[leader], "follower_cpu_pct": used[n]}
            row |= {f"leader_{kind.lower()}_mb": value for kind, value in memory_mb(pids[leader]).items()}
            row |= {f"follower_{kind.lower()}_mb": value for kind, value in memory_mb(pids[n]).items()}
            rows.append(row)
        notes: dict[str, Any] = {"processes": len(pids[leader])}
        if isinstance(stage, RaftNodes):
            notes["scheduling"] = stage.view(leader).get("scheduling", "?")
        return rows, notes


def raft_false(name: str, *, seconds: float, busy: int) -> Rows:
    """Changes of the owner under `busy` processes that do nothing but compute: each is a false one."""
    with RaftNodes() as stage:
        stage.start()
        leader = stage.settle()
        terms = stage.view(leader).get("term")
        stage.client.lost()
        before_ms = stolen_ms()
        with StallWatch() as machine, busy_processes(busy, seconds):
            events = stage.ask_for(seconds)
        stolen = stolen_ms() - before_ms
        times = [event.time_ns for event in sorted(events, key=lambda event: event.time_ns)]
        routers = [event.router for event in sorted(events, key=lambda event: event.time_ns)]
        stage.settle()
        after = max(stage.view(n).get("term", 0) for n in stage.numbers)
        row: Row = {
            "changes_of_owner": float(sum(a != b for a, b in itertools.pairwise(routers))),
            "terms": float(after - (terms or 0)),
            "gap_max_ms": max((b - a for a, b in itertools.pairwise(times)), default=0) / 1e6,
            "answers": float(len(times)),
            "stolen_ms": stolen,
            "stall_max_ms": machine.longest_ms(),
        }
        return [row], {"lost_frames": stage.client.lost()}


@contextmanager
def busy_processes(count: int, seconds: float) -> Iterator[None]:
    hogs = [
        subprocess.Popen(["timeout", str(seconds + 30), "yes"], stdout=subprocess.DEVNULL, start_new_session=True)
        for _ in range(count)
    ]
    try:
        yield
    finally:
        for hog in hogs:
            os.killpg(hog.pid, signal.SIGKILL)
            hog.wait()


def raft_vips(name: str, *, vips: int, groups: int, runs: int) -> Rows:
    """kill -9 of the owner of many VIPs: from its last answer to the first and the last VIP that answers again."""
    rows = []
    with RaftNodes(vips=vips, groups=groups) as stage:
        stage.start()
        for _ in range(runs):
            old = stage.settle()
            _await_all(stage, old)
            rows.append(_take_all(stage, old))
            stage.daemons[old].start()
    return rows, {}


def _await_all(stage: Ownership, owner: int) -> None:
    """Until the owner answers for every VIP: a start binds them one batch after the other."""
    missing, end = set(_probes(stage, stage.vips)), time.monotonic() + 60
    while missing:
        missing -= _ask_all(stage, missing, lambda event: event.router == owner).keys()
        if time.monotonic() > end:
            raise RuntimeError(f"{len(missing)} VIPs never answered")


def _probes(stage: Ownership, vips: list[str]) -> dict[bytes, tuple[Any, bytes]]:
    made = (stage.question(vip) for vip in vips)
    return {frame[38:42]: (sock, frame) for sock, frame in made}


def _ask_all(stage: Ownership, wanted: set[bytes], counts: Callable[[Event], bool]) -> dict[bytes, int]:
    """Address -> when it was answered first, of those that were."""
    probes = _probes(stage, stage.vips)
    found: dict[bytes, int] = {}

    def take(events: list[Event]) -> None:
        for event in events:
            if event.kind is Kind.REPLY and isinstance(event.what, bytes) and counts(event):
                found.setdefault(event.what, event.time_ns)

    for address in tuple(wanted):
        sock, frame = probes[address]
        sock.send(frame)
        take(stage.client.events())
    take(stage.client.watch(0.2))
    return found


def _take_all(stage: Ownership, old: int) -> Row:
    probes = _probes(stage, stage.vips)
    order = list(probes)
    sample = {order[k * (len(order) - 1) // (SAMPLE - 1)] for k in range(SAMPLE)}
    pids = stage.daemons[old].pids()
    stage.client.events()
    fired_ns = time.time_ns()
    stage.daemons[old].kill(pids)
    answered: dict[bytes, int] = {}
    late, end = 0, time.monotonic() + 60
    while sample - answered.keys() and time.monotonic() < end:
        for address in sample - answered.keys():
            sock, frame = probes[address]
            sock.send(frame)
        for event in stage.client.events(PROBE_PERIOD_S):
            if event.router != old and event.time_ns > fired_ns and isinstance(event.what, bytes):
                answered.setdefault(event.what, event.time_ns)
            elif event.router == old and event.what in answered:
                late += 1
    rest = _ask_all(stage, set(probes) - answered.keys(), lambda event: event.router != old)
    have = sorted(answered.values())
    return {
        "first_ms": (have[0] - fired_ns) / 1e6 if have else None,
        "last_ms": (have[-1] - fired_ns) / 1e6 if not sample - answered.keys() else None,
        "last_after_first_ms": (have[-1] - have[0]) / 1e6 if not sample - answered.keys() else None,
        "unanswered": float(len(probes) - len(answered) - len(rest)),
        "late_answers": float(late),
    }
