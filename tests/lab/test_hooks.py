"""The operator's scripts: which run, in which order, with which arguments."""

from __future__ import annotations

import pathlib

import pytest

from tests.lab.lab import Lab, instance

pytestmark = pytest.mark.lab


def script(lab: Lab, name: str, body: str) -> str:
    path = lab.network.directory / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def lines_of(path: pathlib.Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_scripts_run_in_the_order_of_the_changes_with_keepaliveds_arguments(lab: Lab) -> None:
    record = lab.network.directory / "record"
    # The first is slow: the others must wait for it, not overtake it.
    slow = script(lab, "master", f'sleep 0.5; echo "master $# $*" >> {record}')
    quick = script(lab, "other", f'echo "$(basename "$0") $# $*" >> {record}')
    lab.start(
        "n1",
        instance(
            150,
            f'notify_master "{slow} one two"',
            f"notify_backup {quick}",
            f"notify_fault {quick}",
            f"notify_stop {quick}",
            f"notify {quick}",
        ),
    )
    lab.until_owner("n1")
    lab.network.set_cable("n1", plugged=False)
    lab.until(lambda: "other 4 INSTANCE VI FAULT 150" in lines_of(record), "notify ran for FAULT")
    lab.network.set_cable("n1", plugged=True)
    lab.until(lambda: len(lines_of(record)) >= 10, "notify ran for the second MASTER")
    lab.daemons["n1"].terminate()
    lab.daemons["n1"].wait()
    assert lines_of(record) == [
        "other 0 ",
        "other 4 INSTANCE VI BACKUP 150",
        "master 2 one two",
        "other 4 INSTANCE VI MASTER 150",
        "other 0 ",
        "other 4 INSTANCE VI FAULT 150",
        "other 0 ",
        "other 4 INSTANCE VI BACKUP 150",
        "master 2 one two",
        "other 4 INSTANCE VI MASTER 150",
        "other 0 ",
        "other 4 INSTANCE VI STOP 150",
    ]


def test_a_script_that_hangs_delays_no_advert_and_no_takeover(lab: Lab) -> None:
    hang = script(lab, "hang", "sleep 1000")
    lab.start("n1", instance(150, f"notify {hang}", f"notify_backup {hang}"))
    lab.start("n2", instance(100, f"notify {hang}", f"notify_backup {hang}"))
    lab.until_owner("n1", seconds=1.0)
    lab.kill("n1")
    lab.network.reset_addresses("n1")
    lab.until_owner("n2", seconds=1.0)
