"""keepalived's and FRR's own timing on the wire (corpus/pcap) against the state machine.

One of the two hosts of a capture is replaced by our instance: it starts and stops when that host did, hears the other
host's adverts when they were captured, and has to take over when the real router did.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from alived.base import NS_PER_MS, NS_PER_S, DeadlineReached
from alived.vrrp.config import State, VrrpInstance
from alived.vrrp.events import (
    AdvertisementReceived,
    InstanceEvent,
    PrimaryAddressChanged,
    SendAdvertisement,
    Shutdown,
    Startup,
)
from alived.vrrp.instance import Instance
from tests.corpus import captures

ADDRESS = {"a": "192.0.2.1", "b": "192.0.2.2"}
START_MS = 250
"""A real router needs up to this long from its start to its first timer."""
LATE_MS = 15
"""The machine on which the captures were made was busy: its timers fired up to this late."""

REPLAYED = [
    ("v2-election-preempt", "a", 2),
    ("v2-election-preempt", "b", 1),
    ("v3-election-preempt", "a", 2),
    ("v3-election-preempt", "b", 1),
    ("v3-master-lost", "a", 2),
    ("v3-interval-mismatch", "a", 2),
    ("v3-interval-mismatch", "b", 1),
    ("v2-nopreempt", "a", 1),
    ("v2-nopreempt", "b", 0),
    ("v2-equal-priority", "a", 2),
    ("interop-v3-frr-wins", "a", 2),
]
"""Capture, host that we are, times that it became master."""


class Sent(NamedTuple):
    at_ns: int
    source: str
    priority: int
    interval_cs: int
    addresses: tuple[str, ...]


def capture(name: str) -> dict[str, Any]:
    return next(entry for entry in captures() if entry["file"] == f"{name}.pcap")


def adverts(entry: dict[str, Any]) -> list[Sent]:
    found = []
    for packet in entry["packets"]:
        if vrrp := packet.get("vrrp"):
            interval_cs = vrrp["max_adver_int_cs"] if vrrp["version"] == 3 else int(vrrp["hex"][10:12], 16) * 100
            at_ns = round(packet["t"] * NS_PER_S)
            found.append(Sent(at_ns, packet["ip"]["src"], vrrp["priority"], interval_cs, tuple(vrrp["addresses"])))
    return found


def configuration(entry: dict[str, Any], host: str) -> VrrpInstance:
    (text,) = (text for name, text in entry["configs"].items() if name.startswith(f"{host} "))

    def word(name: str) -> str:
        match = re.search(rf"\b{name} (\S+)", text)
        assert match, name
        return match[1]

    return VrrpInstance(
        name=host,
        interface=word("interface"),
        virtual_router_id=int(word("virtual_router_id")),
        version=int(word("vrrp_version")),
        priority=int(word("priority")),
        advert_interval_cs=round(float(word("advert_int")) * 100),
        initial_state=State(word("state")),
        nopreempt="nopreempt" in text,
        higher_prio_send_advert=False,
    )


def commands(entry: dict[str, Any], host: str) -> Iterator[tuple[int, InstanceEvent]]:
    """When the host was started and stopped. (Where it is both hosts, the text names both.)"""
    for seconds, text in entry["events"]:
        if re.search(rf"start\b.*\b{host}\b", text):
            yield round(seconds * NS_PER_S), Startup()
        elif re.search(rf"SIGTERM to {host}\b", text):
            yield round(seconds * NS_PER_S), Shutdown()


def replay(entry: dict[str, Any], host: str) -> list[Sent]:
    """What our instance sends in the place of this host."""
    instance = Instance(configuration(entry, host))
    instance.step(PrimaryAddressChanged(ADDRESS[host]), -100 * NS_PER_S)
    inputs: list[tuple[int, InstanceEvent]] = [*commands(entry, host)]
    for sent in adverts(entry):
        if sent.source != ADDRESS[host]:
            advert = AdvertisementReceived(sent.source, sent.priority, sent.interval_cs, sent.addresses)
            inputs.append((sent.at_ns, advert))
    ours = []
    end_ns = adverts(entry)[-1].at_ns
    for at_ns, event in [*sorted(inputs, key=lambda pair: pair[0]), (end_ns, None)]:
        while instance.deadline_ns is not None and instance.deadline_ns < at_ns:
            due_ns = instance.deadline_ns
            ours += [(due_ns, effect) for effect in instance.step(DeadlineReached(), due_ns)]
        if event is not None:
            ours += [(at_ns, effect) for effect in instance.step(event, at_ns)]
    return [
        Sent(moment_ns, ADDRESS[host], effect.priority, 0, ())
        for moment_ns, effect in ours
        if isinstance(effect, SendAdvertisement)
    ]


def takeovers(sent: list[Sent], source: str, others: list[Sent]) -> list[int]:
    """Times at which this router began to advertise, alone or after the other one."""
    everybody = sorted([*sent, *others], key=lambda advert: advert.at_ns)
    runs = [list(run) for _, run in itertools.groupby(everybody, key=lambda advert: advert.source)]
    return [run[0].at_ns for run in runs if run[0].source == source and run[0].priority]


@pytest.mark.parametrize(("name", "host", "times"), REPLAYED)
def test_we_take_over_when_the_real_router_did(name: str, host: str, times: int) -> None:
    entry = capture(name)
    captured = adverts(entry)
    others = [sent for sent in captured if sent.source != ADDRESS[host]]
    theirs = takeovers([sent for sent in captured if sent.source == ADDRESS[host]], ADDRESS[host], others)
    ours = takeovers(replay(entry, host), ADDRESS[host], others)
    assert len(ours) == len(theirs) == times
    for number, (our_ns, their_ns) in enumerate(zip(ours, theirs)):
        started_ns = min(at_ns for at_ns, event in commands(entry, host) if isinstance(event, Startup))
        heard_since = any(started_ns < other.at_ns < their_ns and other.priority > 100 for other in others)
        allowed_ms = LATE_MS if number or heard_since else START_MS
        assert 0 <= their_ns - our_ns <= allowed_ms * NS_PER_MS, (our_ns, their_ns)


def test_master_lost_to_the_tenth_of_a_millisecond() -> None:
    """3 x 500 ms + 304.6875 ms after the last advert of b, which came 3.508276 s after the first."""
    ours = replay(capture("v3-master-lost"), "a")
    assert ours[0].at_ns == 3_508_276_000 + 1_804_687_500


def test_priority_zero_to_the_tenth_of_a_millisecond() -> None:
    """609.375 ms after the priority 0 of b."""
    ours = replay(capture("v2-election-preempt"), "a")
    assert next(sent.at_ns for sent in ours if sent.at_ns > 8 * NS_PER_S) == 8_228_515_000 + 609_375_000


def test_the_adopted_interval_counts_for_skew_time() -> None:
    """b advertises every 1.5 s: 156/256 of that after its priority 0, not of our own 0.5 s."""
    ours = replay(capture("v3-interval-mismatch"), "a")
    assert next(sent.at_ns for sent in ours if sent.at_ns > 14 * NS_PER_S) == 14_316_685_000 + 914_062_500
