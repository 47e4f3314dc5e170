"""What is measured: the whole round and the quick one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Sequence
from typing import Any

from bench.check import check
from bench.checks import CHECKERS, checks
from bench.cluster_stage import FAULTS
from bench.failover import failover, vips
from bench.lifecycle import load, reload
from bench.raft import raft_failover, raft_false, raft_mixed, raft_steady, raft_transfer, raft_vips
from bench.raft_reaction import raft_reaction
from bench.reaction import reaction
from bench.report import Row
from bench.scripts import scripts
from bench.steady import false_failover, steady
from bench.under_checks import adverts_under_checks

Measure = Callable[..., tuple[list[Row], dict[str, Any]]]
Case = tuple[str, dict[str, Any]]

RAFT = (raft_failover, raft_transfer, raft_reaction, raft_mixed, raft_steady, raft_false, raft_vips)
MEASURES: dict[str, Measure] = {
    measure.__name__: measure
    for measure in (
        failover,
        vips,
        steady,
        false_failover,
        load,
        reload,
        check,
        reaction,
        scripts,
        checks,
        adverts_under_checks,
        *RAFT,
    )
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
    *(("reaction", {"tracker": tracker, "runs": 20}) for tracker in ("script", "process", "check")),
    *(("scripts", {"programs": 200, "user": user, "seconds": 20}) for user in ("root", "nobody")),
    ("adverts_under_checks", {"advert_int": 0.01, "programs": 200, "targets": 1000, "seconds": 60}),
    *(("checks", {"kind": kind, "targets": 1000, "seconds": 20}) for kind in ("tcp", "http")),
    ("checks", {"kind": "https", "targets": 200, "seconds": 20}),
    ("raft_failover", {"fault": "kill", "runs": 20}),
    ("raft_failover", {"fault": "kill", "runs": 10, "advert_int": 0.1}),
    ("raft_failover", {"fault": "kill", "runs": 5, "advert_int": 1.0}),
    *(("raft_failover", {"fault": fault, "runs": 20}) for fault in FAULTS if fault != "kill"),
    ("raft_transfer", {"runs": 20}),
    ("raft_reaction", {"runs": 20}),
    ("raft_steady", {"seconds": 20}),
    ("raft_false", {"seconds": 60, "busy": 40}),
    ("raft_vips", {"vips": 5000, "groups": 10, "runs": 3}),
    ("raft_mixed", {"faults": 200}),
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
    *(("reaction", {"tracker": tracker, "runs": 4}) for tracker in ("script", "process", "check")),
    *(("scripts", {"programs": 200, "user": user, "seconds": 5}) for user in ("root", "nobody")),
    ("adverts_under_checks", {"advert_int": 0.01, "programs": 200, "targets": 1000, "seconds": 10}),
    *(("checks", {"kind": kind, "targets": 1000, "seconds": 5}) for kind in ("tcp", "http")),
    ("checks", {"kind": "https", "targets": 200, "seconds": 5}),
    ("raft_failover", {"fault": "kill", "runs": 5}),
    ("raft_failover", {"fault": "kill", "runs": 2, "advert_int": 0.1}),
    ("raft_failover", {"fault": "stop", "runs": 3}),
    ("raft_transfer", {"runs": 5}),
    ("raft_reaction", {"runs": 4}),
    ("raft_steady", {"seconds": 5}),
    ("raft_false", {"seconds": 5, "busy": 4}),
    ("raft_vips", {"vips": 500, "groups": 2, "runs": 1}),
    ("raft_mixed", {"faults": 7}),
)


def chosen(cases: Sequence[Case], only: Collection[str]) -> list[Case]:
    """The cases of these measures; "raft" stands for all measures of Raft."""
    return [case for case in cases if case[0] in only or (case[0].partition("_")[0] == "raft" and "raft" in only)]


def players(case: Case, daemons: Sequence[str]) -> Sequence[str]:
    """Who plays a case. Of the measures of Raft keepalived plays a kill, at some advert interval; etcd's lease too, and
    etcd being idle."""
    measure, options = case
    if measure == "checks":
        return [name for name in CHECKERS if name != "haproxy" or shutil.which("haproxy")]
    if measure.partition("_")[0] != "raft":
        return daemons
    if "advert_int" in options:
        return ("keepalived",)
    beside = options.get("fault") == "kill" or measure == "raft_steady"
    return ("alived", "etcd") if beside and shutil.which("etcd") else ("alived",)
