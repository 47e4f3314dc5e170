"""A role in a child process: how it is asked to end, whoever is faster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from alived.adapters.loop import Loop
from alived.base import NS_PER_S
from alived.config.model import Config
from alived.daemon.parent.children import ForkedRole
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.messages import BusMessage, Configure, Configured, LogLine


class Obedient:
    """A role that repeats what it is told and ends at once."""

    def __init__(self, context: ChildContext) -> None:
        self._context = context

    def start(self) -> None:
        pass

    def handle(self, message: BusMessage) -> None:
        assert isinstance(message, Configure)
        self._context.send(Configured(changes=("told",)))

    def stop(self, done: Callable[[], None]) -> None:
        self._context.log("info", "ending", "asked to end")
        done()


class Parent:
    """An owner that remembers."""

    def __init__(self) -> None:
        self.heard_messages: list[BusMessage] = []
        self.deaths: list[str] = []

    def current_config(self) -> Config:
        return Config()

    def born(self, role: str) -> None:
        pass

    def heard(self, role: str, message: BusMessage) -> None:
        self.heard_messages.append(message)

    def died(self, role: str, reason: str, delay_ns: int) -> None:
        self.deaths.append(reason)

    def note(self, level: str, code: str, message: str) -> None:
        raise AssertionError(message)

    @property
    def last_words(self) -> list[str]:
        return [message.code for message in self.heard_messages if isinstance(message, LogLine)]


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def parent() -> Parent:
    return Parent()


@pytest.fixture
def role(loop: Loop, parent: Parent) -> ForkedRole:
    role = ForkedRole("worker", Obedient, loop, parent, frozenset())
    role.start()
    while role.unconfirmed:
        loop.turn()
    return role


def ended(role: ForkedRole, loop: Loop) -> bool:
    """Stops the role; whether it was graceful."""
    results: list[bool] = []
    role.stop(5 * NS_PER_S, results.append)
    while not results:
        loop.turn()
    return results[0]


def wait_without_reaping(pid: int) -> None:
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def test_it_ends_when_asked(role: ForkedRole, loop: Loop, parent: Parent) -> None:
    assert ended(role, loop)
    assert parent.last_words == ["ending"] and parent.deaths == []


def test_an_end_before_we_say_how_long_it_may_take_is_no_death(role: ForkedRole, loop: Loop, parent: Parent) -> None:
    """A signal handler has asked it, and it was gone before the loop came to `stop`."""
    role.ask_to_stop()
    wait_without_reaping(role.pid)
    while role.status(0).pid:
        loop.turn()
    assert ended(role, loop)
    assert parent.last_words == ["ending"] and parent.deaths == []


def test_what_was_said_before_is_heard_before(role: ForkedRole, loop: Loop, parent: Parent) -> None:
    role.send(Configure(config=Config()))
    role.ask_to_stop()
    assert ended(role, loop)
    assert [type(message) for message in parent.heard_messages] == [Configured, Configured, LogLine]


def test_asked_twice_is_asked_once(role: ForkedRole, loop: Loop, parent: Parent) -> None:
    role.ask_to_stop()
    role.ask_to_stop()
    assert ended(role, loop)
    role.ask_to_stop()
    assert parent.last_words == ["ending"]


def test_an_end_with_a_status_is_a_death_even_if_it_was_asked(loop: Loop, parent: Parent) -> None:
    class Broken(Obedient):
        def stop(self, done: Callable[[], None]) -> None:
            os._exit(3)

    role = ForkedRole("worker", Broken, loop, parent, frozenset())
    role.start()
    assert not ended(role, loop)
    assert parent.deaths == ["ended with status 3"]
