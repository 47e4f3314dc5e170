"""A few hundred seeds of the simulation; `python -m tests.simulation --count 100000` runs more."""

from __future__ import annotations

import functools

import pytest

from tests.simulation import __main__ as command
from tests.simulation.mutants import GROUPS, INSTANCES, NeverGivesWay
from tests.simulation.story import Story, tell

SEEDS = 240
CHUNK = 12
MUTANT_SEEDS = 400
"""A mutant has to be found among so many; most are found at once."""


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_seeds(first: int) -> None:
    """A failure prints the seed and how to tell its story again."""
    for seed in range(first, first + CHUNK):
        routers = command.routers_of(seed)
        try:
            tell(seed, routers)
        except AssertionError as error:
            pytest.fail(f"{error}; again: python -m tests.simulation --seed {seed} --routers {routers}")


@pytest.mark.parametrize("routers", [2, 3, 4, 5])
def test_any_number_of_routers(routers: int) -> None:
    story = tell(7, routers)
    assert len(story.world.routers) == routers
    assert story.world.steps > 100


def test_a_seed_tells_the_same_story_again() -> None:
    one, other = tell(11, 4), tell(11, 4)
    assert list(one.world.trace) == list(other.world.trace)
    assert one.world.steps == other.world.steps
    assert list(tell(12, 4).world.trace) != list(one.world.trace)


@pytest.mark.parametrize("mutant", [*INSTANCES, *GROUPS])
def test_a_broken_core_is_found(mutant: type) -> None:
    keyword = "group_class" if mutant in GROUPS else "instance_class"
    for seed in range(MUTANT_SEEDS):
        story = Story(seed, command.routers_of(seed), **{keyword: mutant})
        try:
            story.tell()
        except AssertionError:
            return
    pytest.fail(f"{mutant.__name__} passed {MUTANT_SEEDS} seeds")


def test_a_failing_seed_is_printed_with_its_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "Story", functools.partial(Story, instance_class=NeverGivesWay))
    assert not command.run(0, 3, trace=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "again: python -m tests.simulation --seed 0 --routers 3"
    assert lines[-2].startswith("seed 0, 3 routers: network 0: MASTER are")
    assert any("BACKUP -> MASTER" in line for line in lines)


def test_a_holding_seed_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["simulation", "--seed", "3", "--count", "2", "--trace"])
    assert command.main() == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 seeds hold, 0 do not"
