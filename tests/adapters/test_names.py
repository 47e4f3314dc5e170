"""Names of servers: resolved, unknown, slow, and a helper that fails."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from alived.adapters import name_helper
from alived.adapters import names as module
from alived.adapters.loop import Loop
from alived.adapters.names import COMMAND, Names, Resolved
from alived.adapters.probes import Prober, Undecided
from alived.base import NS_PER_MS
from alived.health.dialogue import Verdict
from tests.adapters.probing import ask_all, tcp
from tests.nasty_servers import Server, silent


@contextlib.contextmanager
def names(command: Sequence[str] = COMMAND) -> Iterator[tuple[Loop, Names]]:
    with contextlib.closing(Loop()) as loop, contextlib.closing(Names(loop, command)) as made:
        yield loop, made


def helper(tmp_path: Path, text: str) -> tuple[str, ...]:
    """A helper of the test's own: `sock` is where it is asked."""
    program = tmp_path / "helper.py"
    program.write_text(f"import os, socket, sys\nsock = socket.socket(fileno=0)\n{text}")
    return (sys.executable, "-I", "-S", str(program))


def look_up(loop: Loop, resolver: Names, *wanted: str) -> list[Resolved]:
    found: list[Resolved] = []
    for name in wanted:
        resolver.look_up(name, found.append)
    assert not found, "never at once"
    while len(found) < len(wanted):
        loop.turn()
    return found


def test_a_name_and_one_that_does_not_exist() -> None:
    with names() as (loop, resolver):
        (known,) = look_up(loop, resolver, "localhost")
        (unknown,) = look_up(loop, resolver, "no-such-host.invalid")
    assert set(known.addresses) <= {"127.0.0.1", "::1"} and known.addresses
    assert not unknown.addresses and unknown.error and not unknown.ours


def test_a_name_does_not_wait_behind_many_that_do_not_resolve(tmp_path: Path) -> None:
    stuck = f"""
import importlib.util, threading
spec = importlib.util.spec_from_file_location("name_helper", {name_helper.__file__!r})
real = importlib.util.module_from_spec(spec)
spec.loader.exec_module(real)
real.look_up = lambda name: threading.Event().wait() if name.startswith("stuck") else "+ 127.0.0.1"
real.main()
"""
    with names(helper(tmp_path, stuck)) as (loop, resolver):
        for number in range(100):
            resolver.look_up(f"stuck{number}", pytest.fail)
        (found,) = look_up(loop, resolver, "fine")
    assert found.addresses == ("127.0.0.1",)


def test_those_who_ask_for_the_same_share_an_answer_which_is_kept_for_a_while(tmp_path: Path) -> None:
    counting = """
count = 0
while packet := sock.recv(4096):
    count += 1
    sock.send(packet.split()[0] + b" + 192.0.2.%d" % count)
"""
    with names(helper(tmp_path, counting)) as (loop, resolver):
        together = look_up(loop, resolver, "a", "a", "b")
        later = look_up(loop, resolver, "a")
        assert [found.addresses for found in [*together, *later]] == [
            ("192.0.2.1",), ("192.0.2.1",), ("192.0.2.2",), ("192.0.2.1",),
        ]  # fmt: skip
        resolver._known.clear()
        assert look_up(loop, resolver, "a")[0].addresses == ("192.0.2.3",)


def test_a_helper_that_dies_is_replaced(tmp_path: Path) -> None:
    once = f"""
flag = {str(tmp_path / "flag")!r}
if not os.path.exists(flag):
    open(flag, "w").close()
    sock.recv(4096)
    os._exit(1)
while packet := sock.recv(4096):
    sock.send(packet.split()[0] + b" + 192.0.2.1")
"""
    with names(helper(tmp_path, once)) as (loop, resolver):
        first = look_up(loop, resolver, "a", "b")
        assert [found.ours for found in first] == [True, True]
        assert first[0].error == "the process that looks up names has ended"
        assert look_up(loop, resolver, "a")[0].addresses == ("192.0.2.1",)


def test_a_helper_that_cannot_be_started() -> None:
    with names(("/nowhere/python",)) as (loop, resolver):
        (found,) = look_up(loop, resolver, "a")
    assert found == Resolved(error="names cannot be looked up: No such file or directory", ours=True)


def test_the_helper_ends_with_us() -> None:
    with names() as (loop, resolver):
        look_up(loop, resolver, "localhost")
        pid = resolver._pid
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_too_many_names_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_NAMES", 2)
    with names(helper(tmp_path, "import time\ntime.sleep(1000)")) as (loop, resolver):
        for name in ("a", "b"):
            resolver.look_up(name, lambda found: pytest.fail(str(found)))
        (third,) = look_up(loop, resolver, "c")
    assert third.ours and third.error == "2 names wait for an answer already"


def test_what_the_helper_makes_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert name_helper.look_up("127.0.0.1") == "+ 127.0.0.1"
    assert name_helper.look_up("a" * 100).startswith("- ")
    many = [(0, 0, 0, "", (f"192.0.2.{number % 20}", 0)) for number in range(100)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: many)
    assert len(name_helper.look_up("a").split()) == 1 + name_helper.MOST_ADDRESSES


# -- probes --


@contextlib.contextmanager
def prober(command: Sequence[str] = COMMAND) -> Iterator[Prober]:
    with contextlib.closing(Loop()) as loop, contextlib.closing(Prober(loop, names=Names(loop, command))) as made:
        yield made


def answering(tmp_path: Path, *addresses: str) -> tuple[str, ...]:
    answer = f" + {' '.join(addresses)}".encode()
    return helper(tmp_path, f"while packet := sock.recv(4096):\n    sock.send(packet.split()[0] + {answer!r})")


def test_a_server_is_asked_by_its_name() -> None:
    with Server(silent) as server, prober() as one:
        (end,) = ask_all(one, [tcp("localhost", server.port, bindto="127.0.0.1")])
    assert end.outcome == Verdict(True, "connected")


def test_a_name_that_does_not_resolve_is_a_failure_with_a_reason() -> None:
    with prober() as one:
        (end,) = ask_all(one, [tcp("no-such-host.invalid", 80)])
    assert isinstance(end.outcome, Verdict) and not end.outcome.ok
    assert end.outcome.reason.startswith("the name no-such-host.invalid does not resolve: ")


def test_a_name_that_resolves_slowly_is_a_failure_and_holds_nobody_up(tmp_path: Path) -> None:
    with Server(silent) as server, prober(helper(tmp_path, "import time\ntime.sleep(1000)")) as one:
        slow, other = ask_all(one, [tcp("slow.example", 80, timeout_ns=50 * NS_PER_MS), tcp("127.0.0.1", server.port)])
    assert slow.outcome == Verdict(False, "the name slow.example did not resolve within 0.05 s")
    assert other.outcome == Verdict(True, "connected") and other.took_ns < slow.took_ns


def test_the_address_is_of_the_family_of_bindto(tmp_path: Path) -> None:
    with Server(silent) as server, prober(answering(tmp_path, "2001:db8::1", "127.0.0.1")) as one:
        fits, none = ask_all(
            one,
            [tcp("a.example", server.port, bindto="127.0.0.1"), tcp("a.example", server.port, bindto="127.0.0.1")],
        )
    assert fits.outcome == none.outcome == Verdict(True, "connected")
    with prober(answering(tmp_path, "2001:db8::1")) as one:
        (end,) = ask_all(one, [tcp("a.example", 80, bindto="127.0.0.1")])
    assert end.outcome == Undecided("the name a.example has no address of the family of 127.0.0.1")


def test_a_cancelled_probe_forgets_its_name(tmp_path: Path) -> None:
    with prober(answering(tmp_path, "127.0.0.1")) as one:
        run = one.start(tcp("a.example", 80), lambda end: pytest.fail(str(end)))
        run.cancel()
        assert not any(one.names._waiting.values())


def test_without_a_helper_there_is_no_verdict() -> None:
    with prober(("/nowhere/python",)) as one:
        (end,) = ask_all(one, [tcp("a.example", 80)])
    assert end.outcome == Undecided("names cannot be looked up: No such file or directory")
