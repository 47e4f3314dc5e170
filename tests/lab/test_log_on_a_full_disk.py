"""The log of a member on a disk that is really full, in a mount namespace of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="mounts a file system"),
]

SCRIPT = """
import json, subprocess, sys
from alived.adapters.wal_files import Wal, WalError, WalFailed
from alived.raft.messages import Entry, HardState

place = sys.argv[1]
mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", place]
subprocess.run(mount, check=True)
opened = lambda: Wal.open(place + "/data", node="a", cluster_id="blue")
said = {}
log = opened()
try:
    for index in range(1, 10_000):
        log.save(HardState(index, 0, 0), [Entry(index, index, b"e" * 1000)])
        said["promised"] = index
except WalFailed as error:
    said["failed"] = str(error)
try:
    log.save(HardState(10_000, 0, 0))
except WalFailed as error:
    said["again"] = str(error)
log.close()
try:
    opened()
except WalError as error:
    said["full"] = str(error)
subprocess.run(["mount", "-o", "remount,size=1m", place], check=True)
log = opened()
said["notices"] = log.notices
said["found"] = log.last_index
said["term"] = log.initial_state()[0].term
log.save(HardState(20_000, 0, 0))
log.close()
said["goes on"] = opened().initial_state()[0].term
print(json.dumps(said))
"""


def test_nothing_is_promised_that_does_not_fit_and_nothing_is_lost(tmp_path: Path) -> None:
    command = ["unshare", "--mount", "--propagation", "private", sys.executable, "-c", SCRIPT, str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert said["promised"] > 20
    assert "No space left on device; this node must not go on" in said["failed"]
    assert said["again"] == said["failed"], "it is not tried again"
    assert "No space left on device; what was there is untouched" in said["full"]
    assert said["found"] == said["term"] == said["promised"]
    (notice,) = said["notices"]
    assert "were not completely written before a crash: left out" in notice
    assert said["goes on"] == 20_000
