"""Carries out what the holders of addresses want: netlink batches and announcements, in slices.

Urgent work (remove, bind and first announcement) goes before the repeats of anybody's announcements. A slice takes
about a millisecond; between two slices the loop hears and sends adverts, so binding 5000 addresses delays none.
"""

from __future__ import annotations

import collections
import os
from collections.abc import Callable, Sequence

from alived.adapters.loop import Loop, now_ns
from alived.adapters.neighbours import FrameSender
from alived.adapters.netlink import Requests
from alived.adapters.sysctl import is_forwarding
from alived.base import NS_PER_MS, Family
from alived.daemon.links import Links
from alived.vip.config import VirtualAddress
from alived.vip.events import AddAddresses, ProbeAddresses, RemoveAddresses, SendGratuitous
from alived.vip.kernel import address_request
from alived.wire import neighbour, rtnetlink
from alived.wire.inet import pack_address

SLICE_ADDRESSES = 16
SLICE_NS = NS_PER_MS
ENOENT_ERRORS = {99, 19, 2, 6}
"""EADDRNOTAVAIL, ENODEV, ENOENT, ENXIO: what should be removed is not there."""
BindFailed = Callable[[str, VirtualAddress, str], None]


class Job:
    """A list of addresses that is worked through in slices."""

    __slots__ = ("addresses", "announce", "done", "group", "lifetime_s", "run")

    def __init__(
        self, group: str, addresses: Sequence[VirtualAddress], run: Callable[[Job, Sequence[VirtualAddress]], None]
    ) -> None:
        self.group, self.addresses, self.run = group, addresses, run
        self.done = 0
        self.lifetime_s = 0
        self.announce = False


class AddressWork:
    """The queues, and the sockets that they need. failed: told of each address that the kernel refuses."""

    def __init__(self, loop: Loop, requests: Requests, links: Links, failed: BindFailed) -> None:
        self._loop, self._requests, self._links, self._failed = loop, requests, links, failed
        self._urgent: collections.deque[Job] = collections.deque()
        self._repeats: collections.deque[Job] = collections.deque()
        self._frames: dict[int, FrameSender] = {}
        self._scheduled = False
        self._idle: Callable[[], None] | None = None

    @property
    def busy(self) -> bool:
        """Whether addresses wait to be bound or removed."""
        return bool(self._urgent)

    def when_idle(self, callback: Callable[[], None]) -> None:
        """Calls back once everything urgent is done."""
        self._idle = callback
        self._schedule()

    # -- what the holders want --

    def add(self, effect: AddAddresses) -> None:
        job = Job(effect.group, effect.addresses, self._bind)
        job.lifetime_s = effect.lifetime_s
        self._enqueue(self._urgent, job)

    def remove(self, effect: RemoveAddresses) -> None:
        """What waits for this group is forgotten: it would bind what must go."""
        for queue in (self._urgent, self._repeats):
            for job in [j for j in queue if j.group == effect.group]:
                queue.remove(job)
        self._enqueue(self._urgent, Job(effect.group, effect.addresses, self._unbind))

    def announce(self, effect: SendGratuitous) -> None:
        if effect.round:
            self._enqueue(self._repeats, Job(effect.group, effect.addresses, self._gratuitous))
            return
        last = self._urgent[-1] if self._urgent else None
        if last and last.group == effect.group and last.run == self._bind and last.addresses == effect.addresses:
            last.announce = True  # each slice is announced as soon as it is bound
        else:
            self._enqueue(self._urgent, Job(effect.group, effect.addresses, self._gratuitous))

    def probe(self, effect: ProbeAddresses) -> None:
        self._enqueue(self._urgent, Job(effect.group, effect.addresses, self._probe))

    # -- slices --

    def _enqueue(self, queue: collections.deque[Job], job: Job) -> None:
        if job.addresses:
            queue.append(job)
            self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.add_work(self._work)

    def _work(self) -> None:
        self._scheduled = False
        end = now_ns() + SLICE_NS
        while queue := self._urgent or self._repeats:
            job = queue[0]
            part = job.addresses[job.done : job.done + SLICE_ADDRESSES]
            job.done += len(part)
            if job.done >= len(job.addresses):
                queue.popleft()
            job.run(job, part)
            if now_ns() >= end:
                break
        if self._urgent or self._repeats:
            self._schedule()
        callback = self._idle
        if callback and not self._urgent:
            self._idle = None
            callback()

    def _bind(self, job: Job, part: Sequence[VirtualAddress]) -> None:
        self._change(job, part, rtnetlink.RTM_NEWADDR)
        if job.announce:
            self._gratuitous(job, part)

    def _unbind(self, job: Job, part: Sequence[VirtualAddress]) -> None:
        self._change(job, part, rtnetlink.RTM_DELADDR)

    def _change(self, job: Job, part: Sequence[VirtualAddress], message_type: int) -> None:
        adding = message_type == rtnetlink.RTM_NEWADDR
        messages: list[bytes] = []
        asked: dict[int, VirtualAddress] = {}
        sequence = 0
        known = [(va, link.index) for va in part if (link := self._links.get(va.interface))]
        for number, (va, index) in enumerate(known, 1):
            sequence = self._requests.next_sequence()
            asked[sequence] = va
            request = address_request(va, index, job.lifetime_s)
            last = number == len(known)
            messages.append(rtnetlink.address_message(message_type, sequence, **request, ack=last, replace=adding))
        failed = self._requests.transact(messages, sequence) if messages else {}
        for number, error in failed.items():
            if adding or error not in ENOENT_ERRORS:
                self._failed(job.group, asked[number], f"{os.strerror(error)} ({error})")
        if adding and len(known) < len(part):
            for va in part:
                if not self._links.get(va.interface):
                    self._failed(job.group, va, f"there is no interface {va.interface}")

    def _gratuitous(self, _job: Job, part: Sequence[VirtualAddress]) -> None:
        for va in part:
            link = self._links.get(va.interface)
            if link is None or not link.running:
                continue
            if va.family is Family.IPV4:
                frame = neighbour.gratuitous_arp(link.mac, pack_address(va.address))
            else:
                source = self._links.primary_address(va.interface, Family.IPV6, ()) or va.address
                router = is_forwarding(va.interface)
                frame = neighbour.unsolicited_na(link.mac, pack_address(source), pack_address(va.address), router)
            self._send(link.index, va.interface, frame)

    def _probe(self, _job: Job, part: Sequence[VirtualAddress]) -> None:
        for va in part:
            link = self._links.get(va.interface)
            if link and link.running and va.family is Family.IPV4:
                self._send(link.index, va.interface, neighbour.arp_probe(link.mac, pack_address(va.address)))

    def _send(self, index: int, interface: str, frame: bytes) -> None:
        sender = self._frames.get(index)
        try:
            if sender is None:
                sender = self._frames[index] = FrameSender(interface)
            sender.send(frame)
        except OSError:
            # The link went down or away under us; its return announces everything again.
            if stale := self._frames.pop(index, None):
                stale.close()
