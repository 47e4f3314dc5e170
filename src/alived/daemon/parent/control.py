"""The commands of the control socket: a request line in, an answer line out, now or when it is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

import alived
from alived.config.model import Config
from alived.daemon.parent import track_desk
from alived.daemon.parent.front_desk import Finish, FrontDesk
from alived.daemon.parent.history import KEPT
from alived.daemon.shared.control_messages import Answer, Request
from alived.daemon.status import view
from alived.raft.member_events import Command

_decoder = msgspec.json.Decoder(Request)


class Commands:
    """Answers requests. A request that makes no sense gets an answer that says so."""

    def __init__(self, desk: FrontDesk) -> None:
        self._desk = desk

    def handle(self, line: bytes, reply: Callable[[bytes], None]) -> None:
        """Calls reply exactly once with the JSON of an `Answer`, without a newline."""

        def finish(answer: Answer) -> None:
            reply(msgspec.json.encode(answer))

        try:
            request = _decoder.decode(line)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            finish(_refusal(f"this is not a request: {error}"))
            return
        match request.command:
            case "status":
                self._desk.status(lambda status: finish(Answer(ok=True, result=status)))
            case "history":
                finish(self._history(request.arguments))
            case "reload":
                self._desk.reload(finish)
            case "plan":
                self._plan(request.arguments, finish)
            case "hooks" | "hooks-history" | "hooks-run":
                self._desk.hooks.handle(request, finish)
            case "check-run" | "notify-test":
                self._try(request, finish)
            case "track-reset":
                finish(track_desk.reset(self._desk.trackers, request.arguments))
            case "members" | "cluster":
                self._cluster(request, finish)
            case "version":
                finish(Answer(ok=True, result={"version": alived.__version__}))
            case unknown:
                known = "status, history, reload, plan, hooks, hooks-history, hooks-run, check-run, track-reset, "
                known += "notify-test, members, cluster and version"
                finish(_refusal(f"unknown command {unknown!r}; there are {known}"))

    def _try(self, request: Request, finish: Finish) -> None:
        """Something of the configuration once, now, and what comes of it."""
        if request.command == "check-run":
            self._desk.checks.run(request.arguments, finish)
        else:
            self._desk.notifier.test(str(request.arguments.get("name", "")), finish)

    def _plan(self, arguments: dict[str, Any], finish: Finish) -> None:
        """What this daemon would do with a configuration, which the client has read with rights of its own."""
        try:
            config = msgspec.convert(arguments.get("config"), Config)
        except msgspec.ValidationError as error:
            finish(_refusal(f"this daemon (alived {alived.__version__}) cannot take such a configuration: {error}"))
            return
        self._desk.plan(config, lambda found: finish(Answer(ok=True, result=found)))

    def _cluster(self, request: Request, finish: Finish) -> None:
        """What the members know, or a `Command` of `raft.member_events`."""
        if request.command == "members":
            self._desk.members(finish)
            return
        try:
            command: Command = msgspec.convert(request.arguments.get("command"), Command)
        except msgspec.ValidationError as error:
            finish(_refusal(f"this is no command to a cluster: {error}"))
            return
        self._desk.command_cluster(command, finish)

    def _history(self, arguments: dict[str, Any]) -> Answer:
        count = arguments.get("count", KEPT)
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            return _refusal(f"count must be a number of 1 or more, not {count!r}")
        return Answer(ok=True, result=[view.transition(t) for t in self._desk.recent(count)])


def _refusal(error: str) -> Answer:
    return Answer(ok=False, error=error)
