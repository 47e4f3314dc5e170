"""What the status says of tracked links."""

from __future__ import annotations

import click
import msgspec
import pytest

from alived.base import NS_PER_S
from alived.cli.status_trackers import tracker_lines
from alived.config.model import Config
from alived.daemon.shared.messages import EngineSnapshot
from alived.daemon.status import link_view
from alived.daemon.status.view import Clock
from alived.health.tracker_events import LinkSnapshot
from alived.vrrp.config import TrackedInterface
from tests.daemon.tracked_scripts import tracked

NOW = 100 * NS_PER_S
CLOCK = Clock(NOW, 1_000_000.0)


def config() -> Config:
    known = tracked()
    instance = known.instances[0]
    vrrp = msgspec.structs.replace(instance.vrrp, track_interfaces=(TrackedInterface("eth1", -20, True),))
    return msgspec.structs.replace(known, instances=(msgspec.structs.replace(instance, vrrp=vrrp),))


def engine(*links: LinkSnapshot) -> EngineSnapshot:
    return EngineSnapshot(
        request_id=1,
        now_ns=NOW,
        instances=(),
        vips=(),
        groups=(),
        links=links,
        receive_errors={},
        lateness_max_ns=0,
        scheduling="normal",
    )


def lines(*links: LinkSnapshot) -> list[str]:
    (shown,) = link_view.links(config(), engine(*links), CLOCK)
    return [click.unstyle(line) for line in tracker_lines(shown)]


OWNER = "tracked by VI (weight -20 reverse)"


@pytest.mark.parametrize(
    ("usable", "said"),
    [
        (True, f"interface eth1  up for 3.0 s: interface eth1 is up; {OWNER}"),
        (False, f"interface eth1  down for 3.0 s: interface eth1 is down; {OWNER}"),
        (None, f"interface eth1  down for 3.0 s: interface eth1 is not there; {OWNER}"),
    ],
)
def test_what_counts_since_when_and_for_whom(usable: bool | None, said: str) -> None:
    others = LinkSnapshot("eth0", True, 1)
    assert lines(others, LinkSnapshot("eth1", usable, NOW - 3 * NS_PER_S)) == [said]


def test_a_change_that_does_not_count_yet() -> None:
    waits = LinkSnapshot("eth1", True, NOW - 3 * NS_PER_S, NOW + NS_PER_S // 2)
    assert lines(waits)[1] == (
        "    last result: down, which counts if it lasts (interface_up_down_delays); next look in 0.5 s"
    )


def test_without_an_answer_of_the_engine_it_is_unknown() -> None:
    (shown,) = link_view.links(config(), None, CLOCK)
    assert (shown["result"], shown["seen"]) == ("unknown", None)


def test_a_link_that_nobody_tracks_is_not_shown() -> None:
    assert link_view.links(tracked(), engine(LinkSnapshot("eth1", True, 1)), CLOCK) == []
