"""From a failure of what the owner tracks to the VIP elsewhere, with owners elected by Raft."""

from __future__ import annotations

import contextlib
import pathlib
import tempfile
from collections.abc import Mapping
from typing import Any, ClassVar

from bench.cluster_stage import RaftNodes
from bench.raft import measure, probe
from bench.reaction import FALL, INTERVAL_S, Script
from bench.report import Row


def raft_reaction(_name: str, *, runs: int) -> tuple[list[Row], dict[str, Any]]:
    """The script that the owner tracks fails at a random moment, and is well again after the hand-over."""
    with contextlib.ExitStack() as undo:
        script = Script(pathlib.Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="alived-bench-"))))
        stage = undo.enter_context(_TrackingNodes(script))
        undo.enter_context(script.running(stage))
        stage.start()
        rows = [_once(stage, script) for _ in range(runs)]
        return rows, {"lost_frames": stage.client.lost()}


def _once(stage: RaftNodes, script: Script) -> Row:
    old = stage.settle()
    failed_ns, events, stall_ms = probe(stage, old, lambda: script.fail(old))
    known_ns = script.known_ns(failed_ns)
    script.mend()
    row = measure(old, failed_ns, events)
    if known_ns is not None and row["takeover_ms"] is not None:
        row["known_to_answer_ms"] = row["takeover_ms"] - (known_ns - failed_ns) / 1e6
    return row | {"stall_ms": stall_ms}


class _TrackingNodes(RaftNodes):
    """Each node with a script of its own."""

    group_keywords: ClassVar[Mapping[str, Any]] = {"track_script": ["chk"]}

    def __init__(self, script: Script) -> None:
        super().__init__()
        self._script = script

    def top_keywords(self, n: int) -> Mapping[str, Any]:
        return {"vrrp_scripts": {"chk": {"script": str(self._script.program(n)), "interval": INTERVAL_S, "fall": FALL}}}
