"""Commands of operators, at the leader: one at a time, refused with a reason, or carried out and waited for.

Changes of the membership are written as what *shall* be: a member that shall vote is added as a learner and promoted
when it has the log, by whoever leads then. A node that is to go, or to vote no more, lets go of what it owns first; if
it is the leader, it hands over and passes the command on to the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import assert_never

import msgspec

from alived.base import NS_PER_S
from alived.raft.confchange import ChangeKind, ConfChange
from alived.raft.config import MAX_MEMBERS, Member, Role
from alived.raft.consensus import Consensus
from alived.raft.directory import Wished, change_of, encode_command, node_number
from alived.raft.member_events import AddMember, Command, Demote, Promote, Recover, RemoveMember, Transfer
from alived.raft.messages import NOBODY
from alived.raft.relay import Order, Origin, Relay
from alived.raft.state import ProposalDropped

LIMIT_NS = 10 * NS_PER_S
HEARD_NS = NS_PER_S
"""Who shall take over and was not heard lately gets so long to say something: it may have stalled, or just started"""


class Refused(Exception):
    """Why a command is not carried out; a sentence."""


class Chair(msgspec.Struct, frozen=True, kw_only=True):
    """What the leader can see and do beside the consensus."""

    own: int
    why_not: Callable[[int], str]
    """Why a node cannot take over now, a sentence; "": it can"""
    successor: Callable[[], int | None]
    hand_over: Callable[[int, str], None]
    owns: Callable[[int], bool]
    """Whether a node owns something by the grace of this leader, or may"""
    there: Callable[[int], bool]
    """Whether a node was heard lately"""
    reported: Callable[[int], bool]
    """Whether a node has reported to this leader: it has caught up with the cluster"""
    allow_two_voters: bool
    """By the configuration of this leader"""


class _Task(msgspec.Struct):
    origin: Origin
    command: Order
    since_ns: int
    known_as: Origin
    begun: bool = False
    """The change is proposed, or the hand-over begun"""
    waits: bool = False
    """For a word of who shall take over"""

    @property
    def due_ns(self) -> int:
        """When it ends, or is refused, if nothing happens."""
        return self.since_ns + (HEARD_NS if self.waits else LIMIT_NS)


class Commands:
    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._task: _Task | None = None
        self._stepped = False

    @property
    def deadline_ns(self) -> int | None:
        return self._task.due_ns if self._task else None

    @property
    def leaving(self) -> int:
        """Who must own nothing, as it is about to be removed or demoted; 0: nobody"""
        match self._task:
            case _Task(command=RemoveMember(node) | Demote(node)):
                return node_number(node)
            case _:
                return 0

    def submit(self, origin: Origin, command: Order, since_ns: int, known_as: Origin) -> None:
        """At the leader; asked for the first time at `since_ns`. known_as: what it is to every leader."""
        task = self._task
        if task is not None and task.origin == origin:
            return  # It was sent again.
        if self._relay.repeated(origin):
            return
        if task is not None:
            self._relay.answer(origin, f"another command is being carried out: {described(task.command)}", ok=False)
        else:
            self._task = _Task(origin, command, since_ns, known_as)

    def hand_over_failed(self, sentence: str) -> None:
        """What waited for it is not done."""
        task, self._task = self._task, None
        if task is not None:
            self._relay.answer(task.origin, sentence, ok=False)

    def mind(self, consensus: Consensus, chair: Chair, now_ns: int) -> bool:
        """Go on with what is to be done. True: the node was stepped."""
        self._stepped = False
        task = self._task
        if not consensus.leads:
            if task is not None:
                self._no_longer_here(task, consensus, now_ns)
        elif consensus.settled:
            if task is not None:
                self._proceed(task, consensus, chair, now_ns)
            self._promote(consensus, chair)
            self._drop_wish(consensus, chair)
        return self._stepped

    def _no_longer_here(self, task: _Task, consensus: Consensus, now_ns: int) -> None:
        """Another leads, or will: that was what a transfer wanted. Anything else is for him."""
        match task.command:
            case Transfer(to) if task.begun:
                if consensus.leader == NOBODY and now_ns < task.since_ns + LIMIT_NS:
                    return
                leader = consensus.name(consensus.leader) or "nobody"
                self._task = None
                self._relay.answer(task.origin, f"{leader} leads term {consensus.term}", ok=leader == to)
            case _:
                self._task = None
                if task.origin.node == NOBODY:
                    self._relay.forward(task.origin, task.command, task.since_ns)
                # Another node that asked asks the next leader by itself.

    # -- one command

    def _proceed(self, task: _Task, consensus: Consensus, chair: Chair, now_ns: int) -> None:
        try:
            done = self._go_on(task, consensus, chair, now_ns)
            ok = bool(done)
            if not done and now_ns >= task.since_ns + LIMIT_NS:
                done, ok = _late(task.command, consensus)
        except (Refused, ProposalDropped) as error:
            done, ok = str(error), False
        if done:
            self._task = None
            self._relay.answer(task.origin, done, ok=ok)

    def _go_on(self, task: _Task, consensus: Consensus, chair: Chair, now_ns: int) -> str:
        """What was achieved, a sentence; "": it is not yet."""
        match task.command:
            case AddMember(member):
                return self._add(task, member, consensus, chair)
            case RemoveMember(node):
                return self._release(task, node, consensus, chair)
            case Demote(node):
                return self._release(task, node, consensus, chair)
            case Promote(node):
                return self._promote_on_command(task, node, consensus, chair)
            case Transfer(to):
                return self._transfer(task, to, consensus, chair, now_ns)
            case _:
                assert_never(task.command)

    def _add(self, task: _Task, member: Member, consensus: Consensus, chair: Chair) -> str:
        number = node_number(member.id)
        members = consensus.directory.members
        if not task.begun and members.get(number) != member:
            _refuse_to_add(member, members)
            if member.votes and number not in members:
                _refuse_two_voters(len(consensus.configuration.voters.ids) + 1, task.command, chair)
            kind = ChangeKind.UPDATE if number in members else ChangeKind.ADD_LEARNER
            self._change(task, consensus, change_of(kind, member))
        configuration = consensus.configuration
        if members.get(number) != member:
            return ""
        if number not in (configuration.voters.ids if member.votes else configuration.learners):
            return ""
        return f"{member.id} is a {member.role}: {consensus.strength}"

    def _release(self, task: _Task, node: str, consensus: Consensus, chair: Chair) -> str:
        """Remove or demote."""
        removes = isinstance(task.command, RemoveMember)
        number = node_number(node)
        voters = consensus.configuration.voters.ids
        if task.begun and number not in (consensus.configuration.members if removes else voters):
            return f"{node} is {'removed' if removes else 'a learner'}: {consensus.strength}"
        if task.begun:
            return ""
        member = consensus.directory.members.get(number)
        if member is None:
            raise Refused(f"{node} is no member")
        if not removes and number not in voters:
            raise Refused(f"{node} is a learner already")
        _refuse_to_lose_quorum(node, consensus, chair)
        if number in voters:
            _refuse_two_voters(len(voters) - 1, task.command, chair)
        if number == chair.own:
            successor = chair.successor()
            if successor is None:
                raise Refused(f"{node} leads, and there is nobody to hand over to")
            chair.hand_over(successor, f"an operator takes {node} out of the cluster")
        elif not chair.owns(number):
            kind = ChangeKind.REMOVE if removes else ChangeKind.ADD_LEARNER
            learner = msgspec.structs.replace(member, role=Role.LEARNER)
            self._change(task, consensus, change_of(kind, learner))
        return ""

    def _promote_on_command(self, task: _Task, node: str, consensus: Consensus, chair: Chair) -> str:
        number = node_number(node)
        member = consensus.directory.members.get(number)
        if member is None:
            raise Refused(f"{node} is no member: add it")
        if number in consensus.configuration.voters.ids:
            if not task.begun:
                raise Refused(f"{node} votes already")
            return f"{node} votes: {consensus.strength}"
        if not task.begun:
            _refuse_two_voters(len(consensus.configuration.voters.ids) + 1, task.command, chair)
        if not member.votes and not task.begun:
            voter = msgspec.structs.replace(member, role=Role.VOTER)
            self._change(task, consensus, change_of(ChangeKind.UPDATE, voter))
        task.begun = True
        return ""

    def _transfer(self, task: _Task, to: str, consensus: Consensus, chair: Chair, now_ns: int) -> str:
        """The wish is written first: whoever leads later respects it, as long as the node is able."""
        known_as = task.known_as
        if not to:
            to = _best_of_others(known_as, consensus, chair)
            task.command = Transfer(to)
        number = node_number(to)
        task.waits = number != chair.own and number in consensus.directory.members and not chair.there(number)
        if task.waits and now_ns < task.due_ns:
            return ""
        if number != chair.own and (why_not := chair.why_not(number)):
            raise Refused(f"{to} cannot take over: {why_not}")
        if consensus.directory.wish != to:
            if not task.begun:
                task.begun = self._stepped = True
                consensus.node.propose(encode_command(Wished(to, known_as.node, known_as.request)))
            return ""
        if number == chair.own:
            return f"{to} leads term {consensus.term}"
        task.begun = True
        chair.hand_over(number, f"an operator wants {to} to own")
        return ""

    # -- changes of the membership

    def _change(self, task: _Task, consensus: Consensus, change: ConfChange) -> None:
        """Now, or when the one before is made."""
        if consensus.may_change:
            task.begun = self._stepped = True
            consensus.node.propose_change(change)

    def _promote(self, consensus: Consensus, chair: Chair) -> None:
        """A learner that shall vote, and has the log."""
        for number in sorted(consensus.configuration.learners):
            member = consensus.directory.members.get(number)
            if member is None or not member.votes or not chair.reported(number):
                continue
            if consensus.has_log(number) and consensus.may_change:
                self._stepped = True
                consensus.node.propose_change(change_of(ChangeKind.ADD_VOTER, member))
                return

    def _drop_wish(self, consensus: Consensus, chair: Chair) -> None:
        """Of an operator: it holds as long as the node is able."""
        wish = consensus.directory.wish
        if wish and not self._task and consensus.idle and chair.why_not(node_number(wish)):
            self._stepped = True
            consensus.node.propose(encode_command(Wished("")))


def _best_of_others(known_as: Origin, consensus: Consensus, chair: Chair) -> str:
    """Than the leader that was asked first. The command comes again to the node that it chose and that took over: to
    that one it must not mean yet another node."""
    directory = consensus.directory
    if directory.wish and directory.wished_by == (known_as.node, known_as.request):
        return directory.wish
    best = chair.successor()
    if best is None:
        raise Refused("there is nobody to hand over to: no other voter that could own was heard lately")
    return consensus.name(best)


def _refuse_to_add(member: Member, members: Mapping[int, Member]) -> None:
    """Raises Refused if there cannot be such a member. Of one that there is, address and priority may change."""
    number = node_number(member.id)
    before = members.get(number)
    if before is not None and before.role is not member.role:
        raise Refused(f"{member.id} is a {before.role} already: promote or demote it")
    if before is None and len(members) >= MAX_MEMBERS:
        raise Refused(f"there are {len(members)} members already, more are of no use")
    for other in members.values():
        if other.id != member.id and (other.address, other.port) == (member.address, member.port):
            raise Refused(f"{other.id} has the address {member.address} and port {member.port} already")


def _refuse_to_lose_quorum(node: str, consensus: Consensus, chair: Chair) -> None:
    """Raises Refused if those that vote afterwards are not there."""
    left = consensus.configuration.voters.ids - {node_number(node)}
    if not left:
        raise Refused(f"{node} is the only voter")
    there = sum(number == chair.own or chair.there(number) for number in left)
    if there < len(left) // 2 + 1:
        raise Refused(f"of the {len(left)} voters that remain without {node} only {there} answer: nobody could own")


def _refuse_two_voters(left: int, command: Order, chair: Chair) -> None:
    """Raises Refused if so many voters are left, unless somebody wants that. A configuration is refused alike."""
    assert not isinstance(command, Transfer), "it changes no votes"
    if left == 2 and not (command.allow_two_voters or chair.allow_two_voters):
        raise Refused(
            "two voters would be left, which is worse than one: if either fails, nobody has a majority and nobody "
            "owns. Add another node before, role witness on any small machine, or say --allow-two-voters"
        )


def _late(command: Order, consensus: Consensus) -> tuple[str, bool]:
    match command:
        case AddMember(member) if node_number(member.id) in consensus.configuration.learners:
            lag = consensus.lag(node_number(member.id))
            return f"{member.id} is a learner and becomes a {member.role} when it has the log: {lag}", True
        case Promote(node) if node_number(node) in consensus.configuration.learners:
            return f"{node} does not vote yet, it lacks the log: {consensus.lag(node_number(node))}", False
        case _:
            return (
                f"not done within {LIMIT_NS // NS_PER_S} s ({described(command)}): a majority does not confirm it",
                False,
            )


def described(command: Command) -> str:
    """For the log and the history, as an operator would say it."""
    match command:
        case AddMember(member):
            return f"add {member.id} at {member.address} port {member.port} as {member.role}"
        case RemoveMember(node):
            return f"remove {node}"
        case Promote(node):
            return f"promote {node}"
        case Demote(node):
            return f"demote {node}"
        case Transfer(to):
            return f"transfer to {to or 'the best of the others'}"
        case Recover(voters):
            return f"RECOVER with {', '.join(voters)} alone, as a majority is said to be lost for good"
        case _:
            assert_never(command)
