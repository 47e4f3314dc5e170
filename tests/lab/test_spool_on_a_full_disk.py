"""What waits for receivers on a disk that is really full, in a mount namespace of its own."""

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
NEWS = 60

SCRIPT = """
import json, pathlib, subprocess, sys
from tests.daemon.notifier.notifier_play import Play, Web, hooked, refusing

place, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", place], check=True)
said = {}
nobody = f"http://127.0.0.1:{refusing()}/"
first = Play(place, hooked(nobody))
for number in range(1, count + 1):
    first.tell(f"e{number}")
first.until(lambda: first.target().disk, "the disk is full")
full = first.target()
said["full"] = [full.waiting, full.at_risk, full.dropped, full.disk]
said["confirmed"] = first.taken()
said["on disk"] = len(list((place / "spool" / "chat").glob("*.json")))
first.stop()
said["first"] = first.log()

second = Play(place, hooked(nobody))
for number in range(said["confirmed"] + 1, count + 1):
    second.tell(f"e{number}")  # by the parent, who was not told that it is safe
second.until(lambda: second.target().disk, "the disk is still full")
subprocess.run(["mount", "-o", "remount,size=2m", place], check=True)
second.configure(hooked(nobody, language="zh"))
second.until(lambda: not second.target().at_risk, "what waits goes to the disk")
said["room"] = [second.target().disk, second.taken(), len(list((place / "spool" / "chat").glob("*.json")))]
second.stop()
said["second"] = second.log()

web = Web()
third = Play(place, hooked(web.url))
third.until(lambda: third.target().delivered == count, "all are told")
said["told"] = web.events()
third.stop()
web.close()
print(json.dumps(said))
"""


def test_a_full_disk_loses_nothing_that_was_confirmed_and_names_what_is_lost(tmp_path: Path) -> None:
    command = ["unshare", "--mount", "--propagation", "private", sys.executable, "-c", SCRIPT, str(tmp_path), str(NEWS)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)

    waiting, at_risk, dropped, disk = said["full"]
    assert (waiting, dropped) == (NEWS, 0)
    assert 0 < at_risk == NEWS - said["confirmed"] == NEWS - said["on disk"] < NEWS
    assert "No space left on device" in disk
    first = said["confirmed"] + 1
    failed = f"chat: what waits is not on disk, and lost if the daemon ends before it is told: {tmp_path}/spool/chat:"
    assert f"{failed} No space left on device" in said["first"]
    assert said["first"][-1].startswith(
        f"chat was not told of MASTER of VI_1 (e{first}), MASTER of VI_1 (e{first + 1})"
    )
    assert said["first"][-1].endswith(f" and {at_risk - 5} more: lost, because it is not on disk either")

    assert said["room"][0] == ""
    assert said["room"][2] == NEWS
    assert "chat: what waits is on disk again" in said["second"]
    assert not any("lost, because" in line for line in said["second"])
    assert said["told"] == [f"e{number}" for number in range(1, NEWS + 1)], "all, in order, once"
