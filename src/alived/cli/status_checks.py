"""Checks in `alived status`: the verdict, who acts on it, and how the probes go."""

from __future__ import annotations

import time
from collections.abc import Iterator

from alived.cli.asking import Json
from alived.cli.status_trackers import verdict_line
from alived.cli.words import loud, span

SOON_DAYS = 14
"""A certificate that expires within is loud."""


def check_lines(check: Json) -> Iterator[str]:
    yield verdict_line("check", check)
    probes = check["probes"]
    asked = f"{check['kind']} {check['target']} every {check['interval_s']:g} s"
    if probes is None:
        yield f"    {asked}: " + loud("the process that asks does not answer")
        return
    yield f"    {asked}: {_last(probes)}{_next(probes)}"
    if probes["undecided"]:
        yield "    " + loud(f"could not ask: {probes['undecided']}")
    if probes["failed_tries"]:
        yield "    " + loud(f"{probes['failed_tries']} of {check['retry'] + 1} tries failed")
    if probes["weight"] is not None:
        yield f"    weight {probes['weight']}, by its exit status"
    if probes["certificate_days"] is not None:
        yield "    " + _certificate(probes)
    for line in probes["output"]:
        yield f"    output: {line}"


def _last(probes: Json) -> str:
    last = probes["last"]
    if last is None:
        return ""
    where = f"{last['url']}: " if last["url"] else ""
    times = f", {probes['streak']} times in a row" if probes["streak"] > 1 else ""
    said = last["reason"] if last["ok"] else loud(last["reason"])
    return f"{where}{said} {span(last['age_s'])} ago (took {last['took_ms']:g} ms){times}; "


def _next(probes: Json) -> str:
    if probes["suspended"]:
        return "it rests, the address of its virtual server is not here (ha_suspend)"
    if probes["running_s"] is not None:
        return f"a probe runs for {span(probes['running_s'])}"
    return f"next one in {span(max(probes['next_run_s'], 0))}"


def _certificate(probes: Json) -> str:
    day = time.strftime("%Y-%m-%d", time.localtime(probes["certificate_until"]))
    days = probes["certificate_days"]
    if days < 0:
        return loud(f"its certificate expired on {day}")
    text = f"its certificate expires in {days:g} days, on {day}"
    return loud(text) if days < SOON_DAYS else text
