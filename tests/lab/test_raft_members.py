"""Clusters that change while they serve.

Members added and removed under fire, blank, wiped and foreign nodes, a full disk, hooks that bind, a clock that jumps.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from alived.adapters.netns import signal_all
from alived.cli.demo_cluster import MemberText, write_key
from alived.cli.demo_daemons import Alived
from tests.lab.cluster import RELAXED, ClusterLab, term_of, voters_of
from tests.lab.lab import VIP4

pytestmark = pytest.mark.lab

NODES = ("n1", "n2", "n3")
Make = Callable[..., ClusterLab]
EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples" / "vip-switch"


def others(node: str) -> list[str]:
    return [one for one in NODES if one != node]


def wipe(lab: ClusterLab, node: str) -> None:
    """A new disk."""
    shutil.rmtree(lab.directory(node) / "data")
    (lab.directory(node) / "data").mkdir()


def join(lab: ClusterLab, node: str, seen_from: str) -> None:
    """Starts a node that nobody knows yet, and has it added."""
    lab.prepare(node, members=[*lab.members, MemberText(id=node, address=lab.network.address(node))], cluster=RELAXED)
    lab.daemons[node].start()
    lab.cluster(seen_from, "add", node, lab.network.address(node))
    lab.until(lambda: node in voters_of(lab.member_view(seen_from)), f"{node} votes")


def test_a_blank_node_joins_and_can_own(make_cluster_lab: Make) -> None:
    lab = make_cluster_lab(*NODES, spare=["n4"])
    lab.start_all(cluster=RELAXED)
    observer = lab.observe()
    owner = lab.until_settled(observer)
    begin_ns = time.time_ns()
    join(lab, "n4", owner)
    lab.until(lambda: lab.member_view("n4").get("leader") == owner, "it follows")
    observer.watch(1.5)  # who has just started takes nothing over for an election timeout: a second
    lab.cluster(owner, "transfer", "n4")
    assert lab.until_settled(observer) == "n4"
    assert observer.owners(begin_ns) == [owner, "n4"], lab.explain(observer, begin_ns)


def test_members_change_under_fire(make_cluster_lab: Make) -> None:
    """A node is added while the owner dies; the dead one is removed while ownership is handed on; then a freeze."""
    lab = make_cluster_lab(*NODES, spare=["n4"])
    lab.start_all()
    observer = lab.observe()
    old = lab.until_settled(observer)
    lab.prepare("n4", members=[*lab.members, MemberText(id="n4", address=lab.network.address("n4"))])
    lab.daemons["n4"].start()
    asked, spared = others(old)
    fault_ns = time.time_ns()
    with at_the_same_time(lab, asked, "add", "n4", lab.network.address("n4")):
        lab.kill(old)
        new = lab.until_another(observer, old)
    lab.assert_silent(observer, old, fault_ns)
    if "n4" not in voters_of(lab.member_view(asked)):
        lab.cluster(asked, "add", "n4", lab.network.address("n4"))
    lab.until(lambda: "n4" in voters_of(lab.member_view(asked)), "n4 votes")
    begin_ns = time.time_ns()
    target = next(node for node in (asked, spared, "n4") if node != new)
    with at_the_same_time(lab, asked, "remove", old):
        lab.cluster(asked, "transfer", target, check=False)
    owner = lab.until_settled(observer)
    assert observer.owners(begin_ns)[-1] == owner, lab.explain(observer, begin_ns)
    lab.until(
        lambda: old not in voters_of(lab.member_view(asked)) or _remove(lab, asked, old), "the dead one is removed"
    )
    fault_ns = time.time_ns()
    lab.daemons[owner].freeze()
    lab.until_another(observer, owner)
    lab.assert_silent(observer, owner, fault_ns)


@contextlib.contextmanager
def at_the_same_time(lab: ClusterLab, node: str, *command: str) -> Iterator[None]:
    """`alived cluster` at a node, beside what happens in the block; whatever comes of it."""
    asking = threading.Thread(target=lab.cluster, args=(node, *command), kwargs={"check": False})
    asking.start()
    try:
        yield
    finally:
        asking.join()


def _remove(lab: ClusterLab, asked: str, node: str) -> bool:
    """Once more: whoever was asked may have lost the leader meanwhile. False: look again."""
    lab.cluster(asked, "remove", node, check=False)
    return False


def test_a_wiped_node_comes_back_by_itself(make_cluster_lab: Make) -> None:
    """Its disk is new: it takes the log from the others and moves nothing."""
    lab = make_cluster_lab(*NODES)
    lab.start_all(cluster=RELAXED)
    observer = lab.observe()
    owner = lab.until_settled(observer)
    wiped = others(owner)[0]
    term = term_of(lab.member_view(owner))
    begin_ns = time.time_ns()
    lab.kill(wiped)
    wipe(lab, wiped)
    lab.daemons[wiped].start()
    lab.until(lambda: lab.member_view(wiped).get("phase") == "running", "it is a member again")
    assert lab.until_settled(observer) == owner
    assert observer.owners(begin_ns) == [owner], lab.explain(observer, begin_ns)
    assert term_of(lab.member_view(owner)) == term


def test_a_node_of_another_cluster_is_refused(make_cluster_lab: Make) -> None:
    """Same names, same key. The others were wiped and have formed anew while it was away: it is one of three of a
    cluster that is no more, so it neither joins nor owns, and disturbs nobody."""
    lab = make_cluster_lab(*NODES)
    lab.start_all(cluster=RELAXED)
    foreign = "n3"
    lab.until(lambda: lab.member_view(foreign).get("phase") == "running", "all have formed")
    for node in NODES:
        lab.daemons[node].stop()
    for node in others(foreign):
        wipe(lab, node)
        lab.daemons[node].start()
    observer = lab.observe()
    owner = lab.until_settled(observer)
    term = term_of(lab.member_view(owner))
    begin_ns = time.time_ns()
    lab.daemons[foreign].start()
    lab.until(lambda: "belongs to another cluster" in lab.daemons[foreign].log, "it says what is wrong")
    observer.watch(1.0)
    assert lab.until_settled(observer) == owner
    assert observer.owners(begin_ns) == [owner], lab.explain(observer, begin_ns)
    assert term_of(lab.member_view(owner)) == term
    assert lab.member_view(foreign)["leader"] == ""
    assert lab.member_view(foreign)["formed"] != lab.member_view(owner)["formed"]


def test_a_node_with_another_key_is_nobody(make_cluster_lab: Make) -> None:
    lab = make_cluster_lab(*NODES)
    other = lab.network.directory / "other.key"
    write_key(other)
    other.write_text("00ff" * 16 + "\n")
    for node in NODES:
        lab.prepare(node, key_file=other if node == "n3" else None, cluster=RELAXED)
        lab.daemons[node].start()
    owner = lab.until_leader(["n1", "n2"])
    assert owner in ("n1", "n2")
    observer = lab.observe()
    begin_ns = time.time_ns()
    observer.watch(1.0)
    assert lab.until_settled(observer) == owner
    assert observer.owners(begin_ns) == [owner]
    refused = lab.member_view(owner)["refused"]
    assert sum(refused.values()) > 0, refused


@contextlib.contextmanager
def small_disk(folder: pathlib.Path) -> Iterator[None]:
    """A file system of 256 kB."""
    folder.mkdir(exist_ok=True)
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], check=True)
    except subprocess.CalledProcessError:
        pytest.skip("may not mount a file system here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_costs_one_node_and_no_owner(make_cluster_lab: Make) -> None:
    """The owner's raft process ends rather than promise what it could not write."""
    lab = make_cluster_lab(*NODES)
    with contextlib.ExitStack() as undo:
        for node in NODES:
            lab.prepare(node)
            undo.enter_context(small_disk(lab.directory(node) / "data"))
            lab.daemons[node].start()
        observer = lab.observe()
        old = lab.until_settled(observer)
        begin_ns = time.time_ns()
        with pytest.raises(OSError), (lab.directory(old) / "data" / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))
        first, second = others(old)
        for target in itertools.islice(itertools.cycle((first, second)), 100):
            # Each hand-over is written down by everybody, and the last page of a file has room for some.
            lab.cluster(target, "transfer", target, "--wait", "1", check=False)
            if "No space left on device" in lab.daemons[old].log:
                break
        assert "No space left on device" in lab.daemons[old].log
        observer.watch(0.5)
        assert lab.until_settled(observer) != old
        runs = observer.owners(begin_ns)
        assert old not in runs[1:], lab.explain(observer, begin_ns)
        lab.until(lambda: lab.member_view(first).get("tolerated_failures") == 0, "it is missed")
        for node in NODES:
            lab.kill(node)


# -- hooks that bind --


class VipSwitch(Alived):
    """The command `vip-switch`: what differs between the nodes is said by its options."""

    options: Sequence[str] = ()

    def command(self) -> list[str]:
        command = [sys.executable, "-m", "alived.cli.vip_switch", "--config", str(self.config)]
        return [*command, "--runtime-dir", str(self.runtime_dir), *self.options]


def vip_switch(lab: ClusterLab) -> None:
    """The example of vip-switch on all nodes: one folder for all, with its scripts, vip.conf and config.yaml, in which
    only addresses, paths and timers are those of the lab."""
    folder = lab.network.directory / "vip-switch"
    shutil.copytree(EXAMPLES, folder)
    (folder / "vip.conf").write_text(f'VIP_ADDRESS="{VIP4}/24"\nINTERFACE="eth0"\nARP_COUNT=2\nARP_DELAY_MS=10\n')
    text = (folder / "config.yaml").read_text().replace("/etc/vip-switch", str(folder))
    for number, node in enumerate(NODES, 1):
        assert f'"192.0.2.{number}:7946"' in text, "the example has the addresses of the lab"
        text = text.replace(f"id: node{number}", f"id: {node}")
    text = text.replace("\ncluster:\n", f"\ncluster:\n  profile: {RELAXED['profile']}\n")
    (folder / "config.yaml").write_text(text)
    shutil.copy(lab.key_file, folder / "cluster.key")
    for node in NODES:
        daemon = VipSwitch(lab.network.namespace(node), lab.network.directory / node)
        daemon.config = folder / "config.yaml"
        (daemon.directory / "my data").mkdir()
        daemon.options = [
            *("--node-id", node, "--raft-addr", f"{lab.network.address(node)}:7946"),
            *("--data-dir", str(daemon.directory / "my data"), "--log-level", "debug", "--log-format", "json"),
        ]
        lab.daemons[node] = daemon
        daemon.start()


def test_the_options_of_vip_switch_make_three_nodes_of_one_file(make_cluster_lab: Make) -> None:
    lab = make_cluster_lab(*NODES)
    vip_switch(lab)
    owner = lab.until_settled(lab.observe())
    assert {lab.member_view(node)["node"] for node in NODES} == set(NODES)
    for node in NODES:
        assert any((lab.directory(node) / "my data").iterdir()), "its log is where --data-dir says"
        assert {line["level"] for line in json_lines(lab, node)} >= {"debug", "info"}
    lab.until(lambda: any(line["code"].startswith("hook") for line in json_lines(lab, owner)), "hooks are told of")


def json_lines(lab: ClusterLab, node: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lab.daemons[node].log.splitlines() if line.startswith("{")]


def test_an_address_that_a_script_bound_is_fenced_when_the_owner_freezes(make_cluster_lab: Make) -> None:
    """vip-switch: nobody can run on-slave.sh in a frozen tree, the kernel's lease silences the address."""
    lab = make_cluster_lab(*NODES)
    vip_switch(lab)
    observer = lab.observe()
    old = lab.until_settled(observer)
    assert lab.has_address(old, VIP4)
    fault_ns = time.time_ns()
    lab.daemons[old].freeze()
    lab.until_another(observer, old)
    lab.assert_silent(observer, old, fault_ns)
    assert lab.has_address(old, VIP4), "the script's address is still there, and answers nobody"
    lab.daemons[old].thaw()
    lab.until(lambda: not lab.has_address(old, VIP4), "and on-slave.sh removes it")
    lab.until_another(observer, old)
    lab.assert_silent(observer, old, fault_ns)


def test_scripts_follow_a_transfer_and_the_end(make_cluster_lab: Make) -> None:
    lab = make_cluster_lab(*NODES)
    vip_switch(lab)
    observer = lab.observe()
    old = lab.until_settled(observer)
    begin_ns = time.time_ns()
    target = others(old)[0]
    lab.cluster(old, "transfer", target)
    assert lab.until_settled(observer) == target
    assert observer.owners(begin_ns) == [old, target], lab.explain(observer, begin_ns)
    lab.until(lambda: not lab.has_address(old, VIP4), "on-slave.sh has removed it")
    for node in NODES:
        lab.daemons[node].terminate()
    for node in NODES:
        lab.daemons[node].wait()
        assert not lab.has_address(node, VIP4)


# -- the clock on the wall --

_JUMPING_CLOCK = """
import os, time
_file = os.environ["JUMPING_CLOCK"]
_real, _real_ns, _real_of = time.time, time.time_ns, time.clock_gettime
def _offset():
    try:
        with open(_file) as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0
time.time = lambda: _real() + _offset()
time.time_ns = lambda: _real_ns() + _offset() * 10**9
time.clock_gettime = lambda clock: _real_of(clock) + (_offset() if clock == time.CLOCK_REALTIME else 0)
"""


def test_jumps_of_the_wall_clock_cause_nothing(
    make_cluster_lab: Make, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour ahead and an hour back. The clock of the machine is everybody's, so that of these daemons is bent."""
    (tmp_path / "sitecustomize.py").write_text(_JUMPING_CLOCK)
    offset = tmp_path / "offset"
    offset.write_text("0")
    lab = make_cluster_lab(*NODES)
    with monkeypatch.context() as patch:
        patch.setenv("JUMPING_CLOCK", str(offset))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
        lab.start_all(cluster=RELAXED)
    observer = lab.observe()
    owner = lab.until_settled(observer)
    term = term_of(lab.member_view(owner))
    begin_ns = time.time_ns()
    for seconds in (3600, -3600, 0):
        offset.write_text(str(seconds))
        observer.watch(1.0)
    assert lab.until_settled(observer) == owner
    assert observer.owners(begin_ns) == [owner], lab.explain(observer, begin_ns)
    assert term_of(lab.member_view(owner)) == term
    answers = [time_ns for time_ns, _ in observer.since(begin_ns)]
    assert max(b - a for a, b in itertools.pairwise(answers)) < 10**9, "nor was it away meanwhile"
    offset.write_text("3600")
    signal_all([lab.daemons[owner].pid], signal.SIGKILL)
    new = lab.until_another(observer, owner)
    assert observer.owners(begin_ns) == [owner, new], lab.explain(observer, begin_ns)
    hour_ahead = time.strftime("%Y-%m-%d %H", time.localtime(time.time() + 3600))
    lab.until(lambda: hour_ahead in lab.daemons[new].log, "the clock that they saw did jump")


def test_python_reads_the_bent_clock(tmp_path: pathlib.Path) -> None:
    """The test above could not fail if nothing were bent."""
    (tmp_path / "sitecustomize.py").write_text(_JUMPING_CLOCK)
    (tmp_path / "offset").write_text("3600")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "JUMPING_CLOCK": str(tmp_path / "offset")}
    code = "import time; print(int(time.time()), int(time.clock_gettime(time.CLOCK_REALTIME)), time.monotonic())"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    times = [float(word) for word in done.stdout.split()]
    assert min(times[:2]) > time.time() + 3000
    assert abs(times[2] - time.monotonic()) < 100
