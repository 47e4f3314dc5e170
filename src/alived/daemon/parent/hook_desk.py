"""What operators ask of hooks over the control socket: which there are, how they went, and to run one by hand."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Annotated, NamedTuple

import msgspec

from alived.base import AlivedError, in_brief
from alived.config.model import Config
from alived.daemon.parent.hook_relay import HookRelay
from alived.daemon.shared.control_messages import Answer, Request
from alived.daemon.shared.hook_facts import hooks_of, objects
from alived.daemon.shared.messages import HookOutcome, HookRan
from alived.daemon.status import hook_view
from alived.daemon.status.hook_runs import HookCounters
from alived.daemon.status.view import Json
from alived.hooks.config import Hook, HookEvent

RECENT = 20
Finish = Callable[[Answer], None]


class HistoryRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Arguments of "hooks-history"."""

    count: Annotated[int, msgspec.Meta(ge=1)] = RECENT


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Arguments of "hooks-run". hook: an event, or the program with or without its directory."""

    hook: str
    group: str | None = None
    """Name of the instance or group; "": the daemon itself"""
    event: HookEvent | None = None


class NoSuchHook(AlivedError):
    """None or too many fit; the text is for the operator."""


class OneHook(NamedTuple):
    kind: str
    name: str
    hook: Hook


class HookDesk:
    """Answers from what the relay knows; the configuration is the one in force."""

    def __init__(self, relay: HookRelay, config: Callable[[], Config]) -> None:
        self._relay = relay
        self._config = config

    def handle(self, request: Request, finish: Finish) -> None:
        """Calls back exactly once; after "hooks-run" when the hook has ended."""
        try:
            match request.command:
                case "hooks":
                    finish(Answer(ok=True, result=self._listed()))
                case "hooks-history":
                    wanted = msgspec.convert(request.arguments, HistoryRequest)
                    finish(Answer(ok=True, result=[hook_view.run(ran) for ran in self._relay.runs.last(wanted.count)]))
                case _:
                    self._run(choose(self._config(), msgspec.convert(request.arguments, RunRequest)), finish)
        except msgspec.ValidationError as error:
            finish(Answer(ok=False, error=f"this is no question about hooks: {error}"))
        except NoSuchHook as error:
            finish(Answer(ok=False, error=str(error)))

    def totals(self) -> dict[str, Json]:
        """Of all objects together, by label: what a metric wants."""
        sums: dict[str, HookCounters] = {}
        for (_, _, label), counters in self._relay.runs.counters().items():
            total = sums.setdefault(label, HookCounters())
            total.add(counters)
        return {label: hook_view.counters(total) for label, total in sums.items()}

    def _listed(self) -> list[Json]:
        """Each hook of each object, with its counters and its last run; then the notify scripts that have run."""
        runs = self._relay.runs
        due = {(one.kind, one.name, str(one.event)) for one in self._relay.waiting}
        hooks = {(one.kind, one.name, str(one.hook.event)): one.hook for one in all_hooks(self._config())}
        shown = [hook_view.hook(key, hook, key in due, runs) for key, hook in hooks.items()]
        return shown + [hook_view.other(key, runs) for key in runs.counters() if key not in hooks]

    def _run(self, one: OneHook, finish: Finish) -> None:
        due = msgspec.structs.replace(
            self._relay.latest(one.kind, one.name, self._config()),
            event=one.hook.event,
            number=0,
            by_hand=one.hook.script.argv[0],
            reason="run by hand",
        )
        self._relay.by_hand(due, lambda outcome, runs: finish(_answer(outcome, runs)))


def all_hooks(config: Config) -> Iterator[OneHook]:
    for kind, name in objects(config):
        for hook in hooks_of(config, kind, name):
            yield OneHook(kind, name, hook)


def choose(config: Config, request: RunRequest) -> OneHook:
    """Raises NoSuchHook."""
    every = list(all_hooks(config))
    named = [one for one in every if request.hook in _names(one.hook)]
    fitting = [one for one in named if request.event in (None, one.hook.event)]
    found = [one for one in fitting if request.group in (None, one.name)]
    if len(found) == 1:
        return found[0]
    if not found:
        there = _listed(fitting or named or every)
        raise NoSuchHook(f"there is no such hook; there are {there}" if there else "no hooks are configured")
    raise NoSuchHook(f"{len(found)} hooks fit: say --group or --event; there are {_listed(found)}")


def _names(hook: Hook) -> tuple[str, ...]:
    program = hook.script.argv[0]
    return str(hook.event), program, os.path.basename(program)


def _listed(hooks: list[OneHook], limit: int = 8) -> str:
    texts = [f"{one.hook.event} of {one.name or 'the daemon'}" for one in hooks]
    return in_brief(texts, limit, ", ")


def _answer(outcome: HookOutcome, runs: list[HookRan]) -> Answer:
    result = {
        "name": outcome.name,
        "event": str(outcome.event),
        "ok": outcome.ok,
        "reason": outcome.reason,
        "runs": [hook_view.run(ran) for ran in runs],
    }
    return Answer(ok=True, result=result)
