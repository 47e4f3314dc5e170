"""A reload, seen from outside: a hundred instances, of which one changes, comes, goes or gives an address to another,
while adverts, gratuitous ARPs and pings of all are watched. Judged by captured packets, and beside a phase in which
nothing is reloaded."""

from __future__ import annotations

import collections
import itertools
import time
from collections.abc import Callable, Sequence

import msgspec
import pytest

from alived.adapters.control_client import ask
from alived.adapters.runtime_dir import SOCKET_FILE
from alived.cli.demo_daemons import Alived, InstanceText
from alived.cli.demo_wire import Kind
from alived.config.load import load
from tests.lab.lab import PATIENCE_S, UNDER_TEST, Lab, instance

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

COUNT = 100
ADVERT_INT = 0.5
MISSED_NS = int(1.8 * ADVERT_INT * 1e9)
"""Two adverts so far apart have had another one between them that was never sent."""
WATCHED_S = 2.5
"""A phase: several adverts of each instance."""


def vip(number: int) -> str:
    return f"192.0.2.{50 + number}"


def one(number: int, *more: str, priority: int = 150, addresses: Sequence[str] | None = None) -> InstanceText:
    return instance(
        priority,
        "garp_master_delay 0",
        *more,
        name=f"V{number}",
        virtual_router_id=number,
        advert_int=ADVERT_INT,
        addresses=[f"{address}/24" for address in (addresses if addresses is not None else [vip(number)])],
    )


EXTRA = vip(COUNT + 10)
"""A second address of the second instance, which keeps it."""


def many(changed: dict[int, InstanceText | None] | None = None) -> list[InstanceText]:
    """Instances 1 to COUNT, some of them changed (None: left out)."""
    wanted: dict[int, InstanceText | None] = {n: one(n) for n in range(1, COUNT + 1)}
    wanted |= {2: one(2, addresses=[vip(2), EXTRA])} | (changed or {})
    return [found for found in wanted.values() if found is not None]


class Watch:
    """Pings some addresses each millisecond and all others in turn, while something is done; what was seen then."""

    def __init__(self, lab: Lab, often: Sequence[str], others: Sequence[str], do: Callable[[], object]) -> None:
        self.begin_ns = time.time_ns()
        self._lab = lab
        self._sent: collections.Counter[str] = collections.Counter()
        turns = itertools.cycle(others)
        begin, done = time.monotonic(), False
        while time.monotonic() < begin + WATCHED_S:
            for address in (*often, next(turns)):
                lab.ping(address)
                self._sent[address] += 1
            if not done and time.monotonic() > begin + WATCHED_S / 4:
                do()
                done = True
            lab.hear(0.001)
        lab.until(lambda: not self.unanswered(), f"all pings are answered; not yet: {self.unanswered()}")

    def unanswered(self) -> collections.Counter[str]:
        answered = collections.Counter(
            seen.address
            for node, seen in self._lab.frames
            if node == "n1" and seen.kind is Kind.PING and seen.time_ns >= self.begin_ns
        )
        return self._sent - answered

    def missed_adverts(self, numbers: Sequence[int]) -> list[int]:
        """Instances of which an advert is missing."""
        sent: dict[int, list[int]] = {number: [] for number in numbers}
        for seen in self._lab.adverts("n1", since_ns=self.begin_ns):
            sent.setdefault(seen.virtual_router_id, []).append(seen.time_ns)
        return [n for n in numbers if not sent[n] or any(b - a > MISSED_NS for a, b in itertools.pairwise(sent[n]))]

    def announced(self) -> set[str]:
        return {
            seen.address
            for node, seen in self._lab.frames
            if node == "n1" and seen.kind is Kind.ANNOUNCEMENT and seen.time_ns >= self.begin_ns
        }

    def taken_over(self) -> set[int]:
        """Instances that the other router has advertised."""
        return {seen.virtual_router_id for seen in self._lab.adverts("n2", since_ns=self.begin_ns)}


def reload(lab: Lab, wanted: Sequence[InstanceText]) -> Callable[[], None]:
    def do() -> None:
        lab.configure("n1", *wanted)
        lab.daemons["n1"].reload()

    return do


def test_a_hundred_instances_do_not_notice_what_happens_to_one(lab: Lab) -> None:
    lab.start("n1", *many())
    lab.until(lambda: all(lab.announcements("n1", vip(n)) for n in range(1, COUNT + 1)), "all are announced")
    lab.start("n2", *(one(n, priority=100) for n in range(1, COUNT + 1)))
    numbers = [*range(1, COUNT + 1)]
    addresses = [vip(n) for n in numbers]
    lab.until(lambda: any(len(lab.adverts("n1", virtual_router_id=n)) > 2 for n in numbers), "it goes on")

    idle = Watch(lab, addresses[:2], addresses, lambda: None)
    assert (idle.announced(), idle.taken_over()) == (set(), set())
    noise = set(idle.missed_adverts(numbers))

    same = Watch(lab, addresses[:2], addresses, reload(lab, many()))
    assert (same.announced(), same.taken_over()) == (set(), set())
    assert set(same.missed_adverts(numbers)) <= noise

    changed = Watch(lab, addresses[:2], addresses, reload(lab, many({1: one(1, priority=160)})))
    assert (changed.announced(), changed.taken_over()) == (set(), set())
    assert set(changed.missed_adverts(numbers)) <= noise
    lab.until(lambda: lab.adverts("n1", virtual_router_id=1)[-1].priority == 160, "the new priority is advertised")

    added = Watch(lab, addresses[:2], addresses, reload(lab, many({1: one(1, priority=160), 101: one(101)})))
    lab.until(lambda: lab.announcements("n1", vip(101)), "what is new is announced")
    assert added.announced() <= {vip(101)}
    assert added.taken_over() == set()
    assert set(added.missed_adverts(numbers)) <= noise

    removed = Watch(lab, addresses[1:3], addresses[1:], reload(lab, many({1: None, 101: one(101)})))
    assert removed.announced() <= {vip(101)}
    lab.until(lambda: lab.announcements("n2", vip(1)), "the other router has what this one has given up")
    assert removed.taken_over() <= {1}
    assert set(removed.missed_adverts(numbers[1:])) <= noise

    given = {1: None, 2: one(2, addresses=[EXTRA]), 3: one(3, addresses=[vip(3), vip(2)]), 101: one(101)}
    moved = Watch(lab, addresses[1:3], addresses[1:], reload(lab, many(given)))
    lab.until(lambda: lab.announcements("n1", vip(2), since_ns=moved.begin_ns), "what has moved is announced")
    assert moved.announced() == {vip(2)}
    assert moved.taken_over() <= {1}
    assert set(moved.missed_adverts(numbers[1:])) <= noise
    if UNDER_TEST == "alived":
        assert len(noise) < COUNT / 2, "the machine is too busy to say anything"


def test_the_plan_of_a_running_daemon_and_what_comes_true(lab: Lab) -> None:
    """From another priority to another virtual router, with the states of the running instances."""
    lab.start("n1", one(1), one(2, addresses=[vip(2), EXTRA]), one(3))
    lab.start("n2", one(1, priority=100), one(2, priority=100), one(3, priority=100))
    lab.until(lambda: all(lab.announcements("n1", vip(n)) for n in (1, 2, 3)), "n1 is MASTER")
    wanted = [one(1, priority=90), one(2, addresses=[EXTRA]), one(3, addresses=[vip(3), vip(2)])]
    lab.configure("n1", *wanted)
    daemon = lab.daemons["n1"]
    assert isinstance(daemon, Alived)
    fates = plan(daemon)
    assert fates == {vip(1): "may move", vip(2): "kept"}
    moved = Watch(lab, [vip(2)], [vip(3)], reload(lab, wanted))
    lab.until(lambda: vip(2) in moved.announced(), "what has moved is announced")
    lab.until(lambda: lab.announcements("n2", vip(1)), "the router with priority 100 has taken over")
    assert plan(daemon) == {}


def plan(daemon: Alived) -> dict[str, str]:
    """Fates by address of what the daemon's own file would change."""
    loaded = load(str(daemon.config))
    assert loaded.config, loaded.diagnostics
    answer = ask(
        str(daemon.runtime_dir), SOCKET_FILE, "plan", {"config": msgspec.to_builtins(loaded.config)}, PATIENCE_S
    )
    assert answer["ok"], answer
    return {found["address"].partition("/")[0]: found["fate"] for found in answer["result"]["addresses"]}
