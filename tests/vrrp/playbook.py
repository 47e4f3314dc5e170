"""Conversations with an instance, written as they happen:

    play = Playbook(instance)
    play.at(0) >> Startup() << [to(State.BACKUP)]
    play.at(3_609_375_000) >> DeadlineReached() << [advert(100), to(State.MASTER, "no advert heard")]

`>>` gives an event at that time, `<<` says what must follow, all of it and in this order. A failure prints the whole
conversation and both lists. What an expectation leaves open (a reason's exact words, evidence) is not compared.
"""

from __future__ import annotations

from collections.abc import Sequence

from alived.base import NS_PER_MS, NS_PER_S, DeadlineReached
from alived.vrrp.config import State, VrrpInstance
from alived.vrrp.events import (
    AdvertisementReceived,
    InstanceEffect,
    InstanceEvent,
    LowerPriorityHeard,
    MemberReport,
    Noticed,
    PrimaryAddressChanged,
    PriorityTaken,
    Reannounce,
    SendAdvertisement,
    Startup,
    StateChanged,
)
from alived.vrrp.instance import Instance

OWN = "192.0.2.2"
LOWER = "192.0.2.1"
HIGHER = "192.0.2.10"
"""Above OWN as a number, below it as text: a tie that compares text goes wrong."""
VIPS = ("192.0.2.100",)


class Expected:
    """An effect of this kind whose fields are these; a text field is right if it contains the words given."""

    def __init__(self, kind: type[InstanceEffect], **fields: object) -> None:
        self.kind = kind
        self.fields = fields

    def matches(self, effect: InstanceEffect) -> bool:
        return type(effect) is self.kind and all(
            words in getattr(effect, name) if name in ("reason", "message") else words == getattr(effect, name)
            for name, words in self.fields.items()
        )

    def __repr__(self) -> str:
        return f"{self.kind.__name__}({', '.join(f'{name}={value!r}' for name, value in self.fields.items())})"


def advert(priority: int) -> Expected:
    return Expected(SendAdvertisement, priority=priority)


def to(new: State, reason: str = "") -> Expected:
    return Expected(StateChanged, new=new, reason=reason)


def reannounce(reason: str = "") -> Expected:
    return Expected(Reannounce, reason=reason)


def noticed(code: str, message: str = "") -> Expected:
    return Expected(Noticed, code=code, message=message)


def lower_heard(reason: str = "") -> Expected:
    return Expected(LowerPriorityHeard, reason=reason)


def taken(priority: int, state: State, reason: str = "") -> Expected:
    return Expected(PriorityTaken, priority=priority, state=state, reason=reason)


def report(state: State, wanted: State) -> Expected:
    return Expected(MemberReport, state=state, wanted=wanted)


def heard(priority: int, source: str = LOWER, interval_cs: int = 100) -> AdvertisementReceived:
    return AdvertisementReceived(source, priority, interval_cs, VIPS)


def an_instance(**config: object) -> Instance:
    """Version 3, priority 100, interval 1 s, address OWN, unless told otherwise; not started."""
    fields: dict[str, object] = {
        "name": "VI_1",
        "interface": "eth0",
        "virtual_router_id": 51,
        "version": 3,
        "addresses": VIPS,
        "higher_prio_send_advert": False,
    }
    instance = Instance(VrrpInstance(**(fields | config)))  # type: ignore[arg-type]
    instance.step(PrimaryAddressChanged(OWN), 0)
    return instance


class Playbook:
    def __init__(self, instance: Instance | None = None, **config: object) -> None:
        self.instance = instance or an_instance(**config)
        self.now_ns = 0
        self._lines: list[str] = []
        self._effects: Sequence[InstanceEffect] = ()

    @classmethod
    def backup(cls, **config: object) -> Playbook:
        """Started at 0."""
        play = cls(**config)
        play >> Startup() << [to(State.BACKUP)]
        return play

    @classmethod
    def master(cls, **config: object) -> Playbook:
        """Took over at `now_ns`."""
        play = cls.backup(**config)
        play.at_deadline() >> DeadlineReached() << [advert(play.priority), to(State.MASTER)]
        return play

    @property
    def state(self) -> State:
        return self.instance.state

    @property
    def priority(self) -> int:
        return self.instance.snapshot().priority

    @property
    def due_in_ns(self) -> int:
        """From now to the deadline."""
        assert self.instance.deadline_ns is not None
        return self.instance.deadline_ns - self.now_ns

    def at(self, now_ns: int) -> Playbook:
        self.now_ns = now_ns
        return self

    def after(self, *, s: int = 0, ms: int = 0, ns: int = 0) -> Playbook:
        return self.at(self.now_ns + s * NS_PER_S + ms * NS_PER_MS + ns)

    def at_deadline(self) -> Playbook:
        assert self.instance.deadline_ns is not None
        return self.at(self.instance.deadline_ns)

    def __rshift__(self, event: InstanceEvent) -> Playbook:
        self._effects = self.instance.step(event, self.now_ns)
        self._lines.append(f"{self.now_ns / NS_PER_S:14.9f} s  {event}")
        self._lines.extend(f"{'':18}-> {effect}" for effect in self._effects)
        return self

    def __lshift__(self, expected: Sequence[Expected]) -> Playbook:
        right = len(expected) == len(self._effects) and all(map(Expected.matches, expected, self._effects))
        assert right, "\n".join(["", *self._lines, "", f"expected: {list(expected)}", f"actual:   {self._effects}"])
        return self
