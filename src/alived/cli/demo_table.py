"""What the demo shows: a live table on a terminal or plain lines elsewhere, and the table of outcomes at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from alived.cli.demo_lab import VIP, Stage, Watcher
from alived.cli.demo_play import Outcome
from alived.cli.demo_wire import Kind, Seen

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


class Screen(Protocol):
    """How the play is shown while it runs."""

    def __enter__(self) -> Screen: ...
    def __exit__(self, *_: object) -> None: ...
    def say(self, text: str) -> None: ...
    def frames(self, seen: Sequence[Seen]) -> None: ...


FORGET_NS = 200_000_000
"""Who has not answered for so long does not answer any more; the client asks a hundred times a second."""

TOGETHER_NS = 30_000_000
"""Two who answered within so long of each other answer both."""


class Tracker:
    """Turns frames into events of a node: who begins and ends to answer, whose adverts come."""

    def __init__(self, stage: Stage, watcher: Watcher) -> None:
        self._stage = stage
        self._watcher = watcher
        self._begin = time.monotonic()
        self._last_answer_ns: dict[str, int] = {}
        self._advertiser = ""
        self.last_event: dict[str, str] = {}

    def feed(self, seen: Sequence[Seen]) -> list[tuple[str, str]]:
        """(node, event) for each change that these frames show."""
        events = [(self._stage.name_of(mac), event) for one in seen for mac, event in self._changes(one)]
        self._watcher.answering = frozenset(self._last_answer_ns)
        for node, event in events:
            self.last_event[node] = f"{self.seconds:5.1f} s {event}"
        return events

    def _changes(self, seen: Seen) -> Iterator[tuple[str, str]]:
        """(MAC, event)"""
        for mac in [mac for mac, last_ns in self._last_answer_ns.items() if last_ns < seen.time_ns - FORGET_NS]:
            del self._last_answer_ns[mac]
            yield mac, "does not answer for the VIP any more"
        match seen.kind:
            case Kind.ANSWER if seen.address == VIP:
                if seen.said_mac not in self._last_answer_ns:
                    now = [mac for mac, last_ns in self._last_answer_ns.items() if last_ns > seen.time_ns - TOGETHER_NS]
                    yield seen.said_mac, "answers ARP for the VIP" + (" too" if now else "")
                self._last_answer_ns[seen.said_mac] = seen.time_ns
            case Kind.ADVERT if seen.priority == 0:
                self._advertiser = ""
                yield seen.mac, "says goodbye (priority 0)"
            case Kind.ADVERT if seen.mac != self._advertiser:
                self._advertiser = seen.mac
                yield seen.mac, f"advertises priority {seen.priority}"

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begin


class PlainScreen:
    """A line for each event."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def __enter__(self) -> PlainScreen:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def say(self, text: str) -> None:
        print(f"{self._tracker.seconds:6.2f} s  {text}", flush=True)

    def frames(self, seen: Sequence[Seen]) -> None:
        for node, event in self._tracker.feed(seen):
            self.say(f"  {node} {event}")


class LiveScreen:
    """A table that changes in place, and below it what is being done."""

    def __init__(self, tracker: Tracker, watcher: Watcher) -> None:
        from rich.live import Live  # only for a terminal: 60 ms of import

        self._tracker = tracker
        self._watcher = watcher
        self._saying = ""
        self._live = Live(get_renderable=self._render, refresh_per_second=8)

    def __enter__(self) -> LiveScreen:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.__exit__(None, None, None)

    def say(self, text: str) -> None:
        self._saying = f"{self._tracker.seconds:6.2f} s  {text}"
        self._live.console.print(self._saying, highlight=False)

    def frames(self, seen: Sequence[Seen]) -> None:
        self._tracker.feed(seen)

    def _render(self) -> RenderableType:
        from rich.table import Table

        table = Table(title=f"VIP {VIP}", title_justify="left")
        for heading in "node", "daemon", "state", "priority", "VIP", "last event on the wire":
            table.add_column(heading)
        for view in self._watcher.views:
            style = "bold green" if view.state in ("MASTER", "answers") else "red" if view.state == "FAULT" else ""
            table.add_row(
                view.name,
                view.daemon,
                view.state,
                str(view.priority),
                "yes" if view.has_vip else "",
                self._tracker.last_event.get(view.name, ""),
                style=style,
            )
        return table


HEADINGS = ("fault", "owner now", "takeover", "theory", "client lost", "two answered", "")


def row(outcome: Outcome) -> tuple[str, ...]:
    owners = " and ".join(outcome.owners) or "nobody"
    return (
        outcome.title,
        owners if outcome.good else f"{owners} (wanted: {_wanted(outcome)})",
        _takeover(outcome),
        _theory(outcome),
        f"{outcome.downtime_s * 1e3:.0f} ms",
        f"{outcome.both_s * 1e3:.0f} ms" if outcome.both_s else "",
        outcome.note,
    )


def _wanted(outcome: Outcome) -> str:
    wanted = " or ".join(outcome.expected)
    return f"{wanted}, never two" if outcome.never_two and outcome.both_s else wanted


def _takeover(outcome: Outcome) -> str:
    if outcome.theory_s is None:
        return "stays"
    return "never" if outcome.takeover_s is None else f"{outcome.takeover_s * 1e3:.0f} ms"


def _theory(outcome: Outcome) -> str:
    if outcome.theory_s is None:
        return ""
    least, most = outcome.theory_s
    return f"{least * 1e3:.0f}..{most * 1e3:.0f} ms" if least != most else f"{least * 1e3:.0f} ms"


def plain_table(outcomes: Sequence[Outcome]) -> str:
    """Columns by spaces, for files and pipes."""
    rows = [HEADINGS, *map(row, outcomes)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(r, widths)).rstrip() for r in rows)


def rich_table(outcomes: Sequence[Outcome]) -> Table:
    from rich.table import Table

    table = Table(title="What happened", title_justify="left")
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading in ("takeover", "client lost", "two answered") else "left")
    for outcome in outcomes:
        table.add_row(*row(outcome), style="" if outcome.good else "bold red")
    return table


def explanation(stage: Stage) -> str:
    """What the columns mean."""
    theory, two = stage.explanation
    return (
        f"takeover: from the fault to the new owner's first ARP.  {theory}\n"
        f"client lost: longest time without a reply to its pings.  {two}"
    )
