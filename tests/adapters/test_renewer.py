"""Renewals in a thread: none may be carried out after its address was removed."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from alived.adapters import renewer as renewer_module
from alived.adapters.netlink import Requests
from alived.adapters.renewer import BATCH, Renewer
from alived.base import Family
from alived.wire import rtnetlink
from alived.wire.inet import pack_address
from tests.segment import PATIENCE_S, Segment, addresses_of


class SlowKernel:
    """Requests that take until somebody says `go`."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.done: list[Sequence[bytes]] = []
        self.error: OSError | None = None
        self.pause_s = 0.0

    def transact(self, messages: Sequence[bytes]) -> dict[int, int]:
        self.begun.release()
        assert self.go.acquire(timeout=PATIENCE_S)
        time.sleep(self.pause_s)
        self.done.append(messages)
        if self.error:
            raise self.error
        return {}


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowKernel]:
    kernel = SlowKernel()
    monkeypatch.setattr(renewer_module, "Requests", lambda: kernel)
    yield kernel
    kernel.go.release(1000)


def began(kernel: SlowKernel) -> bool:
    return kernel.begun.acquire(timeout=PATIENCE_S)


def test_a_removal_waits_for_the_renewal_under_way_and_forgets_the_rest(kernel: SlowKernel) -> None:
    renewer = Renewer()
    renewer.renew("A", [b"a1"])
    renewer.renew("A", [b"a2"])
    renewer.renew("B", [b"b"])
    assert began(kernel)
    forgotten = threading.Event()
    remover = threading.Thread(target=lambda: (renewer.forget("A"), forgotten.set()))
    remover.start()
    assert not forgotten.wait(0.05), "a renewal of A is under way"
    assert kernel.done == []
    kernel.go.release()
    assert forgotten.wait(PATIENCE_S)
    remover.join()
    assert kernel.done == [[b"a1"]]
    kernel.go.release(10)
    assert began(kernel)
    renewer.forget("B")
    assert kernel.done == [[b"a1"], [b"b"]]


def test_what_is_forgotten_before_it_begins_never_runs(kernel: SlowKernel) -> None:
    renewer = Renewer()
    renewer._started = True  # the thread comes later, so that nothing has begun
    renewer.renew("A", [b"a"] * (3 * BATCH))
    renewer.renew("B", [b"b"])
    renewer.forget("A")
    kernel.go.release(10)
    threading.Thread(target=renewer._run, args=(os.SCHED_OTHER, os.sched_param(0)), daemon=True).start()
    assert began(kernel)
    renewer.forget("B")
    assert kernel.done == [[b"b"]]


def test_whoever_removes_waits_for_one_batch_and_not_for_the_queue(kernel: SlowKernel) -> None:
    """The thread gives the lock back and wants it again at once: an impatient engine would get it last."""
    renewer = Renewer()
    kernel.pause_s = 0.01
    kernel.go.release(1000)
    renewer.renew("A", [b"a"] * (100 * BATCH))
    assert began(kernel)
    for _ in range(5):
        before = len(kernel.done)
        with renewer.exclusive():
            assert len(kernel.done) - before <= 2
    before = len(kernel.done)
    renewer.forget("A")
    assert len(kernel.done) - before <= 2
    assert len(kernel.done) < 50


def test_nothing_runs_while_somebody_has_it_exclusively(kernel: SlowKernel) -> None:
    renewer = Renewer()
    kernel.go.release(10)
    with renewer.exclusive():
        renewer.renew("A", [b"a"])
        assert not kernel.begun.acquire(timeout=0.05)
    assert began(kernel)


def test_long_lists_are_cut_so_that_nobody_waits_long(kernel: SlowKernel) -> None:
    kernel.go.release(10)
    renewer = Renewer()
    renewer.renew("A", [bytes([n]) for n in range(BATCH + 1)])
    assert began(kernel)
    assert began(kernel)
    renewer.forget("A")
    assert [len(messages) for messages in kernel.done] == [BATCH, 1]


def test_a_kernel_without_buffers_does_not_end_the_thread(kernel: SlowKernel) -> None:
    kernel.error = OSError("no buffers")
    kernel.go.release(10)
    renewer = Renewer()
    renewer.renew("A", [b"1"])
    renewer.renew("A", [b"2"])
    assert began(kernel)
    assert began(kernel)


def test_the_thread_runs_as_the_engine_does(kernel: SlowKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real-time scheduling is not inherited by threads of the engine (SCHED_RESET_ON_FORK)."""
    asked: list[tuple[int, int, int]] = []
    monkeypatch.setattr(os, "sched_getscheduler", lambda _: os.SCHED_RR | os.SCHED_RESET_ON_FORK)
    monkeypatch.setattr(os, "sched_getparam", lambda _: os.sched_param(7))
    monkeypatch.setattr(
        os,
        "sched_setscheduler",
        lambda _, policy, param: asked.append((threading.get_native_id(), policy, param.sched_priority)),
    )
    kernel.go.release(10)
    Renewer().renew("A", [b"a"])
    assert began(kernel)
    assert [(policy & ~os.SCHED_RESET_ON_FORK, priority) for _, policy, priority in asked] == [(os.SCHED_RR, 7)]
    assert asked[0][0] != threading.get_native_id()


@pytest.mark.lab
def test_on_a_kernel_an_address_that_was_removed_stays_removed(segment: Segment) -> None:
    """Renewals make an address that is not there: each removal comes after all that were queued before it."""
    renewer, requests = Renewer(), Requests()
    eth0 = socket.if_nametoindex("eth0")

    def message(kind: int, number: int) -> bytes:
        return rtnetlink.address_message(
            kind,
            0,
            family=Family.IPV4,
            index=eth0,
            prefix_length=32,
            local=pack_address(f"10.9.0.{number}"),
            valid_lft=60,
            preferred_lft=60,
        )

    every = range(1, 201)
    for _ in range(20):
        renewer.renew("A", [message(rtnetlink.RTM_NEWADDR, number) for number in every])
        renewer.forget("A")
        with renewer.exclusive():
            requests.transact([message(rtnetlink.RTM_DELADDR, number) for number in every])
        assert not [text for text in addresses_of("eth0") if text.startswith("10.9.")]
    renewer.renew("A", [message(rtnetlink.RTM_NEWADDR, 1)])
    patience = threading.Event()
    for _ in range(int(PATIENCE_S / 0.01)):
        if "10.9.0.1/32" in addresses_of("eth0"):
            break
        patience.wait(0.01)
    assert "10.9.0.1/32" in addresses_of("eth0")
