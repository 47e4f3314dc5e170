"""The loop: what comes before what in a turn, and what ends a wait."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator

import pytest

from alived.adapters.loop import FOREVER, Loop, now_ns
from alived.base import NS_PER_MS, NS_PER_S


@pytest.fixture
def loop() -> Iterator[Loop]:
    with contextlib.closing(Loop()) as loop:
        yield loop


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        other.setblocking(False)
        yield one, other


Pair = tuple[socket.socket, socket.socket]


def test_a_turn_is_sockets_then_timers_then_soon_then_one_slice_of_work(loop: Loop, pair: Pair) -> None:
    order: list[str] = []
    loop.add_work(lambda: order.append("work 1"))
    loop.add_work(lambda: order.append("work 2"))
    loop.call_soon(lambda: order.append("soon"))
    loop.call_at(0, lambda: order.append("timer"))
    loop.add_reader(pair[0].fileno(), lambda: order.append(f"socket {pair[0].recv(9)!r}"))
    pair[1].send(b"x")
    loop.turn()
    assert order == ["socket b'x'", "timer", "soon", "work 1"]
    loop.turn()
    assert order[-1] == "work 2"


def test_an_advert_in_the_buffer_is_heard_before_its_silence_is_judged(loop: Loop, pair: Pair) -> None:
    """The timer of Master_Down_Interval is due, and so is a packet: the packet cancels the timer."""
    fired: list[str] = []
    timer = loop.call_at(now_ns(), lambda: fired.append("silence"))

    def hear() -> None:
        pair[0].recv(9)
        timer.cancel()

    loop.add_reader(pair[0].fileno(), hear)
    pair[1].send(b"advert")
    loop.turn()
    assert fired == []


def test_timers_run_in_the_order_of_their_deadlines_and_equal_ones_in_that_of_their_making(loop: Loop) -> None:
    order: list[int] = []
    for number, deadline in enumerate([30, 10, 20, 10]):
        loop.call_at(deadline, lambda number=number: order.append(number))  # type: ignore[misc]
    loop.turn()
    assert order == [1, 3, 2, 0]


def test_a_timer_never_runs_before_its_deadline(loop: Loop) -> None:
    ran: list[int] = []
    deadline = now_ns() + 3 * NS_PER_MS
    loop.call_at(deadline, lambda: ran.append(now_ns()))
    while not ran:
        loop.turn()
    assert ran[0] >= deadline
    assert loop.lateness_max_ns >= 0


def test_a_cancelled_timer_is_forgotten_and_ends_no_wait(loop: Loop) -> None:
    ran: list[str] = []
    loop.call_later(NS_PER_MS, lambda: ran.append("cancelled")).cancel()
    loop.call_later(2 * NS_PER_MS, lambda: ran.append("kept"))
    loop.turn()
    assert ran == ["kept"]


def test_a_timer_may_cancel_another_that_is_due_as_well(loop: Loop) -> None:
    ran: list[str] = []
    second = loop.call_at(2, lambda: ran.append("second"))
    loop.call_at(1, second.cancel)
    loop.turn()
    assert ran == []


def test_a_timer_that_arms_itself_for_now_does_not_keep_the_others_waiting(loop: Loop, pair: Pair) -> None:
    again: list[int] = []

    def tick() -> None:
        again.append(1)
        loop.call_later(0, tick)

    loop.call_at(0, tick)
    heard: list[bytes] = []
    loop.add_reader(pair[0].fileno(), lambda: heard.append(pair[0].recv(9)))
    pair[1].send(b"x")
    for _ in range(3):
        loop.turn()
    assert heard == [b"x"]


def test_an_earlier_timer_made_later_moves_the_alarm(loop: Loop) -> None:
    ran: list[str] = []
    loop.call_later(NS_PER_S * 60, lambda: ran.append("late"))
    loop.call_soon(lambda: loop.call_later(NS_PER_MS, lambda: ran.append("early")) and None)
    loop.turn()
    loop.turn()
    assert ran == ["early"]


def test_lateness_is_how_long_after_its_deadline_a_timer_ran(loop: Loop) -> None:
    loop.call_at(now_ns() - 5 * NS_PER_MS, lambda: None)
    loop.turn()
    assert loop.lateness_max_ns >= 5 * NS_PER_MS


def test_a_writer_is_called_while_there_is_room(loop: Loop, pair: Pair) -> None:
    calls: list[str] = []
    loop.add_writer(pair[0].fileno(), lambda: calls.append("room"))
    loop.turn()
    loop.turn()
    loop.remove_writer(pair[0].fileno())
    loop.call_at(0, lambda: None)
    loop.turn()
    assert calls == ["room", "room"]


def test_reader_and_writer_of_one_file_are_independent(loop: Loop, pair: Pair) -> None:
    calls: list[str] = []
    fd = pair[0].fileno()
    loop.add_reader(fd, lambda: calls.append(pair[0].recv(9).decode()))
    loop.add_writer(fd, lambda: calls.append("room"))
    pair[1].send(b"x")
    loop.turn()
    assert calls == ["x", "room"]
    loop.remove_writer(fd)
    pair[1].send(b"y")
    loop.turn()
    assert calls == ["x", "room", "y"]
    loop.remove_reader(fd)
    pair[1].send(b"z")
    loop.call_at(0, lambda: calls.append("timer"))
    loop.turn()
    assert calls[-1] == "timer"


def test_one_call_says_both_what_is_read_and_what_is_written(loop: Loop, pair: Pair) -> None:
    said: list[str] = []
    fd = pair[0].fileno()
    pair[1].send(b"x")
    loop.watch(fd, None, lambda: said.append("write"))
    loop.turn()
    assert said == ["write"]
    loop.watch(fd, lambda: said.append("read"), None)
    loop.turn()
    assert said == ["write", "read"]
    loop.watch(fd, None, None)
    loop.watch(fd, None, None)  # nobody minds what is forgotten already
    loop.call_soon(lambda: None)
    loop.turn()
    assert said == ["write", "read"]


def test_the_end_of_the_other_side_wakes_reader_and_writer(loop: Loop, pair: Pair) -> None:
    calls: list[str] = []
    loop.add_reader(pair[0].fileno(), lambda: calls.append("read"))
    loop.add_writer(pair[0].fileno(), lambda: calls.append("write"))
    pair[1].close()
    loop.turn()
    assert calls == ["read", "write"]


def test_a_reader_that_an_earlier_one_of_the_same_turn_removed_is_not_called(loop: Loop) -> None:
    with contextlib.ExitStack() as undo:
        pairs = [socket.socketpair() for _ in range(2)]
        for one, other in pairs:
            undo.enter_context(one)
            undo.enter_context(other)
            other.send(b"x")
        called: list[int] = []

        def read(number: int) -> None:
            called.append(number)
            for one, _ in pairs:
                loop.remove_reader(one.fileno())

        for number, (one, _) in enumerate(pairs):
            loop.add_reader(one.fileno(), lambda number=number: read(number))  # type: ignore[misc]
        loop.turn()
        assert len(called) == 1


def test_what_is_ready_of_a_closed_file_is_not_told_to_the_next_one_of_its_number(loop: Loop) -> None:
    pipes = [os.pipe() for _ in range(2)]
    called: list[str] = []
    opened: list[int] = []

    def replaced(mine: int, others: int) -> None:
        """Whichever is ready first closes the other, whose number goes to a pipe without data."""
        if opened:
            return
        for fd in (mine, others):
            loop.remove_reader(fd)
            os.close(fd)
        opened.extend((*os.pipe(), *os.pipe()))
        for fd in opened[::2]:
            loop.add_reader(fd, lambda: called.append("reader"))
            loop.add_writer(fd, lambda: called.append("writer"))

    (one, to_one), (two, to_two) = pipes
    loop.add_reader(one, lambda: replaced(one, two))
    loop.add_reader(two, lambda: replaced(two, one))
    os.close(to_one)
    os.close(to_two)
    loop.turn()
    assert {one, two} <= set(opened)
    assert called == []
    for fd in opened:
        os.close(fd)


def test_work_does_not_stop_sockets_and_timers(loop: Loop, pair: Pair) -> None:
    order: list[str] = []

    def slice_of_work() -> None:
        order.append("work")
        if len(order) < 6:
            loop.add_work(slice_of_work)
        if len(order) == 2:
            pair[1].send(b"x")

    loop.add_reader(pair[0].fileno(), lambda: order.append(pair[0].recv(9).decode()))
    loop.add_work(slice_of_work)
    for _ in range(4):
        loop.turn()
    assert order == ["work", "work", "x", "work", "work"]


def test_soon_called_from_soon_waits_for_the_next_turn(loop: Loop) -> None:
    order: list[str] = []

    def first() -> None:
        order.append("first")
        loop.call_soon(lambda: order.append("second"))

    loop.call_soon(first)
    loop.turn()
    assert order == ["first"]
    loop.turn()
    assert order == ["first", "second"]


def test_a_signal_ends_the_wait_and_calls_back_in_the_loop(loop: Loop) -> None:
    caught: list[str] = []
    loop.on_signal(signal.SIGUSR1, lambda: caught.append(threading.current_thread().name))
    guard = loop.call_later(60 * NS_PER_S, lambda: pytest.fail("the signal did not end the wait"))
    killer = threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGUSR1))
    killer.start()
    loop.turn()
    killer.join()
    guard.cancel()
    if not caught:
        loop.turn()
    assert caught == ["MainThread"]


def test_what_cannot_wait_for_the_loop_is_called_in_the_handler(loop: Loop) -> None:
    calls: list[str] = []
    loop.on_signal(signal.SIGUSR1, lambda: calls.append("in the loop"), lambda: calls.append("at once"))
    signal.raise_signal(signal.SIGUSR1)
    assert calls == ["at once"]
    loop.turn()
    assert calls == ["at once", "in the loop"]


def test_run_ends_after_the_turn_in_which_somebody_said_stop(loop: Loop) -> None:
    order: list[str] = []

    def stop() -> None:
        order.append("stop")
        loop.stop()

    loop.call_at(0, stop)
    loop.call_soon(lambda: order.append("the rest of the turn"))
    loop.run()
    assert order == ["stop", "the rest of the turn"]


def test_the_gap_lets_a_batch_come_together_and_busy_turns_do_not_sleep(loop: Loop, pair: Pair) -> None:
    loop.turn_gap_ns = 20 * NS_PER_MS
    loop.add_reader(pair[0].fileno(), lambda: pair[0].recv(9) and None)
    start = now_ns()
    for _ in range(3):
        pair[1].send(b"x")
        loop.turn()
    end = now_ns()
    assert end - start >= 40 * NS_PER_MS, "two gaps"
    work_done: list[int] = []
    for _ in range(50):
        loop.add_work(lambda: work_done.append(1))
    start = loop.vitals[0]
    for _ in range(50):
        loop.turn()
    assert len(work_done) == 50
    assert loop._turned_ns <= end, "turns with work to do took no part in the pacing"
    assert loop.vitals[0] > start


def test_vitals_say_until_when_the_loop_sleeps(loop: Loop, pair: Pair) -> None:
    asleep: list[int] = []
    loop.add_reader(pair[0].fileno(), lambda: pair[0].recv(9) and None)
    timer = loop.call_later(60 * NS_PER_S, lambda: None)
    pair[1].send(b"x")
    assert loop._timeout_s() == -1
    asleep.append(loop.vitals[1])
    loop.turn()
    assert asleep == [timer.deadline_ns]
    assert loop.vitals[1] == 0
    timer.cancel()
    assert loop._timeout_s() == -1
    assert loop.vitals[1] == FOREVER


def test_close_gives_back_files_and_signals() -> None:
    before = len(os.listdir("/proc/self/fd"))
    loop = Loop()
    loop.on_signal(signal.SIGUSR2, lambda: None)
    loop.close()
    assert len(os.listdir("/proc/self/fd")) == before
    assert signal.getsignal(signal.SIGUSR2) is signal.SIG_DFL
    assert signal.set_wakeup_fd(-1) == -1
