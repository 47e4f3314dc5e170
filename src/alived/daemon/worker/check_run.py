"""Performs a check now, stage after stage without a wait, and tells what was said. It changes no verdict."""

from __future__ import annotations

from collections.abc import Callable

from alived.adapters.probe import Undecided
from alived.base import AlivedError
from alived.config.model import Config
from alived.daemon.shared.configured_checks import ConfiguredCheck, keyword_of, target_of
from alived.daemon.shared.tracked import trackers_of
from alived.daemon.worker.asking import Asking
from alived.health.check_events import Sight
from alived.health.check_report import CheckReport, StageReport, speeches
from alived.health.checker import Checker
from alived.health.config import SecuredCheck, TcpCheck
from alived.health.dialogue import Dialogue, Verdict
from alived.health.recording import Recording
from alived.health.trackers_config import TrackerKind

SHOWN_NAMES = 20
Done = Callable[[CheckReport], None]


class NoSuchCheck(AlivedError):
    """None or too many fit; the text is for the operator."""


def choose(checks: dict[str, ConfiguredCheck], wanted: str, config: Config) -> ConfiguredCheck:
    """The one with this name, or the only one whose name has this in it. Raises NoSuchCheck; config: to say what else
    has this name."""
    if exact := checks.get(wanted):
        return exact
    for combined in config.combined_checks:
        if combined.name == wanted:
            members = ", ".join(member.key for member in combined.members)
            raise NoSuchCheck(f"check {wanted} asks nobody itself, it counts {members}: run one that is a check")
    found = [name for name in checks if wanted in name]
    if len(found) == 1:
        return checks[found[0]]
    names = found or list(checks)
    listed = "; ".join(names[:SHOWN_NAMES]) + ("; ..." if len(names) > SHOWN_NAMES else "")
    if found:
        raise NoSuchCheck(f"{len(found)} checks have {wanted!r} in their name: {listed}")
    there = f"there are: {listed}" if checks else "none is configured"
    others = [f"a {kind} of this name, which alived status explains" for kind in _kinds_of(wanted, config)]
    raise NoSuchCheck("; ".join([f"there is no check {wanted!r}", *others, there]))


def _kinds_of(name: str, config: Config) -> list[TrackerKind]:
    """Of trackers that have this name and are no checks."""
    found = (TrackerKind(key.partition(" ")[0]) for key in trackers_of(config) if key.partition(" ")[2] == name)
    return [kind for kind in found if kind is not TrackerKind.CHECK]


class CheckRun:
    """One performance. done(report) is called once, not before the constructor has returned."""

    def __init__(self, asking: Asking, configured: ConfiguredCheck, checker: Checker, done: Done) -> None:
        """checker: the one whose verdict counts."""
        self._asking = asking
        self._configured = configured
        self._checker = checker
        self._done = done
        self._reports: list[StageReport] = []
        self._recording: Recording | None = None
        self._next()

    def _next(self) -> None:
        self._recording = None
        self._asking.ask(self._configured.check, len(self._reports), self._ended, around=self._record)

    def _record(self, dialogue: Dialogue) -> Dialogue:
        has_connection = isinstance(self._configured.check, TcpCheck | SecuredCheck)
        self._recording = Recording(dialogue, "connected" if has_connection else "there is a way to it")
        return self._recording

    def _ended(self, outcome: Verdict | Undecided, took_ns: int, sight: Sight) -> None:
        check, stage, recording = self._configured.check, len(self._reports), self._recording
        ok = outcome.ok if isinstance(outcome, Verdict) else None
        report = StageReport(
            name=check.stage_name(stage),
            ok=ok,
            reason=outcome.reason,
            took_ns=took_ns,
            speeches=speeches(recording.pieces) if recording else (),
            left_out=recording.left_out if recording else 0,
            sight=sight,
        )
        self._reports.append(report)
        if ok and stage + 1 < check.stages:
            self._next()
        else:
            self._done(self._report(ok))

    def _report(self, ok: bool | None) -> CheckReport:
        configured, check = self._configured, self._configured.check
        return CheckReport(
            name=configured.name,
            subject=configured.subject,
            keyword=keyword_of(check),
            target=target_of(check),
            patience_ns=check.patience_ns,
            stages=tuple(self._reports),
            up=self._checker.snapshot().up,
            outlook=self._checker.outlook(ok),
        )
