"""What is measured: the whole round and the quick one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.check import check
from bench.failover import failover, vips
from bench.lifecycle import load, reload
from bench.report import Row
from bench.steady import false_failover, steady

Measure = Callable[..., tuple[list[Row], dict[str, Any]]]
Case = tuple[str, dict[str, Any]]

MEASURES: dict[str, Measure] = {
    measure.__name__: measure for measure in (failover, vips, steady, false_failover, load, reload, check)
}

FULL: tuple[Case, ...] = (
    *(
        ("failover", {"advert_int": advert_int, "action": action, "runs": runs})
        for advert_int, kill, cable in ((0.01, 20, 10), (0.1, 20, 10), (1.0, 5, 3))
        for action, runs in (("kill", kill), ("term", kill), ("cable", cable))
    ),
    ("vips", {"count": 1, "vips": 1000, "advert_int": 1.0, "runs": 3}),
    ("vips", {"count": 1, "vips": 1000, "advert_int": 0.1, "runs": 3, "routers": 3}),
    ("vips", {"count": 1, "vips": 5000, "advert_int": 1.0, "runs": 2}),
    ("vips", {"count": 1, "vips": 5000, "advert_int": 0.1, "runs": 2, "routers": 3}),
    *(("vips", {"count": count, "vips": 1, "advert_int": 1.0, "runs": 2}) for count in (200, 1000)),
    *(
        ("steady", {"count": count, "advert_int": advert_int, "seconds": 10})
        for advert_int in (1.0, 0.1)
        for count in (1, 100, 1000)
    ),
    ("false_failover", {"advert_int": 0.01, "seconds": 60, "busy": 2, "scheduling": "default"}),
    ("false_failover", {"advert_int": 0.01, "seconds": 60, "busy": 2, "scheduling": "normal"}),
    ("false_failover", {"advert_int": 0.01, "seconds": 60, "busy": 40, "scheduling": "default"}),
    ("false_failover", {"advert_int": 0.01, "seconds": 20, "busy": 40, "scheduling": "normal"}),
    ("false_failover", {"advert_int": 0.01, "seconds": 60, "busy": 40, "scheduling": "realtime"}),
    ("load", {"count": 1000, "advert_int": 1.0, "priority": 255, "runs": 3}),
    ("load", {"count": 1000, "advert_int": 1.0, "priority": 150, "runs": 2}),
    ("reload", {"count": 1000, "advert_int": 1.0, "runs": 3}),
    ("reload", {"count": 1000, "advert_int": 0.1, "runs": 3}),
    ("check", {"count": 1000, "vips": 11, "advert_int": 1.0, "runs": 5}),
)

QUICK: tuple[Case, ...] = (
    ("failover", {"advert_int": 0.01, "action": "kill", "runs": 4}),
    ("failover", {"advert_int": 0.1, "action": "kill", "runs": 3}),
    ("failover", {"advert_int": 0.1, "action": "term", "runs": 3}),
    ("failover", {"advert_int": 0.1, "action": "cable", "runs": 3}),
    ("vips", {"count": 1, "vips": 1000, "advert_int": 0.1, "runs": 1, "routers": 3}),
    ("vips", {"count": 200, "vips": 1, "advert_int": 1.0, "runs": 1}),
    ("steady", {"count": 100, "advert_int": 0.1, "seconds": 4}),
    ("steady", {"count": 1000, "advert_int": 0.1, "seconds": 4}),
    ("false_failover", {"advert_int": 0.01, "seconds": 5, "busy": 4, "scheduling": "default"}),
    ("load", {"count": 200, "advert_int": 1.0, "priority": 255, "runs": 1}),
    ("reload", {"count": 200, "advert_int": 0.1, "runs": 1}),
    ("check", {"count": 1000, "vips": 11, "advert_int": 1.0, "runs": 1}),
)
