"""One run of an inquiry: what streams and datagrams have in common."""

from __future__ import annotations

import socket
from collections.abc import Callable

import msgspec

from alived.adapters.beat import Beat
from alived.adapters.loop import Loop, Timer, now_ns
from alived.adapters.names import Names, Resolved
from alived.adapters.probe_sockets import LocalError, family_of, is_ours, words
from alived.base import NS_PER_S
from alived.health.dialogue import Inquiry, Step, Verdict

MOST_PATIENCE = 12
"""How many times its timeout a probe may last, however often its dialogue asks for patience: a server that sends one
byte now and then must not keep a check from a verdict."""


class Undecided(msgspec.Struct, frozen=True):
    """This machine could not ask, which says nothing about the server. reason: a sentence."""

    reason: str


class ProbeEnd(msgspec.Struct, frozen=True):
    """took_ns: without the wait for other probes. expires_s: when the certificate that the server showed expires, in
    seconds since 1970; None: it showed none."""

    outcome: Verdict | Undecided
    took_ns: int
    expires_s: int | None = None


class Probe:
    """Begun once; then it ends once, or is cancelled. Its end is never reported before `begin` has returned."""

    __slots__ = (
        "_began_ns",
        "_deadline_ns",
        "_dialogue",
        "_end_ns",
        "_ended",
        "_expires_s",
        "_last_ns",
        "_loop",
        "_names",
        "_outcome",
        "_patience",
        "_socket",
        "_timer",
        "inquiry",
    )

    def __init__(
        self, loop: Loop, patience: Beat, names: Names, inquiry: Inquiry, ended: Callable[[ProbeEnd], None]
    ) -> None:
        """patience: ends it when its time is up."""
        self.inquiry = inquiry
        self._loop = loop
        self._patience = patience
        self._names = names
        self._ended = ended
        self._dialogue = inquiry.dialogue
        self._socket: socket.socket | None = None
        self._timer: Timer | None = None
        self._outcome: Verdict | Undecided | None = None
        self._expires_s: int | None = None
        self._began_ns = self._deadline_ns = self._last_ns = self._end_ns = 0

    def begin(self) -> None:
        """From here its time runs."""
        now = self._began_ns = now_ns()
        self._deadline_ns = now + self.inquiry.timeout_ns
        self._last_ns = now + MOST_PATIENCE * self.inquiry.timeout_ns
        self._timer = self._patience.call_at(self._deadline_ns, self.inquiry.timeout_ns, self._late)
        family = family_of(self.inquiry.address)
        if family is None:
            self._names.look_up(self.inquiry.address, self._resolved)
        else:
            self._open_here(family, self.inquiry.address)

    def cancel(self) -> None:
        """Nothing of it is reported any more."""
        self._ended = _nobody
        self._close()
        self._outcome = self._outcome or _CANCELLED

    def _resolved(self, found: Resolved) -> None:
        if self._outcome is not None:
            return
        name = self.inquiry.address
        if found.ours:
            self._end(Undecided(found.error))
        elif not found.addresses:
            self._end(Verdict(False, f"the name {name} does not resolve: {found.error}"))
        else:
            self._open_first(found.addresses)

    def _open_first(self, addresses: tuple[str, ...]) -> None:
        """The first of the family of bindto; of any if it is none."""
        own = family_of(self.inquiry.bindto) if self.inquiry.bindto else None
        for address in addresses:
            family = family_of(address)
            if family is not None and own in (None, family):
                self._open_here(family, address)
                return
        self._end(Undecided(f"the name {self.inquiry.address} has no address of the family of {self.inquiry.bindto}"))

    def _open_here(self, family: socket.AddressFamily, address: str) -> None:
        try:
            self._open(family, address)
        except LocalError as error:
            self._end(Undecided(str(error)))

    def _open(self, family: socket.AddressFamily, address: str) -> None:
        """Opens its socket. Raises LocalError."""
        raise NotImplementedError

    def _send(self, data: bytes) -> None:
        raise NotImplementedError

    def _close(self) -> None:
        """Lets go of all it has; what the server is told on the way depends on the outcome."""
        if self._timer is not None:
            self._timer.cancel()
        if self._socket is None:
            self._names.forget(self.inquiry.address, self._resolved)
        else:
            self._loop.watch(self._socket.fileno(), None, None)
            self._socket.close()
            self._socket = None

    def _take(self, step: Step) -> None:
        """Does what the dialogue wants."""
        if step.send:
            self._send(step.send)
        if step.start_tls and self._outcome is None:
            self._start_tls()
        if step.patience:
            self._deadline_ns = min(now_ns() + self.inquiry.timeout_ns, self._last_ns)
        if step.verdict is not None:
            self._end(step.verdict)

    def _start_tls(self) -> None:
        raise AssertionError("TLS is for streams")

    def _late(self) -> None:
        """The timer came; patience since then only moved the deadline."""
        if now_ns() < self._deadline_ns:
            self._timer = self._patience.call_at(self._deadline_ns, self.inquiry.timeout_ns, self._late)
        elif self._socket is None:
            limit = seconds(self.inquiry.timeout_ns)
            self._end(Verdict(False, f"the name {self.inquiry.address} did not resolve within {limit}"))
        else:
            self._end(self._too_late())

    def _too_late(self) -> Verdict:
        return self._dialogue.timed_out()

    def _fail(self, number: int) -> None:
        """An errno of a socket that was open."""
        if is_ours(number):
            self._end(Undecided(words(number)))
        else:
            self._end(self._dialogue.broken(words(number)))

    def _end(self, outcome: Verdict | Undecided) -> None:
        """The first one counts."""
        if self._outcome is None:
            self._outcome = outcome
            self._end_ns = now_ns()
            self._close()
            self._loop.call_soon(self._report)

    def _report(self) -> None:
        assert self._outcome is not None
        ended, self._ended = self._ended, _nobody  # else the two hold each other until a collection of garbage
        ended(ProbeEnd(self._outcome, self._end_ns - self._began_ns, self._expires_s))


_CANCELLED = Undecided("it was cancelled")


def _nobody(_end: ProbeEnd) -> None:
    """Nobody wants to know."""


def seconds(span_ns: int) -> str:
    return f"{span_ns / NS_PER_S:g} s"
