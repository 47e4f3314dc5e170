"""Leave to own is passed on so that nobody ever owns what another may still own."""

from __future__ import annotations

import random

import pytest

from alived.base import NS_PER_MS as MS
from alived.raft.packets import Sublease, Subleases
from alived.raft.subleases import Grants, Subleased

SILENCE = 5 * MS
L = 134 * MS


def answer(serial: int, number: int, *held: str, term: int = 5, span: int = L) -> Subleases:
    return Subleases(term=term, serial=serial, number=number, held=tuple(Sublease(group, span) for group in held))


# -- the leader's side


def test_what_nobody_owns_is_granted_for_what_is_left_of_the_lease() -> None:
    grants = Grants(5, SILENCE)
    assert grants.answer("n2", 777, ["web"], 100 * MS, 40 * MS, "n2 is the best") == Subleases(
        term=5, serial=1, number=777, held=(Sublease("web", 60 * MS),), reason="n2 is the best"
    )
    assert grants.holder("web", 41 * MS) == "n2"
    assert grants.holders(41 * MS) == {"web": "n2"}


def test_without_a_lease_or_a_report_nothing_is_granted() -> None:
    grants = Grants(5, SILENCE)
    assert grants.answer("n2", 777, ["web"], None, 0).held == ()
    assert grants.answer("n2", 777, ["web"], 10, 10).held == ()
    assert grants.answer("n2", 0, ["web"], 100 * MS, 0).held == ()
    assert grants.holders(0) == {}
    assert grants.free_ns("web") is None


def test_nobody_else_gets_it_before_the_last_grant_has_ended_and_silence_has_followed() -> None:
    grants = Grants(5, SILENCE)
    grants.answer("n2", 1, ["web"], 100 * MS, 0)
    free = grants.free_ns("web")
    # 5 ms by a clock that is 1000 ppm slow are at most 5.01001... ms by one that is 1000 ppm fast.
    assert free == 100 * MS + 5_010_011
    assert grants.answer("n3", 1, ["web", "db"], 200 * MS, free - 1).held == (Sublease("db", 200 * MS - free + 1),)
    assert grants.answer("n3", 1, ["web"], 200 * MS, free).held == (Sublease("web", 200 * MS - free),)
    assert grants.holder("web", free) == "n3"


def test_a_node_that_has_carried_out_a_later_message_has_let_go() -> None:
    grants = Grants(5, SILENCE)
    grants.answer("n2", 1, ["web"], 100 * MS, 0)
    assert grants.carried_out("n2", 1, []) == ()  # it has the grant and has not bound the addresses yet
    assert grants.answer("n2", 1, [], 100 * MS, 0).serial == 2
    assert grants.carried_out("n2", 1, []) == ()
    assert grants.carried_out("n2", 2, ["web"]) == ()
    assert grants.carried_out("n3", 2, []) == ()
    assert grants.carried_out("n2", 2, []) == ("web",)
    assert grants.holders(1) == {}
    assert grants.answer("n3", 1, ["web"], 100 * MS, 1).held == (Sublease("web", 100 * MS - 1),)


def test_a_grant_that_is_renewed_is_not_let_go_by_an_older_message() -> None:
    grants = Grants(5, SILENCE)
    for _ in range(3):
        grants.answer("n2", 1, ["web"], 100 * MS, 0)
    assert grants.carried_out("n2", 2, []) == ()
    assert grants.holder("web", 1) == "n2"


def test_a_shorter_grant_does_not_take_back_the_longer_one() -> None:
    grants = Grants(5, 0, 0)
    grants.answer("n2", 1, ["web"], 100 * MS, 0)
    grants.answer("n2", 1, ["web"], 50 * MS, 1)
    assert grants.free_ns("web") == 100 * MS
    assert grants.issue("n3", 1, ["web"], 300 * MS, 100 * MS) == ("web",)
    assert grants.free_ns("web") == 300 * MS


def test_the_own_engine_is_a_node_whose_serials_are_the_numbers_of_leases() -> None:
    grants = Grants(5, SILENCE)
    assert grants.issue("n1", 70, ["web"], 100 * MS, 0) == ("web",)
    assert grants.answer("n2", 1, ["web"], 100 * MS, 0).held == ()
    assert grants.carried_out("n1", 71, []) == ("web",)
    assert grants.answer("n2", 1, ["web"], 100 * MS, 0).held == (Sublease("web", 100 * MS),)


# -- the follower's side


def test_a_sublease_counts_from_the_sending_of_the_report_and_is_shortened_by_twice_the_drift() -> None:
    follower = Subleased(1000)
    number = follower.number(5000)
    assert number == 5000
    assert follower.hear(answer(1, number, "web", span=MS), 5)
    assert follower.until_ns == {"web": 5000 + MS - 2000}


def test_numbers_of_reports_are_never_the_same() -> None:
    follower = Subleased(1000)
    assert [follower.number(1000), follower.number(1000), follower.number(1000), follower.number(9000)] == [
        1000,
        1001,
        1002,
        9000,
    ]


def test_an_older_answer_revives_nothing() -> None:
    follower = Subleased(0)
    number = follower.number(10)
    assert follower.hear(answer(2, number), 5)
    assert not follower.hear(answer(1, number, "web"), 5)
    assert not follower.hear(answer(2, number, "web"), 5)
    assert follower.until_ns == {}


def test_what_an_answer_does_not_name_is_not_owned_any_more() -> None:
    follower = Subleased(0)
    number = follower.number(10)
    assert follower.hear(answer(1, number, "web", "db"), 5)
    assert follower.hear(answer(2, number, "db"), 5)
    assert list(follower.until_ns) == ["db"]
    follower.clear()
    assert follower.until_ns == {}


def test_a_leader_of_another_term_is_ignored() -> None:
    follower = Subleased(0)
    number = follower.number(10)
    assert follower.hear(answer(9, number), 5)
    assert not follower.hear(answer(10, number, "web"), 6)
    assert not follower.hear(answer(1, number, "web", term=6), 5)
    assert follower.hear(answer(1, number, "web", term=6), 6)
    assert not follower.hear(answer(10, number), 6)


def test_answers_to_reports_that_were_not_sent_are_ignored() -> None:
    """Not by this process: it may have started again, and what it held before was let go then."""
    follower = Subleased(1000)
    assert not follower.hear(answer(1, 999, "web"), 5)
    assert not follower.hear(answer(1, 1000, "web"), 5)
    follower.number(1000)
    assert follower.hear(answer(1, 1000, "web"), 5)
    assert follower.hear(answer(2, 0, "web"), 5)  # without a report there is nothing to count from
    assert follower.until_ns == {}


def test_a_report_tells_what_the_engine_has_carried_out_not_what_it_was_told() -> None:
    follower = Subleased(0)
    number = follower.number(10)
    follower.hear(answer(1, number, "web"), 5)
    follower.passed_on(31)
    follower.hear(answer(2, number), 5)
    follower.passed_on(32)
    assert follower.carried_out(5) == 0
    follower.confirmed(31)
    assert follower.carried_out(5) == 1
    follower.confirmed(30)
    assert follower.carried_out(5) == 1
    follower.confirmed(40)
    assert follower.carried_out(5) == 2
    assert follower.carried_out(6) == 0


def test_an_engine_that_is_silent_for_long_costs_no_memory() -> None:
    follower = Subleased(0)
    for leases in range(10_000):
        follower.hear(answer(leases + 1, 0), 5)
        follower.passed_on(leases)
    assert len(follower._passed_on) < 100
    follower.confirmed(9_999)
    assert follower.carried_out(5) == 10_000


# -- both sides, any network, clocks that drift

RHO = 1e-3


class Net:
    """One leader, two followers with engines of their own pace; messages wait until somebody delivers them."""

    def __init__(self, rates: tuple[float, float, float]) -> None:
        self.rates = dict(zip(("n1", "n2", "n3"), rates))
        self.true_ns = 10**9
        self.grants = Grants(5, SILENCE)
        self.leases = 0
        self.lease_until_ns = self.clock("n1") + L
        self.followers = {name: Subleased(self.clock(name)) for name in ("n2", "n3")}
        self.reports: dict[str, int] = {}
        self.waiting: list[tuple[str, object]] = []
        self.engines: dict[str, dict[str, int]] = {"n1": {}, "n2": {}, "n3": {}}
        """What each may bind, and until when by its clock"""
        self.owned: set[str] = set()
        self.orders: dict[str, list[tuple[int, dict[str, int]]]] = {"n1": [], "n2": [], "n3": []}

    def clock(self, name: str) -> int:
        return int(self.true_ns * self.rates[name])

    def owners(self) -> list[str]:
        silent = SILENCE
        return [
            name for name, held in self.engines.items() if "web" in held and self.clock(name) < held["web"] + silent
        ]

    def order(self, name: str, held: dict[str, int]) -> int:
        self.leases += 1
        self.orders[name].append((self.leases, held))
        return self.leases

    def grant(self, name: str, *, wanted: bool) -> None:
        groups = ["web"] if wanted else []
        now = self.clock("n1")
        if name == "n1":
            self.leases += 1
            held = self.grants.issue("n1", self.leases, groups, self.lease_until_ns, now)
            self.orders["n1"].append((self.leases, dict.fromkeys(held, self.lease_until_ns)))
        else:
            message = self.grants.answer(name, self.reports.get(name, 0), groups, self.lease_until_ns, now)
            self.waiting.append((name, message))

    def report(self, name: str) -> None:
        if name == "n1":
            return
        follower = self.followers[name]
        holds = tuple(self.engines[name])
        self.waiting.append((name, (follower.number(self.clock(name)), follower.carried_out(5), holds)))

    def engine(self, name: str) -> None:
        """Carries out its next order."""
        if not self.orders[name]:
            return
        number, held = self.orders[name].pop(0)
        self.engines[name] = {group: until for group, until in held.items() if self.clock(name) < until}
        if name == "n1":
            self.grants.carried_out("n1", number, tuple(self.engines["n1"]))
        else:
            self.followers[name].confirmed(number)

    def deliver(self, which: int, *, keep: bool) -> None:
        if not self.waiting:
            return
        place = which % len(self.waiting)
        name, what = self.waiting[place] if keep else self.waiting.pop(place)
        if isinstance(what, Subleases):
            follower = self.followers[name]
            if follower.hear(what, 5):
                follower.passed_on(self.order(name, dict(follower.until_ns)))
        else:
            assert isinstance(what, tuple)
            number, serial, holds = what
            self.reports[name] = max(self.reports.get(name, 0), number)
            self.grants.carried_out(name, serial, holds)


def play(net: Net, chance: random.Random, acts: int) -> None:
    """The leader wants one node to own, and sometimes another; everything happens in any order, or twice."""
    wanted = "n1"
    for _ in range(acts):
        name = chance.choice(list(net.engines))
        match chance.choices(["want", "grant", "report", "engine", "deliver", "wait", "renew"], [2, 8, 4, 6, 8, 3, 2])[
            0
        ]:
            case "want":
                wanted = name
            case "grant":
                net.grant(name, wanted=name == wanted)
            case "report":
                net.report(name)
            case "engine":
                net.engine(name)
            case "deliver":
                net.deliver(chance.randrange(10), keep=chance.random() < 0.1)
            case "wait":
                net.true_ns += chance.randrange(chance.choice([MS, 10 * MS, L]))
            case _:
                net.lease_until_ns = max(net.lease_until_ns, net.clock("n1") - chance.randrange(20 * MS) + L)
        owners = net.owners()
        net.owned |= set(owners)
        assert len(owners) <= 1, f"two owners: {owners}"


@pytest.mark.parametrize("seed", range(0, 200, 50))
def test_no_two_engines_ever_own_it(seed: int) -> None:
    for each in range(seed, seed + 50):
        chance = random.Random(each)
        rates = [chance.choice([1 - RHO, 1.0, 1 + RHO]) for _ in range(3)]
        play(Net((rates[0], rates[1], rates[2])), chance, 400)


def test_each_of_them_owns_it_at_some_time() -> None:
    """Or the test above would show nothing."""
    net = Net((1.0, 1.0, 1.0))
    play(net, random.Random(1), 5000)
    assert net.owned == {"n1", "n2", "n3"}


def test_the_case_that_needs_serials() -> None:
    """A report sent before the withdrawal arrived, "I hold nothing", proves nothing: a grant may be on its way."""
    net = Net((1.0, 1.0, 1.0))
    net.report("n2")
    net.deliver(0, keep=False)
    net.grant("n2", wanted=True)
    net.report("n2")
    net.grant("n2", wanted=False)
    net.deliver(1, keep=False)
    net.grant("n1", wanted=True)
    net.engine("n1")
    net.deliver(0, keep=False)
    net.engine("n2")
    assert net.owners() == ["n2"]
