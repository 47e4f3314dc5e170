"""The simulated cluster keeps its invariants; broken on purpose, it does not, and the simulation sees it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from alived.raft import election, quorum, replication, rounds
from alived.raft.lease import Lease, Standing
from alived.raft.log import EntriesLost, RaftLog
from alived.raft.messages import Entry, EntryId, HeartbeatResponse, VoteRequest, VoteResponse
from alived.raft.quorum import VoteResult
from alived.raft.state import Raft
from tests.raft.simulation import MS, Simulation, Violation, World

pytestmark = [pytest.mark.simulation, pytest.mark.timeout(600)]

DURATION_NS = 10_000 * MS
SEEDS = range(6)


@pytest.mark.parametrize("nodes", [3, 4, 5])
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_impossible_happens(seed: int, nodes: int) -> None:
    simulation = Simulation(seed, World(nodes=nodes))
    simulation.run(DURATION_NS)
    # It lived: work was done, and owners came and went.
    assert simulation.commits > 10
    assert simulation.owners
    assert simulation.crashes > 0


def test_a_seed_reproduces_everything() -> None:
    def history() -> tuple[object, ...]:
        simulation = Simulation(7)
        simulation.run(3_000 * MS)
        return simulation.owners, simulation.commits, simulation.crashes, list(simulation.hosts[1].applied.data)

    assert history() == history()


# -- mutants: (name, what is broken, world)

Break = Callable[[pytest.MonkeyPatch], None]


def _votes_for_everyone(patch: pytest.MonkeyPatch) -> None:
    """Paper, 5.2: one vote a term."""

    def grant(raft: Raft, message: VoteRequest) -> None:
        raft.send(VoteResponse(sender=raft.id, to=message.sender, term=message.term, pre=message.pre))

    patch.setattr(election, "on_vote_request", grant)


def _any_log_will_do(patch: pytest.MonkeyPatch) -> None:
    """Paper, 5.4.1: only a candidate whose log is as up to date may win."""
    patch.setattr(RaftLog, "is_up_to_date", lambda self, theirs: True)


def _appends_over_a_gap(patch: pytest.MonkeyPatch) -> None:
    """Paper, 5.3: the consistency check of AppendEntries."""

    def matches(self: RaftLog, entry: EntryId) -> bool:
        return entry.index <= self.last_index

    patch.setattr(RaftLog, "matches", matches)


def _half_is_a_majority(patch: pytest.MonkeyPatch) -> None:
    def vote_result(voters: frozenset[int], votes: dict[int, bool]) -> VoteResult:
        granted = sum(votes.get(voter, False) for voter in voters)
        return VoteResult.WON if 2 * granted >= len(voters) else VoteResult.PENDING

    patch.setattr(quorum, "vote_result", vote_result)


def _leader_counts_all(patch: pytest.MonkeyPatch) -> None:
    """A leader commits what it has, whoever else has it."""
    patch.setattr(replication, "try_commit", lambda raft: raft.log.try_commit(raft.log.last))


def _truncates_always(patch: pytest.MonkeyPatch) -> None:
    """Paper, 5.3: only conflicting entries are removed; a delayed append must not shorten the log."""

    def try_append(self: RaftLog, previous: EntryId, entries: tuple[Entry, ...], commit: int) -> int | None:
        if not self.matches(previous):
            return None
        if entries and entries[0].index > self.committed:
            self.append(entries)
        last = previous.index + len(entries)
        self.commit_to(min(commit, last, self.last_index))
        return last

    patch.setattr(RaftLog, "try_append", try_append)


def _lease_from_receipt(patch: pytest.MonkeyPatch) -> None:
    """`lease`: from the sending of the round, not from the receipt of its answers."""
    note = Lease._note_rounds

    def late(self: Lease, standing: Standing, now_ns: int) -> None:
        before = self._until_ns
        note(self, standing, now_ns)
        if self._until_ns != before:
            self._until_ns = now_ns + self._lease_ns

    patch.setattr(Lease, "_note_rounds", late)


def _hands_over_and_keeps(patch: pytest.MonkeyPatch) -> None:
    """`lease`: who hands over gives up first."""
    observe = Lease.observe

    def unaware(self: Lease, standing: Standing, now_ns: int) -> int | None:
        return observe(self, msgspec.structs.replace(standing, handing_over=False), now_ns)

    patch.setattr(Lease, "observe", unaware)


def _one_answer_is_enough(patch: pytest.MonkeyPatch) -> None:
    """`lease`: a quorum must have answered the round."""
    acknowledge = rounds.acknowledge

    def all_of_them(raft: Raft, message: HeartbeatResponse) -> None:
        for node in raft.tracker.progress:
            raft.acked_rounds[node] = message.round
        acknowledge(raft, message)

    patch.setattr(rounds, "acknowledge", all_of_them)


MUTANTS: list[tuple[Break | None, World]] = [
    (_votes_for_everyone, World()),
    (_any_log_will_do, World()),
    (_appends_over_a_gap, World()),
    (_half_is_a_majority, World(nodes=4)),
    (_leader_counts_all, World()),
    (_truncates_always, World()),
    (_lease_from_receipt, World(nodes=5, longest_delay_ns=80 * MS, trouble_every_ns=150 * MS)),
    (_hands_over_and_keeps, World(nodes=5, lose=0.1, work_every_ns=10 * MS, trouble_every_ns=200 * MS)),
    (_one_answer_is_enough, World(nodes=5)),
    (None, World(nodes=5, lease_factor=1.5, longest_delay_ns=3 * MS)),
    (None, World(send_before_write=True, crash_while_writing=0.02)),
]


def _name(value: object) -> str:
    return getattr(value, "__name__", "") or ("world" if isinstance(value, World) else "")


@pytest.mark.parametrize(("break_it", "world"), MUTANTS, ids=_name)
def test_what_is_broken_is_seen(break_it: Break | None, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    if break_it is not None:
        break_it(monkeypatch)
    with pytest.raises((Violation, AssertionError, EntriesLost)):  # the core's own assertions see some
        for seed in range(30):
            Simulation(seed, world).run(DURATION_NS)
