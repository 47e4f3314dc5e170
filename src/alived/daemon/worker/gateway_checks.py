"""Tracked gateways in the worker: their targets are asked on the link, or by ICMP."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping

from alived.adapters.loop import Loop, Timer, now_ns
from alived.adapters.neighbour_asker import NeighbourAsker
from alived.adapters.probes import ProbeEnd, Prober, Run, Undecided
from alived.adapters.routes import default_route
from alived.base import DeadlineReached, Family
from alived.config.model import Config
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.messages import TrackerVerdict
from alived.daemon.shared.tracked import tracked_gateways
from alived.daemon.worker.tracker_voice import TrackerVoice, known_of
from alived.health.dialogue import Inquiry, Transport
from alived.health.dialogues.ping import PingDialogue
from alived.health.gateway_tracker import (
    AskTarget,
    GatewayEvent,
    GatewayReconfigured,
    GatewayTracker,
    TargetAnswered,
    TargetFailed,
)
from alived.health.tracker_events import TrackerSnapshot
from alived.health.trackers_config import DEFAULT_ROUTES, GatewayMethod, TrackerKind, TrackGateway


class GatewayChecks:
    """All tracked gateways, by name."""

    def __init__(self, context: ChildContext) -> None:
        self._context = context
        self._voice = TrackerVoice(context, TrackerKind.GATEWAY)
        self._checks: dict[str, _Check] = {}
        self._prober: Prober | None = None
        self._begun = False

    def begin(self, config: Config, known: tuple[TrackerVerdict, ...]) -> None:
        """known: verdicts of a former worker; they hold until answers say otherwise."""
        self._begun = True
        before = known_of(TrackerKind.GATEWAY, known)
        self._take(tracked_gateways(config), {name: verdict.up for name, verdict in before.items()})

    def configure(self, config: Config) -> None:
        if self._begun:
            self._take(tracked_gateways(config), {})

    def close(self) -> None:
        self._take({}, {})
        self._begun = False
        if self._prober:
            self._prober.close()

    def snapshots(self) -> Iterable[TrackerSnapshot]:
        return (check.tracker.snapshot() for check in self._checks.values())

    def _take(self, wanted: Mapping[str, TrackGateway], known: Mapping[str, bool]) -> None:
        if wanted and self._prober is None:
            self._prober = Prober(self._context.loop)
        for name in self._checks.keys() - wanted.keys():
            self._checks.pop(name).close()
        for name, config in wanted.items():
            assert self._prober
            if check := self._checks.get(name):
                check.configure(config)
            else:
                self._checks[name] = _Check(self._context.loop, self._prober, self._voice, config, known.get(name))


class _Check:
    """A tracker, its timer, and what is on its way."""

    def __init__(
        self, loop: Loop, prober: Prober, voice: TrackerVoice, config: TrackGateway, known: bool | None
    ) -> None:
        self._loop, self._prober, self._voice = loop, prober, voice
        self.tracker = GatewayTracker(config, now_ns(), known)
        self._askers: dict[tuple[str, Family], NeighbourAsker] = {}
        self._asked: dict[str, tuple[str, int]] = {}
        """Target and round by the address that was asked on a link."""
        self._runs: dict[str, Run] = {}
        """Echo requests by target."""
        self._timer: Timer | None = None
        self._arm()

    def configure(self, config: TrackGateway) -> None:
        if config != self.tracker.config:
            self._forget()
            self._feed(GatewayReconfigured(config))

    def close(self) -> None:
        self._forget()
        if self._timer:
            self._timer.cancel()

    def _forget(self) -> None:
        """Whatever is on its way."""
        for asker in self._askers.values():
            asker.close()
        for run in self._runs.values():
            run.cancel()
        self._askers.clear()
        self._runs.clear()
        self._asked.clear()

    def _feed(self, event: GatewayEvent) -> None:
        for effect in self.tracker.step(event, now_ns()):
            if isinstance(effect, AskTarget):
                self._ask(effect)
            else:
                self._voice.say(self.tracker.config.name, effect)
        self._arm()

    def _arm(self) -> None:
        deadline = self.tracker.deadline_ns
        if self._timer is None or self._timer.deadline_ns != deadline:
            if self._timer:
                self._timer.cancel()
            self._timer = self._loop.call_at(deadline, self._deadline)

    def _deadline(self) -> None:
        self._timer = None
        self._feed(DeadlineReached())

    # -- questions --

    def _ask(self, effect: AskTarget) -> None:
        config = self.tracker.config
        address, interface = effect.target, config.interface
        if effect.target in DEFAULT_ROUTES:
            route = default_route(Family.IPV4 if effect.target == DEFAULT_ROUTES[0] else Family.IPV6)
            if route is None:
                self._fail(effect, "there is no default route")
                return
            address, interface = route.gateway, interface or route.interface
        if config.method is GatewayMethod.ICMP:
            self._ask_by_echo(effect, address, interface)
        else:
            self._ask_on_link(effect, address, interface)

    def _fail(self, effect: AskTarget, why: str) -> None:
        """Not at once: the tracker is in the middle of a step."""
        event = TargetFailed(effect.round, effect.target, why)
        self._loop.call_soon(functools.partial(self._feed, event))

    def _ask_on_link(self, effect: AskTarget, address: str, interface: str) -> None:
        key = interface, Family.IPV6 if ":" in address else Family.IPV4
        self._asked = {known: asked for known, asked in self._asked.items() if asked[0] != effect.target}
        self._asked[address] = effect.target, effect.round
        try:
            self._asker(key, address).ask(address)
        except OSError as error:
            if asker := self._askers.pop(key, None):
                asker.close()
            self._fail(effect, f"cannot be asked on {interface}: {error.strerror or error}")

    def _asker(self, key: tuple[str, Family], address: str) -> NeighbourAsker:
        """The one for this link and family, which hears of this address too."""
        asker = self._askers.get(key)
        if asker is None or not asker.knows(address):
            family = key[1]
            targets = {one for one in self._asked if (":" in one) == (family is Family.IPV6)}
            if asker:
                asker.close()
                del self._askers[key]
            asker = self._askers[key] = NeighbourAsker(self._loop, *key, targets, self._heard)
        return asker

    def _heard(self, address: str, mac: str) -> None:
        if asked := self._asked.get(address):
            target, number = asked
            self._feed(TargetAnswered(number, target, f"{address} at {mac}"))

    def _ask_by_echo(self, effect: AskTarget, address: str, interface: str) -> None:
        if run := self._runs.pop(effect.target, None):
            run.cancel()
        inquiry = Inquiry(
            transport=Transport.ECHO,
            address=address,
            port=0,
            dialogue=PingDialogue(effect.round & 0xFFFF),
            timeout_ns=self.tracker.config.timeout_ns,
            bind_if=interface,
        )
        self._runs[effect.target] = self._prober.start(inquiry, functools.partial(self._echoed, effect, address))

    def _echoed(self, effect: AskTarget, address: str, end: ProbeEnd) -> None:
        self._runs.pop(effect.target, None)
        outcome = end.outcome
        if isinstance(outcome, Undecided) or not outcome.ok:
            self._feed(TargetFailed(effect.round, effect.target, outcome.reason))
        else:
            self._feed(TargetAnswered(effect.round, effect.target, address))
