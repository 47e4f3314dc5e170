"""The transcripts without nodes: majorities (`committed`, `vote`) and changes of a configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alived.raft import confchange, quorum
from alived.raft.confchange import Change, Changed, ChangeKind, ConfChangeError
from alived.raft.progress import Tracker
from alived.raft.quorum import EVERYTHING, VoteResult, Voters
from tests.raft.etcd_replay.datadriven import Stanza
from tests.raft.etcd_replay.wording import REFUSALS, progress_lines, said_configuration

_KINDS = {
    "v": ChangeKind.ADD_VOTER,
    "l": ChangeKind.ADD_LEARNER,
    "r": ChangeKind.REMOVE,
    "u": ChangeKind.UPDATE,
}
_RESULTS = {VoteResult.PENDING: "VotePending", VoteResult.LOST: "VoteLost", VoteResult.WON: "VoteWon"}


def parse_changes(text: str) -> tuple[Change, ...]:
    """`v1 l2 r3 u4`"""
    return tuple(Change(_KINDS[word[0]], int(word[1:])) for word in text.split())


class Majorities:
    """Runs a transcript of quorums."""

    def run(self, stanza: Stanza) -> str:
        incoming = [int(node) for node in stanza.values.get("cfg", ())]
        joint = stanza.values.get("cfgj")
        outgoing = [] if joint in (None, ("zero",)) else [int(node) for node in joint or ()]
        voters = Voters(frozenset(incoming), frozenset(outgoing))
        order = list(dict.fromkeys(incoming + outgoing))
        given = stanza.values.get("idx" if stanza.command == "committed" else "votes", ())
        assert len(given) == len(order), "as many values as voters"
        known = {node: value for node, value in zip(order, given, strict=True) if value != "_"}
        if stanza.command == "vote":
            return self._vote(voters, {node: value == "y" for node, value in known.items()}, joint is not None)
        return self._committed(voters, {node: int(value) for node, value in known.items()}, joint is not None)

    def _vote(self, voters: Voters, votes: Mapping[int, bool], joint: bool) -> str:
        result = voters.vote_result(votes) if joint else quorum.vote_result(voters.incoming, votes)
        assert Voters(voters.outgoing, voters.incoming).vote_result(votes) is result, "symmetric"
        return _RESULTS[result] + "\n"

    def _committed(self, voters: Voters, acknowledged: Mapping[int, int], joint: bool) -> str:
        plain = quorum.committed_index(voters.incoming, acknowledged)
        index = voters.committed_index(acknowledged) if joint else plain
        assert Voters(voters.outgoing, voters.incoming).committed_index(acknowledged) == index, "symmetric"
        assert Voters(voters.incoming, voters.incoming).committed_index(acknowledged) == plain, "joint with itself"
        return _picture(sorted(voters.ids), acknowledged) + ("∞" if index == EVERYTHING else str(index)) + "\n"


def _picture(nodes: Sequence[int], acknowledged: Mapping[int, int]) -> str:
    """A bar for each voter, as long as there are voters with a lower index."""
    if not nodes:
        return "<empty majority quorum>"
    width = len(nodes)
    indices = {node: acknowledged.get(node, 0) for node in nodes}
    lines = [" " * width + "    idx\n"]
    for node, index in indices.items():
        below = sum(other < index for other in indices.values())
        bar = "x" * below + ">" + " " * (width - below) if node in acknowledged else "?" + " " * width
        lines.append(f"{bar} {index:5}    (id={node:x})\n")
    return "".join(lines)


class Changes:
    """Runs a transcript of changes of one configuration."""

    def __init__(self) -> None:
        self._tracker = Tracker(10)
        self._last_index = 0

    def run(self, stanza: Stanza) -> str:
        try:
            changed = self._change(stanza)
        except ConfChangeError as error:
            return REFUSALS[error.refusal] + "\n"
        else:
            self._tracker.adopt(changed, self._last_index)
        finally:
            self._last_index += 1
        return f"{said_configuration(changed.configuration)}\n{progress_lines(self._tracker.progress)}"

    def _change(self, stanza: Stanza) -> Changed:
        configuration = self._tracker.configuration
        changes = parse_changes(stanza.input)
        if stanza.command == "simple":
            return confchange.simple(configuration, changes)
        if stanza.command == "leave-joint":
            return confchange.leave_joint(configuration)
        assert stanza.command == "enter-joint", stanza.command
        return confchange.enter_joint(configuration, changes, auto_leave=stanza.value("autoleave") == "true")
