"""Carries out what the holders of addresses want: netlink batches and announcements, in slices.

Urgent work (remove, bind and first announcement) goes before the repeats of anybody's announcements. A slice takes
about a millisecond; between two slices the loop hears and sends adverts, so binding 5000 addresses delays none.
"""

from __future__ import annotations

import collections
import errno
import functools
import os
from collections.abc import Callable, Collection, Iterable, Sequence

from alived.adapters.loop import Loop, now_ns
from alived.adapters.neighbours import FrameSender
from alived.adapters.netlink import Requests
from alived.adapters.renewer import Renewer
from alived.adapters.sysctl import is_forwarding
from alived.base import NS_PER_MS, Family
from alived.daemon.engine.links import Links
from alived.vip.config import VipGroup, VirtualAddress
from alived.vip.events import AddAddresses, ProbeAddresses, RemoveAddresses, SendGratuitous
from alived.vip.kernel import address_request
from alived.wire import neighbour, rtnetlink
from alived.wire.inet import pack_address
from alived.wire.rtnetlink import Link

SLICE_ADDRESSES = 16
SLICE_NS = NS_PER_MS
BATCH_MIN, BATCH_MAX = 8, 64
ANNOUNCE_AFTER = 1024
"""So many addresses are bound before they are announced: an announcement costs as much as a binding, and the last
address answers the sooner; with thousands the first ones are announced meanwhile."""
NOT_THERE = {errno.EADDRNOTAVAIL, errno.ENODEV, errno.ENOENT, errno.ENXIO}
"""What should be removed is gone already."""
NO_ROOM = {errno.EAGAIN, errno.ENOBUFS}
IFF_LOOPBACK, IFF_NOARP = 0x08, 0x80
MAC_BYTES = 6
BindFailed = Callable[[str, VirtualAddress, str], None]
Absent = Callable[[str, VirtualAddress], None]


class Job:
    """A list of addresses that is worked through in slices."""

    __slots__ = ("addresses", "announce", "done", "group", "lifetime_s", "message_type", "probe")

    def __init__(self, group: str, addresses: Sequence[VirtualAddress], message_type: int = 0) -> None:
        self.group, self.addresses, self.message_type = group, addresses, message_type
        self.done = 0
        self.lifetime_s = 0
        self.announce = False
        self.probe = False

    def take(self, count: int) -> Sequence[VirtualAddress]:
        part = self.addresses[self.done : self.done + count]
        self.done += len(part)
        return part

    def leave_out(self, going: Collection[tuple[str, str]]) -> None:
        """Drops these (interface, address) from what is left to do."""
        left = self.addresses[self.done :]
        self.addresses, self.done = [va for va in left if (va.interface, va.address) not in going], 0

    @property
    def finished(self) -> bool:
        return self.done >= len(self.addresses)


@functools.lru_cache(maxsize=1 << 15)
def _request(message_type: int, va: VirtualAddress, index: int, lifetime_s: int) -> bytes:
    """Built once: a fail-over only stamps sequence numbers into it."""
    return rtnetlink.address_message(message_type, 0, **address_request(va, index, lifetime_s))


class AddressWork:
    """The queues, and the sockets that they need. failed: told of each address that the kernel refuses. absent: told of
    each that was to be removed and is not there, of which the monitor has nothing to say."""

    def __init__(self, loop: Loop, requests: Requests, links: Links, failed: BindFailed, absent: Absent) -> None:
        self._loop, self._requests, self._links, self._failed = loop, requests, links, failed
        self._absent = absent
        self._renewer = Renewer()
        self._urgent: collections.deque[Job] = collections.deque()
        self._repeats: collections.deque[Job] = collections.deque()
        self._waiting: dict[str, list[Job]] = {}
        """Jobs of each group that a removal forgets: when a thousand groups let go at once, each looks at its own."""
        self._unprepared: collections.deque[tuple[VirtualAddress, int]] = collections.deque()
        self._frames: dict[str, tuple[int, FrameSender]] = {}
        """By interface; the index tells whether it is still the one of that name."""
        self._scheduled = self._pausing = False
        self._fresh: dict[str, list[VirtualAddress]] = {}
        """Bound and not announced yet, by group."""
        self._fresh_count = 0
        self._batch = SLICE_ADDRESSES
        """How many addresses the kernel binds or removes in SLICE_NS, by the last batch."""
        self._idle: Callable[[], None] | None = None

    @property
    def busy(self) -> bool:
        """Whether addresses wait to be bound or removed."""
        return bool(self._urgent)

    def when_idle(self, callback: Callable[[], None]) -> None:
        """Calls back once everything urgent is done."""
        self._idle = callback
        self._schedule()

    def prepare(self, vips: VipGroup) -> None:
        """Builds the requests for these addresses now, in slices, so that a fail-over finds them built."""
        if vips.addresses and not self._unprepared:
            self._loop.add_work(self._prepare)
        self._unprepared += [(va, vips.lifetime_s or 0) for va in vips.addresses]

    def _prepare(self) -> None:
        for _ in range(min(SLICE_ADDRESSES, len(self._unprepared))):
            va, lifetime_s = self._unprepared.popleft()
            if link := self._links.get(va.interface):
                _request(rtnetlink.RTM_NEWADDR, va, link.index, lifetime_s)
                pack_address(va.address)
        if self._unprepared:
            self._loop.add_work(self._prepare)

    # -- what the holders want --

    def add(self, effect: AddAddresses) -> None:
        if effect.renewal:
            known = [(va, link.index) for va in effect.addresses if (link := self._links.get(va.interface))]
            messages = [_request(rtnetlink.RTM_NEWADDR, va, index, effect.lifetime_s) for va, index in known]
            self._renewer.renew(effect.group, messages)
            return
        job = Job(effect.group, effect.addresses, rtnetlink.RTM_NEWADDR)
        job.lifetime_s = effect.lifetime_s
        self._enqueue(self._urgent, job)

    def remove(self, effect: RemoveAddresses) -> None:
        self.forget(effect)
        self.take_away(effect)

    def forget(self, effect: RemoveAddresses) -> None:
        """Leaves out what waits for these addresses of the group: it would bind what must go. Other addresses stay,
        and so do removals that wait."""
        going = {(va.interface, va.address) for va in effect.addresses}
        for job in self._waiting.get(effect.group, ()):
            job.leave_out(going)
        if fresh := self._fresh.get(effect.group):
            self._fresh[effect.group] = [va for va in fresh if (va.interface, va.address) not in going]
        self._renewer.forget(effect.group)

    def take_away(self, effect: RemoveAddresses) -> None:
        """The removal alone: what has been asked for since then is done after it."""
        if effect.addresses:  # in front: in a reload an address may go to a group that has just asked for it
            self._urgent.appendleft(Job(effect.group, effect.addresses, rtnetlink.RTM_DELADDR))
            self._schedule()

    def announce(self, effect: SendGratuitous) -> None:
        if effect.round:
            self._enqueue(self._repeats, Job(effect.group, effect.addresses))
            return
        last = self._urgent[-1] if self._urgent else None
        if last and last.message_type == rtnetlink.RTM_NEWADDR and last.addresses is effect.addresses:
            last.announce = True
        else:
            self._enqueue(self._urgent, Job(effect.group, effect.addresses))

    def probe(self, effect: ProbeAddresses) -> None:
        job = Job(effect.group, effect.addresses)
        job.probe = True
        self._enqueue(self._repeats, job)

    # -- slices --

    def _enqueue(self, queue: collections.deque[Job], job: Job) -> None:
        if job.addresses:
            queue.append(job)
            self._waiting.setdefault(job.group, []).append(job)
            self._schedule()

    def _dequeue(self, queue: collections.deque[Job]) -> None:
        job = queue.popleft()
        if job.message_type != rtnetlink.RTM_DELADDR:
            jobs = self._waiting[job.group]
            jobs.remove(job)
            if not jobs:
                del self._waiting[job.group]

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.add_work(self._work)

    def _work(self) -> None:
        self._scheduled = False
        end = now_ns() + SLICE_NS
        while queue := self._urgent or self._repeats:
            if queue[0].message_type:
                self._change(queue)
            else:
                job = queue[0]
                (self._probe if job.probe else self._gratuitous)(job.take(SLICE_ADDRESSES))
                if job.finished:
                    self._dequeue(queue)
            if now_ns() >= end:
                break
        if self._urgent:
            self._schedule()
        elif self._repeats and not self._pausing:
            # Nobody waits for repeats, and this process has the CPU before all others: it leaves them half of it.
            self._pausing = True
            self._loop.call_later(SLICE_NS, self._end_pause)
        callback = self._idle
        if callback and not self._urgent:
            self._idle = None
            callback()

    def _end_pause(self) -> None:
        self._pausing = False
        self._schedule()

    def _change(self, queue: collections.deque[Job]) -> None:
        """One netlink batch from the jobs in front: many instances with one address each are one batch as well."""
        asked, impossible = self._collect(queue)
        errors = self._transact([message for _, _, message in asked])
        for number, (job, va, _) in enumerate(asked):
            if job.announce and number not in errors:
                self._fresh.setdefault(job.group, []).append(va)
                self._fresh_count += 1
        if self._fresh_count >= ANNOUNCE_AFTER or not (queue and queue[0].message_type):
            self._announce_fresh()
        for job, va in impossible:  # last: who is told may put other work into the queues
            self._tell(job, va, f"there is no interface {va.interface}", errno.ENODEV)
        for number, error in errors.items():
            job, va, _ = asked[number]
            self._tell(job, va, f"{os.strerror(error)} ({error})", error)

    def _collect(
        self, queue: collections.deque[Job]
    ) -> tuple[list[tuple[Job, VirtualAddress, bytes]], list[tuple[Job, VirtualAddress]]]:
        """What to ask the kernel in one batch, and what has no interface to ask for."""
        asked: list[tuple[Job, VirtualAddress, bytes]] = []
        impossible: list[tuple[Job, VirtualAddress]] = []
        while queue and queue[0].message_type and len(asked) < self._batch:
            job = queue[0]
            for va in job.take(self._batch - len(asked)):
                link = self._links.get(va.interface)
                if link:
                    asked.append((job, va, _request(job.message_type, va, link.index, job.lifetime_s)))
                else:
                    impossible.append((job, va))
            if job.finished:
                self._dequeue(queue)
        return asked, impossible

    def _tell(self, job: Job, va: VirtualAddress, reason: str, error: int) -> None:
        """What the kernel did not do."""
        if job.message_type == rtnetlink.RTM_NEWADDR or error not in NOT_THERE:
            self._failed(job.group, va, reason)
        else:
            self._absent(job.group, va)

    def _announce_fresh(self) -> None:
        """What has been bound is announced before more is bound."""
        for group, fresh in reversed(self._fresh.items()):
            job = Job(group, fresh)
            self._urgent.appendleft(job)
            self._waiting.setdefault(group, []).append(job)
        self._fresh.clear()
        self._fresh_count = 0

    def _transact(self, messages: Sequence[bytes]) -> dict[int, int]:
        """errno by position of what the kernel refused."""
        if not messages:
            return {}
        began = now_ns()
        with self._renewer.exclusive():
            errors = self._requests.transact(messages)
        # An address costs 10 us where there are few and 130 us where there are thousands (the kernel walks a list).
        fitting = len(messages) * SLICE_NS // max(now_ns() - began, 1)
        self._batch = min(max(fitting, BATCH_MIN), BATCH_MAX)
        return errors

    # -- frames --

    def _gratuitous(self, part: Iterable[VirtualAddress]) -> None:
        routers: dict[str, tuple[bytes, bool]] = {}
        for va in part:
            link = self._announceable(va)
            if link is None:
                continue
            if va.family is Family.IPV4:
                frame = neighbour.gratuitous_arp(link.mac, pack_address(va.address))
            else:
                known = routers.get(va.interface)
                if known is None:
                    known = routers[va.interface] = self._ipv6_sender(va.interface)
                source, is_router = known
                target = pack_address(va.address)
                frame = neighbour.unsolicited_na(link.mac, source or target, target, is_router)
            self._send(link.index, va.interface, frame)

    def _ipv6_sender(self, interface: str) -> tuple[bytes, bool]:
        """Source of its neighbour advertisements (b"": there is none) and whether it belongs to a router."""
        source = self._links.primary_address(interface, Family.IPV6, ())
        return pack_address(source) if source else b"", is_forwarding(interface)

    def _probe(self, part: Sequence[VirtualAddress]) -> None:
        for va in part:
            link = self._announceable(va)
            if link and va.family is Family.IPV4:
                self._send(link.index, va.interface, neighbour.arp_probe(link.mac, pack_address(va.address)))

    def _announceable(self, va: VirtualAddress) -> Link | None:
        """The link of the address if it has neighbours who can hear of it: not a loopback, tunnel or dummy."""
        link = self._links.get(va.interface)
        if link and link.running and len(link.mac) == MAC_BYTES and not link.flags & (IFF_LOOPBACK | IFF_NOARP):
            return link
        return None

    def _send(self, index: int, interface: str, frame: bytes) -> None:
        try:
            known = self._frames.get(interface)
            if known is None or known[0] != index:
                self._close_frames(interface)
                known = self._frames[interface] = (index, FrameSender(interface))
            known[1].send(frame)
        except OSError as error:
            if error.errno in NO_ROOM:
                return  # the device cannot keep up: the repeats are there for what is lost
            # The link went down or away under us; its return announces everything again.
            self._close_frames(interface)

    def _close_frames(self, interface: str) -> None:
        if stale := self._frames.pop(interface, None):
            stale[1].close()
