"""Verdicts of tracked scripts on their way from the worker to the engine, and their expiry."""

from __future__ import annotations

from collections.abc import Callable

from alived.adapters.loop import Loop, Timer, now_ns
from alived.config.model import Config
from alived.daemon.messages import BusMessage, ScriptVerdict, ScriptVerdicts
from alived.daemon.verdicts import Verdicts


class VerdictRelay:
    """`Verdicts` with a clock: what changes goes to the engine; what nobody confirms for too long counts as failed."""

    def __init__(
        self,
        loop: Loop,
        config: Config,
        to_engine: Callable[[BusMessage], None],
        note: Callable[[str, str, str], None],
    ) -> None:
        self._loop = loop
        self._verdicts = Verdicts(config)
        self._to_engine = to_engine
        self._note = note
        self._expiry: Timer | None = None

    def configure(self, config: Config) -> None:
        self._verdicts.configure(config)

    @property
    def known(self) -> tuple[ScriptVerdict, ...]:
        return self._verdicts.known

    def heard(self, verdicts: tuple[ScriptVerdict, ...]) -> None:
        """The worker says."""
        self._changed(self._verdicts.heard(verdicts))

    def worker_began(self) -> None:
        self._verdicts.worker_began()

    def worker_died(self) -> None:
        self._verdicts.worker_died(now_ns())
        self._arm()

    def _changed(self, changed: tuple[ScriptVerdict, ...]) -> None:
        if changed:
            self._to_engine(ScriptVerdicts(changed))
        self._arm()

    def _arm(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        due_ns = self._verdicts.deadline_ns
        self._expiry = self._loop.call_at(due_ns, self._expire) if due_ns is not None else None

    def _expire(self) -> None:
        """Nobody has checked these scripts for too long."""
        expired = self._verdicts.expire(now_ns())
        for verdict in expired:
            self._note("error", "script-down", verdict.reason)
        self._changed(expired)
