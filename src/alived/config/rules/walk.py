"""All blocks of a file, however deep they stand, and the commands in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from alived.base import Location
from alived.config.instances.plan import Plan
from alived.config.keywords.shapes import Deleted
from alived.config.keywords.table import Setting, Settings
from alived.hooks.config import Hook, Script

COMMAND_LINES = ("script", "misc_path")
"""Keywords whose value is argv alone: the block says elsewhere who runs it."""


def blocks(plan: Plan) -> Iterator[Settings]:
    """What every block says, each before those inside it."""
    yield from _blocks(plan.said)
    yield plan.defaults


def _blocks(settings: Settings) -> Iterator[Settings]:
    yield settings
    for _, setting in settings:
        for value in setting.value if isinstance(setting.value, tuple) else (setting.value,):
            inner: Any = getattr(value, "settings", None)
            if isinstance(inner, Settings):
                yield from _blocks(inner)


def commands(plan: Plan) -> Iterator[tuple[Script, Location]]:
    """Every command of the file, and where it is said."""
    for settings in blocks(plan):
        for _, setting in settings:
            script = _command(setting, settings)
            if script is not None:
                yield script, setting.location
    for hook, location in hooks(plan):
        yield hook.script, location


def hooks(plan: Plan) -> Iterator[tuple[Hook, Location]]:
    """Those of all and those of single groups."""
    for settings in blocks(plan):
        for hook in settings.get("hooks", ()):
            yield hook, settings.place("hooks")


def _command(setting: Setting, settings: Settings) -> Script | None:
    match setting.value:
        case Script() as script:
            return script
        case Deleted(script=script):
            return script
        case (str(), *_) as argv if setting.keyword in COMMAND_LINES:
            user, group = settings.get("user", ("", ""))
            return Script(argv=tuple(argv), user=user, group=group)
        case _:
            return None
