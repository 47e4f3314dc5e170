"""How trackers in the worker speak: verdicts to the parent, what is new into the log too."""

from __future__ import annotations

from alived.adapters.loop import now_ns
from alived.daemon.shared.child import ChildContext
from alived.daemon.shared.messages import TrackerVerdict, TrackerVerdicts
from alived.health.tracker_events import TrackerJudged, TrackerNoticed
from alived.health.trackers_config import TrackerKind


class TrackerVoice:
    """Of all trackers of a kind."""

    def __init__(self, context: ChildContext, kind: TrackerKind) -> None:
        self._context, self._kind = context, kind

    def say(self, name: str, effect: TrackerJudged | TrackerNoticed) -> None:
        if isinstance(effect, TrackerNoticed):
            self._context.log(effect.level, effect.code, effect.message)
            return
        verdict = TrackerVerdict(self._kind, name, effect.up, effect.reason, now_ns(), effect.value)
        self._context.send(TrackerVerdicts((verdict,)))
        if effect.news:
            level, word = ("info", "up") if effect.up else ("warning", "down")
            code = f"{self._kind}-{word}" if effect.value is None else f"{self._kind}-changed"
            self._context.log(level, code, effect.reason)


def known_of(kind: TrackerKind, verdicts: tuple[TrackerVerdict, ...]) -> dict[str, TrackerVerdict]:
    """Those of a kind, by name."""
    return {verdict.name: verdict for verdict in verdicts if verdict.kind is kind}
