"""Whatever checks say, our pools and keepalived's come to the same: what is told, and what IPVS has."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alived.lvs.config import SorryServer
from alived.lvs.pool_events import Member, PoolConfig, VerdictHeard
from tests.lvs.keepalived_model import Keepalived
from tests.lvs.pool_play import SORRY, Play, config, member

Heard = tuple[int, int, bool, int | None]
"""Which server, which of its checks, its verdict, and a weight with it"""
HEARD = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans(), st.integers(0, 4) | st.none()))


@st.composite
def settings(draw: st.DrawFn) -> PoolConfig:
    members = [_member(draw, name) for name in "abcd"[: draw(st.integers(1, 4))]]
    quorum = draw(st.integers(1, max(1, sum(one.server.weight for one in members))))
    inhibited = SorryServer(endpoint=SORRY.endpoint, family=SORRY.family, inhibit=True)
    sorry = draw(st.sampled_from([None, SORRY, inhibited]))
    return config(*members, quorum=quorum, hysteresis=draw(st.integers(0, quorum - 1)), sorry_server=sorry)


def _member(draw: st.DrawFn, name: str) -> Member:
    checks = [f"{name}/{number}" for number in range(draw(st.integers(1, 3)))]
    return member(
        name,
        *checks,
        alpha=draw(st.booleans()),
        weight=draw(st.integers(0, 3)),
        inhibit_on_failure=draw(st.booleans()),
    )


def without_echoes(said: list[str]) -> list[str]:
    """keepalived says of a server that is down from the start that it is so for each check that fails: we once."""
    known: dict[str, str] = {}
    found = []
    for word in said:
        what, _, server = word.partition(" ")
        if not server or known.get(server) != what:
            found.append(word)
        known[server] = what
    return found


@given(settings(), HEARD)
def test_they_agree(chosen: PoolConfig, heard: list[Heard]) -> None:
    play, keepalived = Play(chosen), Keepalived(chosen)
    said = list(play.started)
    assert play.ipvs == keepalived.ipvs
    for server, check, up, weight in heard:
        one = chosen.members[server % len(chosen.members)]
        name = one.checks[check % len(one.checks)].name
        said += play.step(VerdictHeard(check=name, up=up, reason=f"{name}", weight=weight))
        if up:
            keepalived.weigh(one.name, name, weight)
        else:
            keepalived.unweigh(one.name, name)
        keepalived.hear(one.name, name, up)
        assert play.ipvs == keepalived.ipvs
        assert play.pool.snapshot().quorum_up is keepalived.quorum_state_up
    told = [word for word in said if word.partition(" ")[0] not in ("weight", "check")]
    assert without_echoes(told) == without_echoes(keepalived.said)
