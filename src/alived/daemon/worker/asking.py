"""Asks what a check asks: an inquiry over the network, or a command."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from alived.adapters.loop import Loop
from alived.adapters.probe import ProbeEnd, Undecided
from alived.adapters.probes import Prober
from alived.adapters.scripts import ScriptHost
from alived.adapters.tls_identity import SECONDS_PER_DAY
from alived.config.model import Config, GlobalDefs
from alived.daemon.worker.commands import Command, Commands
from alived.health.check_events import NOTHING_SEEN, ProbedCheck, Sight
from alived.health.config import MiscCheck, NetworkCheck, SslContext
from alived.health.dialogue import Dialogue, Verdict
from alived.health.inquiries import UNGUESSABLE, About, inquiry

LONGEST_PASSWORD = 4096
"""Octets that are read of a password_file."""
Done = Callable[[Verdict | Undecided, int, Sight], None]
"""What came of it, nanoseconds that it took, what was seen."""


class Asked(Protocol):
    """A probe on its way."""

    def cancel(self) -> None:
        """Nothing is reported any more."""


class Asking:
    """`ask` never calls back before it returns."""

    def __init__(self, scripts: ScriptHost, config: Config) -> None:
        self._loop = scripts.loop
        self._prober = Prober(scripts.loop)
        self._commands = Commands(scripts)
        self._defaults: GlobalDefs
        self._ssl: SslContext
        self.configure(config)

    def configure(self, config: Config) -> None:
        """From the next probe on."""
        self._defaults, self._ssl = config.global_defs, config.ssl

    def ask(
        self,
        check: ProbedCheck,
        stage: int,
        done: Done,
        before: Asked | None = None,
        around: Callable[[Dialogue], Dialogue] = lambda dialogue: dialogue,
    ) -> Asked:
        """before: the last probe of the same check. around: may put something between the dialogue and the network."""
        if isinstance(check, MiscCheck):
            former = before if isinstance(before, Command) else None
            return self._commands.start(check, self._defaults, done, former)
        try:
            about = self._about(check, stage)
        except OSError as error:
            return _Nothing(self._loop, f"{error.filename}: {error.strerror}", done)
        question = inquiry(check, about)
        question = msgspec.structs.replace(question, dialogue=around(question.dialogue))

        def ended(end: ProbeEnd) -> None:
            done(end.outcome, end.took_ns, _seen(end))

        return self._prober.start(question, ended)

    def _about(self, check: NetworkCheck, stage: int) -> About:
        """Raises OSError."""
        password = _password(check)
        if not isinstance(check, UNGUESSABLE):
            return About(stage=stage, password=password, ssl=self._ssl)
        number, nonce = secrets.randbits(16), secrets.token_urlsafe(18)
        return About(stage=stage, number=number, nonce=nonce, password=password, ssl=self._ssl)

    def close(self) -> None:
        """Ends all without a report."""
        self._prober.close()
        self._commands.close()


def _seen(end: ProbeEnd) -> Sight:
    until_s = end.expires_s
    if until_s is None:
        return NOTHING_SEEN
    return Sight(certificate_until_s=until_s, certificate_days=int((until_s - time.time()) // SECONDS_PER_DAY))


class _Nothing:
    """A probe that cannot begin."""

    def __init__(self, loop: Loop, why: str, done: Done) -> None:
        self._why = why
        self._done: Done | None = done
        loop.call_soon(self._report)

    def cancel(self) -> None:
        self._done = None

    def _report(self) -> None:
        if self._done is not None:
            self._done(Undecided(self._why), 0, NOTHING_SEEN)


def _password(check: NetworkCheck) -> str:
    """The first line of its password_file; "": it has none. Raises OSError."""
    path: str = getattr(check, "password_file", "")
    if not path:
        return ""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.readline(LONGEST_PASSWORD).rstrip("\r\n")
