"""Takeover: of one instance by kill, stop and cable, and of many VIPs or many instances by kill."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable
from typing import Any

from bench.accounting import cpu_seconds
from bench.client import Event, Kind
from bench.stage import PRIORITY, Stage, first, master_down_interval, ms

PROBE_PERIOD_S = 0.0005
SAMPLE = 50
"""VIPs that are asked for all the time; all of them are at the end."""
Row = dict[str, float | None]


def failover(name: str, *, advert_int: float, action: str, runs: int) -> tuple[list[Row], dict[str, Any]]:
    """Time from kill -9, SIGTERM or a pulled cable until router 2 advertises, answers ARP and gets the pings."""
    rows = []
    with Stage(name, advert_int=advert_int, sniff=tuple(Kind)) as stage:
        stage.start()
        for _ in range(runs):
            rows.append(_failover_once(stage, action))
            stage.settle()
        return rows, {"lost_frames": stage.client.lost(), "theory_ms": _theory(action, advert_int)}


def _theory(action: str, advert_int: float) -> str:
    interval = master_down_interval(PRIORITY[2], advert_int)
    if action == "term":
        return f"{1e3 * (interval - 3 * advert_int):.1f}"
    return f"{1e3 * (interval - advert_int):.1f}..{1e3 * interval:.1f}"


def _failover_once(stage: Stage, action: str) -> Row:
    master = stage.daemons[1]
    pids = master.pids()
    fire: dict[str, Callable[[], None]] = {
        "kill": lambda: master.kill(pids),
        "term": master.terminate,
        "cable": lambda: stage.network.set_cable("r1", plugged=False),
    }
    fired_ns, events = _probe(stage, fire[action])
    row = _measure(stage, action, fired_ns, events)
    if action == "term":
        row["exit_ms"] = 1e3 * master.wait()
    if action == "kill":
        stage.reset_addresses(1)
    if action == "cable":
        stage.network.set_cable("r1", plugged=True)
    else:
        master.start()
    return row


def _probe(stage: Stage, fire: Callable[[], None]) -> tuple[int, list[Event]]:
    """Asks and pings until router 2 has shown all kinds of frame; fires after one advert, anywhere before the next."""
    client, vip = stage.client, stage.vips[0]
    sock, request = stage.question(vip)
    client.events()
    events: list[Event] = []
    waiting = set(Kind) - {Kind.STOP}
    fired_ns, tick = 0, time.monotonic()
    fire_at = tick + 0.1 + (1 + random.random()) * stage.advert_int
    end = fire_at + 3 * master_down_interval(PRIORITY[2], stage.advert_int) + 3
    while waiting and (now := time.monotonic()) < end:
        sock.send(request)
        client.ping(vip)
        if not fired_ns and now >= fire_at:
            fired_ns = time.time_ns()
            fire()
        tick = max(tick + PROBE_PERIOD_S, time.monotonic() - 0.01)
        while (left := tick - time.monotonic()) > 0:
            fresh = client.events(left)
            events += fresh
            if fired_ns:
                waiting -= {event.kind for event in fresh if event.router == 2 and event.time_ns > fired_ns}
    return fired_ns, sorted(events, key=lambda event: event.time_ns)


def _measure(stage: Stage, action: str, fired_ns: int, events: list[Event]) -> Row:
    advert_ns = first(events, Kind.ADVERT, 2, fired_ns)
    row: Row = {
        f"{kind}_ms": ms(first(events, kind, 2, fired_ns), fired_ns)
        for kind in (Kind.ADVERT, Kind.GARP, Kind.REPLY, Kind.PING)
    }
    interval_ms = 1e3 * master_down_interval(PRIORITY[2], stage.advert_int)
    if action == "term":
        skew_ms = interval_ms - 3e3 * stage.advert_int
        row["over_theory_ms"] = None if row["advert_ms"] is None else row["advert_ms"] - skew_ms
    else:
        adverts = (
            e.time_ns for e in events if e.kind is Kind.ADVERT and e.router == 1 and e.time_ns < (advert_ns or 0)
        )
        silence = ms(advert_ns, max(adverts, default=None))
        row["over_theory_ms"] = None if silence is None else silence - interval_ms
    if action != "kill":  # the kernel of a killed daemon goes on to reply
        pings = [event.time_ns for event in events if event.kind is Kind.PING]
        row["ping_gap_ms"] = max((ms(b, a) or 0 for a, b in itertools.pairwise(pings)), default=None)
    return row


# -- many --


def vips(
    name: str, *, count: int, vips: int, advert_int: float, runs: int, routers: int = 2
) -> tuple[list[Row], dict[str, Any]]:
    """Time from kill -9 of the master until the first and the last VIP answer from router 2."""
    rows = []
    for _ in range(runs):
        with Stage(name, count=count, vips=vips, advert_int=advert_int, routers=routers) as stage:
            stage.start()
            rows.append(Takeover(stage).measure())
    return rows, {}


class Takeover:
    """One takeover of many VIPs: a sample is asked for all the time, all of them at the end."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._answered: dict[bytes, int] = {}
        self._adverts: dict[object, list[int]] = {}
        self._third = 0
        self._probes: dict[bytes, tuple[Any, bytes]] = {}
        for vip in stage.vips:
            sock, frame = stage.question(vip, router=2)
            self._probes[frame[38:42]] = (sock, frame)
        order, last = list(self._probes), len(self._probes) - 1
        self._pending = {order[k * last // (SAMPLE - 1)] for k in range(SAMPLE)}

    def measure(self) -> Row:
        stage, client = self._stage, self._stage.client
        pids = stage.daemons[1].pids()
        cpu = cpu_seconds(stage.daemons[2].pids())
        client.lost()
        client.events()
        with stage.new_client([Kind.GARP]) as listener:  # read at the end
            fired_ns = time.time_ns()
            stage.daemons[1].kill(pids)
            self._ask_until_answered()
            have = sorted(self._answered.values())
            self._ask_all()
            announced: dict[object, int] = {}
            while events := listener.events():
                for event in events:
                    if event.router == 2 and event.time_ns > fired_ns:
                        announced.setdefault(event.what, event.time_ns)
            lost = client.lost() + listener.lost()
        return self._row(fired_ns, have, announced) | {
            "cpu_ms": 1e3 * (cpu_seconds(stage.daemons[2].pids()) - cpu),
            "lost_frames": lost,
        }

    def _ask_until_answered(self) -> None:
        """And for two more adverts, to see how router 2 goes on."""
        stage = self._stage
        end = time.monotonic() + 3 * master_down_interval(PRIORITY[2], stage.advert_int) + 20
        done = 0.0
        while time.monotonic() < (done or end):
            for key in tuple(self._pending):
                sock, frame = self._probes[key]
                sock.send(frame)
            self._take(stage.client.events(PROBE_PERIOD_S))
            if not self._pending and not done:
                done = time.monotonic() + 2 * stage.advert_int + 1

    def _ask_all(self) -> None:
        for sock, frame in self._probes.values():
            sock.send(frame)
            self._take(self._stage.client.events())
        self._take(self._stage.client.watch(0.5))

    def _take(self, events: list[Event]) -> None:
        for event in events:
            self._third += event.kind is Kind.ADVERT and event.router == 3
            if event.router != 2:
                continue
            if event.kind is Kind.REPLY and isinstance(event.what, bytes):
                self._answered.setdefault(event.what, event.time_ns)
                self._pending.discard(event.what)
            elif event.kind is Kind.ADVERT:
                self._adverts.setdefault(event.what, []).append(event.time_ns)

    def _row(self, fired_ns: int, have: list[int], announced: dict[object, int]) -> Row:
        begin_ns = min((times[0] for times in self._adverts.values()), default=None)
        gaps = [b - a for times in self._adverts.values() for a, b in itertools.pairwise(times)]
        last_ns = have[-1] if have and not self._pending else None
        return {
            "first_ms": ms(have[0] if have else None, fired_ns),
            "last_ms": ms(last_ns, fired_ns),
            "last_after_advert_ms": ms(last_ns, begin_ns),
            "last_garp_after_advert_ms": ms(max(announced.values(), default=None), begin_ns),
            "advert_gap_max_ms": max(gaps) / 1e6 if gaps else None,
            "third_router_adverts": self._third,
            "unanswered": len(self._probes) - len(self._answered),
            "unannounced": len(self._probes) - len(announced),
        }
