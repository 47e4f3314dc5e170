"""What happens to a machine: it freezes, its cable is pulled, a switch is silent, a process dies, somebody meddles."""

from __future__ import annotations

import os
import signal
import time

import pytest

from alived.adapters.netns import signal_all
from alived.cli.demo_wire import Kind
from tests.lab.lab import CALM, VIP4, VIP6, Lab, answers, instance, instance6, master_down_interval_ns

pytestmark = pytest.mark.lab

GRAIN_NS = 2_000_000


def start_both(lab: Lab, first: str = "alived", second: str = "alived", *, advert_int: float = 0.1) -> int:
    """n1 master, n2 backup, settled at the time that it returns."""
    lab.start("n1", instance(150, advert_int=advert_int), kind=first)
    lab.start("n2", instance(100, advert_int=advert_int), kind=second)
    lab.until_owner("n1", seconds=max(0.5, 3 * advert_int))
    return time.time_ns()


def pid_of(lab: Lab, node: str, role: str) -> int:
    return next(int(p["pid"]) for p in lab.status(node)["processes"] if p["role"] == role)


def state(lab: Lab, node: str) -> str:
    return str(lab.status(node)["instances"][0]["state"])


def test_a_frozen_master_loses_the_address_and_gets_it_back(lab: Lab) -> None:
    """SIGSTOP of the whole tree: the kernel takes the address away when its lifetime ends."""
    start_both(lab)
    lab.daemons["n1"].freeze()
    frozen_ns = time.time_ns()
    lab.until(lambda: lab.adverts("n2", since_ns=frozen_ns), "n2 takes over")
    silence_ns = lab.adverts("n2", since_ns=frozen_ns)[0].time_ns - lab.adverts("n1")[-1].time_ns
    assert silence_ns >= master_down_interval_ns(100, 0.1) - GRAIN_NS
    lab.until_owner("n2")
    assert not lab.has_address("n1", VIP4)
    assert not lab.adverts("n1", since_ns=frozen_ns + 100_000_000)
    lab.daemons["n1"].thaw()
    lab.until_owner("n1")
    assert not lab.has_address("n2", VIP4)


def test_a_pulled_cable_is_a_fault_that_says_why(lab: Lab) -> None:
    start_both(lab)
    lab.network.set_cable("n1", plugged=False)
    lab.until_owner("n2")
    lab.until(lambda: state(lab, "n1") == "FAULT", "n1 is in FAULT")
    assert not lab.has_address("n1", VIP4)
    assert "eth0" in lab.status("n1")["instances"][0]["faults"][0]["reason"]
    plugged_ns = time.time_ns()
    lab.network.set_cable("n1", plugged=True)
    lab.until_owner("n1")
    assert lab.announcements("n1", since_ns=plugged_ns)
    assert lab.status("n1")["instances"][0]["faults"] == []


@pytest.mark.parametrize(
    "kinds", [("alived", "alived"), ("alived", "keepalived"), ("keepalived", "alived")], ids="-".join
)
def test_after_a_healed_partition_one_is_master_and_tells_the_neighbours(lab: Lab, kinds: tuple[str, str]) -> None:
    settled_ns = start_both(lab, *kinds)
    lab.partition()
    lab.until(lambda: lab.adverts("n2", since_ns=settled_ns), "both are masters of their part")
    lab.hear(0.5)
    healed_ns = time.time_ns()
    lab.drop()
    lab.until_owner("n1")
    assert not lab.has_address("n2", VIP4)
    # The neighbours that heard n2 last must hear n1 again (keepalived#166).
    lab.until(lambda: lab.announcements("n1", since_ns=healed_ns), "n1 announces again")


def test_a_silent_switch_is_a_partition_too(lab: Lab) -> None:
    """All frames of n1 are lost and its link stays up: n2 takes over, and gives back when n1 is heard again."""
    start_both(lab)
    lab.cut_off("n1")
    lab.until_owner("n2")
    healed_ns = time.time_ns()
    lab.drop()
    lab.until_owner("n1")
    lab.until(lambda: lab.announcements("n1", since_ns=healed_ns), "n1 announces again")


def test_losing_the_frames_of_the_backup_moves_nothing(lab: Lab) -> None:
    settled_ns = start_both(lab, advert_int=CALM)
    lab.drop(("n2", "n1"))
    lab.hear_asking(VIP4, seconds=2.5)
    assert not lab.adverts("n2", since_ns=settled_ns)
    lab.until_owner("n1")


def test_losing_the_frames_of_the_master_one_way_heals_to_one_owner(lab: Lab) -> None:
    """n1 hears n2 and knows better, n2 hears nothing: VRRP has two masters until the network is mended."""
    settled_ns = start_both(lab)
    lab.drop(("n1", "n2"))
    lab.until(lambda: lab.adverts("n2", since_ns=settled_ns), "n2 takes over")
    healed_ns = time.time_ns()
    lab.drop()
    lab.until_owner("n1")
    assert not lab.has_address("n2", VIP4)
    lab.until(lambda: lab.announcements("n1", since_ns=healed_ns), "n1 announces again")


def test_an_address_removed_by_hand_is_back_and_announced(lab: Lab) -> None:
    removed_ns = start_both(lab, advert_int=CALM)
    lab.ip("n1", "address", "del", f"{VIP4}/24", "dev", "eth0")
    lab.until(lambda: lab.has_address("n1", VIP4), "the address is back")
    lab.until(lambda: lab.announcements("n1", since_ns=removed_ns), "it is announced")
    lab.until_owner("n1")
    assert not lab.adverts("n2", since_ns=removed_ns)
    assert lab.status("n1")["instances"][0]["counters"]["restored"] == 1


def test_with_vip_vanish_fail_over_a_removed_address_moves(lab: Lab) -> None:
    lab.start("n1", instance(150, "vip_vanish fail_over"))
    lab.start("n2", instance(100))
    lab.until_owner("n1")
    lab.ip("n1", "address", "del", f"{VIP4}/24", "dev", "eth0")
    lab.until(lambda: lab.adverts("n2"), "n2 takes over")


def test_an_interface_that_vanishes_and_comes_back_is_used_again(lab: Lab) -> None:
    start_both(lab)
    lab.network.remove_interface("n1")
    lab.until_owner("n2")
    lab.until(lambda: state(lab, "n1") == "FAULT", "n1 is in FAULT")
    lab.network.restore_interface("n1")
    lab.until_owner("n1")
    assert lab.has_address("n1", VIP4)


def test_a_dead_engine_holds_no_address_and_comes_back(lab: Lab) -> None:
    """The parent removes what the engine had bound before n2 may take over, so there never are two owners."""
    start_both(lab)
    os.kill(pid_of(lab, "n1", "engine"), signal.SIGKILL)
    killed_ns = time.time_ns()
    lab.until(lambda: [a for a in lab.adverts("n1", since_ns=killed_ns + 100_000_000) if a.priority], "n1 is back")
    lab.until_owner("n1")
    end = time.monotonic() + 2
    while time.monotonic() < end:
        lab.hear_asking(VIP4, seconds=0.1)
    assert_never_two(lab, killed_ns)
    process = next(p for p in lab.status("n1")["processes"] if p["role"] == "engine")
    assert process["restarts"] == 1


def assert_never_two(lab: Lab, since_ns: int) -> None:
    """Between the first and the last answer of n2, n1 answered only once n1 had begun to advertise again."""
    theirs = [f.seen.time_ns for f in lab.frames if f.node == "n2" and is_answer(f.seen, since_ns)]
    if theirs:
        back_ns = min(a.time_ns for a in lab.adverts("n1", since_ns=since_ns + 100_000_000) if a.priority)
        wrong = [
            f
            for f in lab.frames
            if f.node == "n1" and is_answer(f.seen, since_ns) and theirs[0] < f.seen.time_ns < back_ns
        ]
        assert not wrong, lab.story()


def is_answer(seen: object, since_ns: int) -> bool:
    return getattr(seen, "kind", None) is Kind.ANSWER and getattr(seen, "time_ns", 0) > since_ns


def test_a_frozen_engine_is_replaced(lab: Lab) -> None:
    """The heartbeat stops, so the parent kills it and takes its address away."""
    start_both(lab)
    engine = pid_of(lab, "n1", "engine")
    os.kill(engine, signal.SIGSTOP)
    lab.until(lambda: pid_of(lab, "n1", "engine") != engine, "another engine runs")
    lab.until_owner("n1")


def test_a_dead_worker_moves_nothing(lab: Lab) -> None:
    settled_ns = start_both(lab, advert_int=CALM)
    worker = pid_of(lab, "n1", "worker")
    os.kill(worker, signal.SIGKILL)
    lab.until(lambda: pid_of(lab, "n1", "worker") != worker, "another worker runs")
    lab.until_owner("n1")
    assert not lab.adverts("n2", since_ns=settled_ns)


def test_a_dead_parent_takes_its_children_and_the_address_along(lab: Lab) -> None:
    start_both(lab)
    pids = lab.daemons["n1"].pids()
    os.kill(pids[0], signal.SIGKILL)
    lab.until_owner("n2")
    lab.until(lambda: not lab.network.pids("n1"), "no process is left")
    lab.until(lambda: not lab.has_address("n1", VIP4), "the address is gone")


def test_after_kill_9_of_the_whole_tree_the_address_goes_with_its_lifetime(lab: Lab) -> None:
    lab.start("n1", instance(150), instance6(150))
    lab.until_owner("n1", VIP4)
    lab.until_owner("n1", VIP6)
    lab.kill("n1")
    assert not lab.network.pids("n1")
    lab.until(lambda: not lab.has_address("n1", VIP4), "the IPv4 address is gone")
    lab.until(lambda: not lab.has_address("n1", VIP6), "the IPv6 address is gone")
    assert not answers(lab.hear_asking(VIP4, VIP6, seconds=0.3), VIP4)


def test_a_start_cleans_up_what_a_killed_daemon_left(lab: Lab) -> None:
    """The address has a long lifetime and the priority is now too low to own it: it goes at the start."""
    lab.start("n1", instance(150, "address_lifetime 3600"))
    lab.start("n2", instance(120))
    lab.until_owner("n1")
    lab.kill("n1")
    lab.hear(4.5)
    assert lab.has_address("n1", VIP4)
    lab.configure("n1", instance(100, "address_lifetime 3600"))
    lab.daemons["n1"].start()
    lab.until(lambda: not lab.has_address("n1", VIP4), "the leftover is gone")
    lab.until_owner("n2")


def test_all_frozen_and_thawed_together_end_with_one_owner(lab: Lab) -> None:
    """A paused host of virtual machines."""
    start_both(lab)
    for node in lab.nodes:
        signal_all(lab.daemons[node].pids(), signal.SIGSTOP)
    lab.hear(1.0)
    for node in lab.nodes:
        lab.daemons[node].thaw()
    lab.until_owner("n1")
    assert not lab.has_address("n2", VIP4)
