"""The control socket: clients that are slow, rude or many."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alived.adapters import control
from alived.adapters.control import ControlServer
from alived.adapters.control_client import NotRunning, ask, socket_address
from alived.adapters.loop import Loop
from alived.base import NS_PER_MS

NAME = "alived.sock"
LIMIT_S = 60.0


class Server:
    """A server that echoes, in a loop that turns when it is told to."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.loop = Loop()
        self.requests: list[bytes] = []
        self.held: list[Callable[[bytes], None]] = []
        self.hold = False
        self.server = ControlServer(self.loop, str(directory), NAME, self.handle)

    def handle(self, line: bytes, reply: Callable[[bytes], None]) -> None:
        self.requests.append(line)
        if self.hold:
            self.held.append(reply)
        else:
            reply(line)

    def connect(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        with socket_address(str(self.directory), NAME) as address:
            sock.connect(address)
        sock.settimeout(LIMIT_S)
        return sock

    def turn_until(self, condition: Callable[[], object]) -> None:
        while not condition():
            self.loop.call_later(NS_PER_MS, lambda: None)
            self.loop.turn()

    def read_lines(self, sock: socket.socket, count: int) -> list[bytes]:
        """Lines for a client, while the server turns; fewer at the end of the stream."""
        sock.setblocking(False)
        data = bytearray()
        ended = False

        def read() -> bool:
            nonlocal ended
            try:
                chunk = sock.recv(1 << 20)
                ended = not chunk
                data.extend(chunk)
            except BlockingIOError:
                return False
            except ConnectionResetError:
                ended = True
            return ended or data.count(b"\n") >= count

        self.turn_until(read)
        return bytes(data).splitlines()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.server.close()
    server.loop.close()


def test_requests_are_answered_in_their_order(server: Server) -> None:
    with server.connect() as sock:
        sock.sendall(b"one\ntwo\nthr")
        assert server.read_lines(sock, 2) == [b"one", b"two"]
        sock.setblocking(True)
        sock.sendall(b"ee\n")
        assert server.read_lines(sock, 1) == [b"three"]


def test_a_client_that_has_said_all_it_wants_is_still_answered(server: Server) -> None:
    server.hold = True
    with server.connect() as sock:
        sock.sendall(b"one\n")
        sock.shutdown(socket.SHUT_WR)
        server.turn_until(lambda: server.held)
        for _ in range(3):
            server.turn_until(lambda: True)
        server.held[0](b"late")
        assert server.read_lines(sock, 9) == [b"late"], "and then the connection ends"


def test_an_answer_for_a_client_that_is_gone_is_dropped(server: Server) -> None:
    server.hold = True
    with server.connect() as sock:
        sock.sendall(b"one\n")
        server.turn_until(lambda: server.held)
    server.held[0](b"x" * 1_000_000)
    server.held.clear()
    with server.connect() as sock:
        sock.sendall(b"two\n")
        server.turn_until(lambda: server.held)
        server.held[0](b"fine")
        assert server.read_lines(sock, 1) == [b"fine"]


def test_one_request_at_a_time_for_a_client_and_others_do_not_wait(server: Server) -> None:
    server.hold = True
    with server.connect() as first, server.connect() as second:
        first.sendall(b"a\nb\n")
        second.sendall(b"c\n")
        server.turn_until(lambda: len(server.held) == 2)
        assert sorted(server.requests) == [b"a", b"c"]


def test_a_client_that_does_not_read_is_bounded(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_WAITING", 1 << 20)
    server.hold = True
    with server.connect() as sock:
        sock.sendall(b"x\n" * 20)
        for number in range(20):
            server.turn_until(lambda wanted=number: len(server.held) > wanted or server.server.clients == 0)
            if server.server.clients == 0:
                break
            server.held[number](b"y" * 300_000)
        assert server.server.clients == 0
        assert len(server.held) < 20


def send_all(server: Server, sock: socket.socket, data: bytes) -> None:
    """More than a socket takes at once."""
    left = memoryview(data)
    sock.setblocking(False)

    def push() -> bool:
        nonlocal left
        try:
            left = left[sock.send(left) :]
        except BlockingIOError:
            return False
        except BrokenPipeError:
            return True
        return not left

    server.turn_until(push)


def test_a_request_that_comes_in_many_pieces(server: Server) -> None:
    with server.connect() as sock:
        send_all(server, sock, b"x" * 3_000_000 + b"\nnext\n")
        lines = server.read_lines(sock, 2)
    assert [len(line) for line in lines] == [3_000_000, 4]


def test_an_oversized_request_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_REQUEST", 100_000)
    with server.connect() as sock:
        send_all(server, sock, b"x" * 100_001)
        (line,) = server.read_lines(sock, 2)
        assert json.loads(line)["error"] == "a request has at most 100000 bytes"
    assert server.requests == []


def test_what_all_clients_together_have_begun_to_say_is_bounded(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "MAX_INPUT", 150_000)
    with server.connect() as first, server.connect() as second:
        for sock in (first, second):
            send_all(server, sock, b"x" * 100_000)
        (line,) = server.read_lines(second, 2)
        assert json.loads(line)["error"] == "others are asking too much at the moment"
        first.sendall(b"\n")
        assert [len(line) for line in server.read_lines(first, 1)] == [100_000]


def test_too_many_requests_at_once_are_refused(server: Server) -> None:
    server.hold = True
    with server.connect() as sock:
        send_all(server, sock, b"x\n" * 60_000)
        server.turn_until(lambda: server.held)
        server.held[0](b"first")
        lines = server.read_lines(sock, 2)
        assert b"too many requests at once" in b"".join(lines)


def test_a_silent_client_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "IDLE_LIMIT_NS", 20 * NS_PER_MS)
    server = Server(tmp_path)
    with server.connect() as sock:
        assert server.read_lines(sock, 1) == []
    server.server.close()
    server.loop.close()


def test_a_client_that_waits_for_a_late_answer_gets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "IDLE_LIMIT_NS", 5 * NS_PER_MS)
    server = Server(tmp_path)
    server.hold = True
    with server.connect() as sock:
        sock.sendall(b"slow\n")
        server.turn_until(lambda: server.held)
        late: list[bool] = []
        server.loop.call_later(50 * NS_PER_MS, lambda: late.append(True))
        server.turn_until(lambda: late)
        server.held[0](b"done")
        assert server.read_lines(sock, 1) == [b"done"]
    server.server.close()
    server.loop.close()


def test_clients_beyond_the_bound_are_turned_away(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "MAX_CLIENTS", 1)
    with server.connect() as first, server.connect() as second:
        assert server.read_lines(second, 1) == []
        first.sendall(b"hello\n")
        assert server.read_lines(first, 1) == [b"hello"]


def test_a_stale_socket_file_is_replaced(tmp_path: Path) -> None:
    stale = socket.socket(socket.AF_UNIX)
    with socket_address(str(tmp_path), NAME) as address:
        stale.bind(address)
    stale.close()
    server = Server(tmp_path)
    assert (tmp_path / NAME).stat().st_mode & 0o077 in (0, 0o060)
    server.server.close()
    server.loop.close()
    assert not (tmp_path / NAME).exists()


def test_a_path_longer_than_a_socket_address_works(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    server = Server(deep)
    with server.connect() as sock:
        sock.sendall(b"hello\n")
        assert server.read_lines(sock, 1) == [b"hello"]
    server.server.close()
    server.loop.close()


# -- client --


def serve_once(directory: Path, answer: bytes) -> threading.Thread:
    """A daemon that gives this answer to the first client."""
    listener = socket.socket(socket.AF_UNIX)
    with socket_address(str(directory), NAME) as address:
        listener.bind(address)
    listener.listen(1)

    def serve() -> None:
        with listener:
            client, _ = listener.accept()
            with client:
                client.recv(4096)
                client.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def refusal(directory: Path, limit_s: float = LIMIT_S) -> str:
    with pytest.raises(NotRunning) as caught:
        ask(str(directory), NAME, "status", {}, limit_s)
    return str(caught.value)


def test_ask_gives_the_answer(tmp_path: Path) -> None:
    wanted: dict[str, Any] = {"ok": True, "result": ["x" * 300_000], "error": ""}
    thread = serve_once(tmp_path, json.dumps(wanted).encode() + b"\n")
    assert ask(str(tmp_path), NAME, "status", {}, LIMIT_S) == wanted
    thread.join()


@pytest.mark.parametrize("answer", [b"", b"nonsense\n", b"[]\n", b"\xff\n"])
def test_an_answer_that_makes_no_sense(tmp_path: Path, answer: bytes) -> None:
    thread = serve_once(tmp_path, answer)
    assert "gave no answer" in refusal(tmp_path)
    thread.join()


def test_nobody_runs(tmp_path: Path) -> None:
    expected = f"no alived runs with the runtime directory {tmp_path}"
    assert refusal(tmp_path) == expected
    assert refusal(tmp_path / "missing") == expected.replace(str(tmp_path), str(tmp_path / "missing"))
    stale = socket.socket(socket.AF_UNIX)
    with socket_address(str(tmp_path), NAME) as address:
        stale.bind(address)
    stale.close()
    assert refusal(tmp_path) == expected, "the file alone is no daemon"


def test_a_daemon_that_does_not_answer(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    with socket_address(str(tmp_path), NAME) as address:
        listener.bind(address)
    listener.listen(1)
    assert "does not answer within 0.05 s" in refusal(tmp_path, 0.05)
    listener.close()


def test_a_socket_that_is_not_for_us(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to become somebody else")
    server = Server(tmp_path)
    os.chmod(tmp_path / NAME, 0o600)
    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.chmod(tmp_path, 0o755)
        os.setuid(65534)
        try:
            ask(str(tmp_path), NAME, "status", {}, 1.0)
        except NotRunning as error:
            os.write(write_fd, str(error).encode())
        os._exit(0)
    os.close(write_fd)
    os.waitpid(pid, 0)
    message = os.read(read_fd, 4096).decode()
    os.close(read_fd)
    server.server.close()
    server.loop.close()
    assert message.startswith("you may not use ") and "member of the group alived" in message
