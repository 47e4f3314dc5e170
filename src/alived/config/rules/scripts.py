"""Commands and trackers that cannot do what they are there for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alived.base import NS_PER_S, Diagnostic
from alived.config.instances.plan import Plan
from alived.config.keywords.definitions import Definition
from alived.config.rules.checks import counted
from alived.config.rules.report import warning
from alived.config.rules.walk import blocks, commands

_OF_A_SHELL = ("|", "||", "&&", "&", ";", "<", ">", ">>", "2>&1", "&>/dev/null", ">/dev/null", "2>/dev/null")


def shell_syntax(plan: Plan) -> Iterator[Diagnostic]:
    """A command never goes through a shell: `|` and `&&` are arguments like any other."""
    for script, location in commands(plan):
        sign = next((word for word in script.argv[1:] if _is_for_a_shell(word)), "")
        if sign:
            message = f"{script.argv[0]} gets {sign!r} as an argument: no shell reads this command"
            hint = "put the line into a script, or: /bin/sh -c '...'"
            yield warning(location, "shell-syntax", message, hint)


def _is_for_a_shell(word: str) -> bool:
    return word in _OF_A_SHELL or (word.startswith("`") and word != "`") or word.startswith("$(")


def slow_scripts(plan: Plan) -> Iterator[Diagnostic]:
    """A run that may last longer than the interval delays the next one: failures are noticed later than it says."""
    for one in _definitions(plan, "vrrp_scripts"):
        script = one.value
        if script is not None and script.timeout_ns > script.interval_ns:
            timeout, interval = (f"{time_ns / NS_PER_S:g}" for time_ns in (script.timeout_ns, script.interval_ns))
            message = f"{one.name}: timeout {timeout} is longer than interval {interval}: "
            message += "a script that hangs is noticed that much later"
            yield warning(one.settings.place("timeout"), "timeout-above-interval", message, f"at most {interval}")


def _definitions(plan: Plan, field: str) -> Sequence[Definition]:
    found: Sequence[Definition] = plan.said.get(field, ())
    return found


def unused_trackers(plan: Plan) -> Iterator[Diagnostic]:
    """What nobody tracks changes nothing."""
    for field, keyword, block in (
        ("vrrp_scripts", "track_script", "vrrp_script"),
        ("track_processes", "track_process", "vrrp_track_process"),
        ("checks", "track_check", "check"),
        ("gateways", "track_gateway", "gateway"),
        ("units", "track_unit", "unit"),
    ):
        definitions = _definitions(plan, field)
        if not definitions:
            continue
        used = {entry.name for settings in blocks(plan) for entry in settings.get(keyword, ())}
        used |= {name for kind, name in counted(plan) if kind == keyword.removeprefix("track_")}
        for one in definitions:
            if one.name not in used:
                message = f"{block} {one.name} is tracked by no instance and no group: it changes nothing"
                yield warning(one.location, "unused-tracker", message, f"{keyword} {{ {one.name} }} in an instance")
