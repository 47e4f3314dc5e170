"""The same processes before keepalived 2.2.7 and before a worker of alived: each quorum gained or lost is compared.

Where the two differ on purpose, both are held to what docs/guides/trackers.md says.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator

import pytest

from alived.adapters.proc_events import ProcEvents
from tests.lab.lab import Lab, has_peer
from tests.lab.process_scene import Cast, Scene

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]
NEVER = 600
"""Seconds of a delay that nobody waits for."""
Begin = Callable[..., Scene]


@pytest.fixture
def cast(tmp_path: pathlib.Path) -> Iterator[Cast]:
    made = Cast(tmp_path)
    yield made
    made.close()


@pytest.fixture
def begin(make_lab: Callable[..., Lab]) -> Iterator[Begin]:
    if not has_peer("keepalived"):
        pytest.skip("keepalived is not installed")
    try:
        ProcEvents().close()
    except OSError as error:
        pytest.skip(f"the kernel tells nobody here of processes: {error}")
    begun: list[Scene] = []

    def one(**blocks: str) -> Scene:
        begun.append(Scene(make_lab("n1"), blocks))
        return begun[-1]

    yield one
    for scene in begun:
        scene.worker.stop()


def test_quorums(begin: Begin, cast: Cast) -> None:
    process = f"process {cast.name}\n"
    scene = begin(
        one=process,
        two=process + "quorum 2",
        single=process + "quorum_max 1",
        none=process + "quorum_max 0",
        few=process + "quorum 2\nquorum_max 3",
    )
    for changes in ("+one +single -none", "+two +few -single", "", "-few"):
        cast.start()
        scene.expect(changes)
    for changes in ("+few", "", "-two -few +single", "-one -single +none"):
        cast.end()
        scene.expect(changes)


def test_command_lines(begin: Begin, cast: Cast) -> None:
    """The shortest one is the last word of a longer one, too, and what begins like it."""
    scene = begin(
        named=f"process {cast.name}",
        exact=f"process {cast.program} 1001\nparam_match",
        implied=f"process {cast.program} 1001",
        initial=f"process {cast.program} 100\nparam_match initial",
        partial=f"process {cast.program} 1001\nparam_match partial",
        bare=f"process {cast.program}\nparam_match",
        full=f"process {cast.program}\nfull_command",
    )
    for arguments, found in (
        (["1001"], ["named", "exact", "implied", "initial", "partial", "full"]),
        (["1001", "5"], ["named", "initial", "partial", "full"]),
        (["1000"], ["named", "initial", "full"]),
        (["999"], ["named", "full"]),
    ):
        cast.start(*arguments)
        scene.expect(" ".join(f"+{name}" for name in found))
        cast.end()
        scene.expect(" ".join(f"-{name}" for name in found))


def test_delays_of_what_ends(begin: Begin, cast: Cast) -> None:
    """A restart within the delay has never been; what is executed counts at once, whatever the delays are."""
    process = f"process {cast.name}\n"
    scene = begin(
        prompt=process,
        patient=process + f"terminate_delay {NEVER}",
        brief=process + "terminate_delay 0.5",
        both=process + f"delay {NEVER}",
        forks=process + f"fork_delay {NEVER}",
        later=process + f"delay {NEVER}\nterminate_delay 0.5",
    )
    cast.start()
    scene.expect("+prompt +patient +brief +both +forks +later")
    cast.end()
    scene.expect("-prompt -brief -forks -later")
    cast.start()
    scene.expect("+prompt +brief +forks +later")


def test_delays_of_what_forks(begin: Begin, cast: Cast) -> None:
    two = f"process {cast.name}\nquorum 2\n"
    scene = begin(
        prompt=two,
        patient=two + f"fork_delay {NEVER}",
        brief=two + "fork_delay 0.5",
        ends=two + f"terminate_delay {NEVER}",
    )
    cast.start_actor()
    cast.tell("fork")
    scene.expect("+prompt +brief +ends")
    cast.end()
    scene.expect("-prompt -brief")


def test_a_process_that_changes_its_name(begin: Begin, cast: Cast) -> None:
    scene = begin(
        one=f"process {cast.name}", delayed=f"process {cast.name}\ndelay {NEVER}", full=f"process {cast.program}"
    )
    cast.start_actor()
    scene.expect("+one +delayed")
    cast.tell("rename", "another")
    scene.expect("-one -delayed")
    cast.tell("rename", cast.name)
    scene.expect("+one +delayed")
    cast.tell("execute", cast.other, "1000")
    scene.expect("-one -delayed")


def test_a_process_that_executes_itself_is_one_for_alived_and_two_for_keepalived(begin: Begin, cast: Cast) -> None:
    scene = begin(one=f"process {cast.name}", two=f"process {cast.name}\nquorum 2")
    cast.start()
    scene.expect("+one")
    cast.end()
    scene.expect("-one")
    cast.start_actor()
    scene.expect("+one")
    cast.tell("execute", cast.program, "1000")
    scene.expect("", theirs="+two")
    cast.end()
    scene.expect("-one", theirs="-two -one")
