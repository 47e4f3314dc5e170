"""`python -m bench`: keepalived and alived side by side, case by case, and a table of ratios."""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

import bench.stage
from alived.adapters.netns import adopt_orphans
from bench.accounting import host_cpu
from bench.cases import FULL, MEASURES, QUICK, Case, chosen, players
from bench.raft_report import raft_lines, raft_table
from bench.report import Result, Row, as_json, full_table, ratio_table, ratios
from bench.stage import ADAPTERS


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "daemons",
        nargs="*",
        default=["keepalived", "alived"],
        help=f"{', '.join(ADAPTERS)}, or MASTER:BACKUP to mix two (default: both)",
    )
    parser.add_argument("--quick", action="store_true", help="a short round: 3 minutes rather than half an hour")
    parser.add_argument("--only", help="comma-separated measures: raft (all of them), " + ", ".join(MEASURES))
    parser.add_argument("--faults", type=int, help="how many faults raft_mixed plays (200, --quick: 7)")
    parser.add_argument("--json", type=pathlib.Path, help="file to write everything to")
    parser.add_argument("--keep", type=pathlib.Path, help="folder to keep the daemons' configurations and logs in")
    parser.add_argument("--all", action="store_true", help="print every number, not only the ratios")
    return parser.parse_args()


def missing() -> str:
    """What the benchmark needs and has not, as a sentence; "" if it can run."""
    if os.geteuid() != 0:
        return "The benchmark needs root: it makes network namespaces and real-time processes."
    for command, package in ("ip", "iproute2"), ("keepalived", "keepalived"):
        if shutil.which(command) is None:
            return f"The command {command} is missing (Debian package {package})."
    return ""


@contextlib.contextmanager
def compiled() -> Iterator[None]:
    """Python's bytecode is kept, as it is where alived is installed: the environment of a work tree may forbid it, and
    then each start compiles all files. The first start, which is not measured, fills the folder."""
    with tempfile.TemporaryDirectory(prefix="alived-bench-") as cache:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = cache
        used = "cli.check", "cli.run", "daemon.parent.running", "daemon.engine.engine", "daemon.worker.worker"
        warm = "; ".join(f"import alived.{one}" for one in used)
        subprocess.run([sys.executable, "-c", warm], check=True)
        yield


def _end(_signum: int, _frame: FrameType | None) -> None:
    sys.exit(1)


def play(case: Case, daemon: str) -> Result:
    """One case with one daemon; what goes wrong there is its result."""
    measure, options = case
    begin, (host, own) = time.monotonic(), host_cpu()
    rows: list[Row] = []
    notes: dict[str, Any] = {}
    error = ""
    try:
        rows, notes = MEASURES[measure](daemon, **options)
    except Exception as trouble:  # noqa: BLE001 a daemon that fails a case must not end the round
        error = f"{type(trouble).__name__}: {trouble}"
        print(error, file=sys.stderr)
    wall_s, (host_after, own_after) = time.monotonic() - begin, host_cpu()
    other = 100 * ((host_after - host) - (own_after - own)) / wall_s
    words = " ".join(f"{key}={value}" for key, value in options.items())
    print(f"{measure} {words} {daemon}: {wall_s:.1f} s", file=sys.stderr, flush=True)
    return Result(measure, options, daemon, rows, notes, error.partition("\n")[0], round(wall_s, 1), round(other))


def main() -> int:
    options = arguments()
    if reason := missing():
        print(reason, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _end)
    adopt_orphans()
    bench.stage.KEEP = options.keep
    only = options.only.split(",") if options.only else list(MEASURES)
    cases = chosen(QUICK if options.quick else FULL, only)
    if options.faults:
        cases = [(m, {"faults": options.faults} if m == "raft_mixed" else o) for m, o in cases]
    begin = time.monotonic()
    # Daemons play a case one after the other before the next case begins: a change of the machine's load meets both.
    with compiled():
        results = [play(case, daemon) for case in cases for daemon in players(case, options.daemons)]
    lines = ratios(results)
    numbers = raft_lines(results)
    if options.all or not (lines or numbers):
        print(full_table(results), end="\n\n")
    if lines:
        print(ratio_table(lines))
    if numbers:
        print(raft_table(numbers))
    verdicts = [line.met for line in lines] + [line.met for line in numbers]
    judged = [met for met in verdicts if met is not None]
    missed, aimed = judged.count(False), len(judged)
    print(f"\n{aimed - missed} of {aimed} targets met, in {(time.monotonic() - begin) / 60:.1f} minutes")
    if options.json:
        about = {
            "kernel": platform.release(),
            "cpus": os.cpu_count(),
            "python": platform.python_version(),
            "date": time.strftime("%Y-%m-%d %H:%M"),
            "quick": options.quick,
        }
        options.json.write_text(as_json(about, results))
    return any(result.error for result in results)


if __name__ == "__main__":
    sys.exit(main())
