"""VRRPv2 with passwords, beside a live keepalived."""

from __future__ import annotations

import pytest

from tests.lab.lab import VIP4, Lab, answers, has_peer, instance

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not has_peer("keepalived"), reason="keepalived is not installed"),
]

BOTH_ROLES = pytest.mark.parametrize("kinds", [("alived", "keepalived"), ("keepalived", "alived")], ids="-".join)


def authentication(kind: str, password: str) -> list[str]:
    return ["authentication {", f"  auth_type {kind}", f"  auth_pass {password}", "}"]


@BOTH_ROLES
@pytest.mark.parametrize("kind", ["PASS", "AH"])
def test_with_the_same_password_they_elect_one_master(lab: Lab, kinds: tuple[str, str], kind: str) -> None:
    for node, daemon, priority in zip(lab.nodes, kinds, (150, 100)):
        lab.start(node, instance(priority, *authentication(kind, "secret12"), advert_int=1), kind=daemon, version=2)
    lab.until_owner("n1", seconds=3.5)
    lab.daemons["n1"].terminate()
    lab.daemons["n1"].wait()
    lab.until_owner("n2", seconds=1.5)


@BOTH_ROLES
@pytest.mark.parametrize(
    ("kind", "theirs", "reason"),
    [
        ("PASS", "secret34", "authentication-error"),
        ("AH", "secret34", "authentication-error"),
        ("PASS", "", "auth-type-error"),
    ],
)
def test_with_another_password_both_are_masters_and_say_why(
    lab: Lab, kinds: tuple[str, str], kind: str, theirs: str, reason: str
) -> None:
    """An advert that cannot be believed is no advert; keepalived does the same."""
    for node, daemon, priority in zip(lab.nodes, kinds, (150, 100)):
        password = "secret12" if daemon == "alived" else theirs
        lines = authentication(kind, password) if password else ()
        lab.start(node, instance(priority, *lines, advert_int=1), kind=daemon, version=2)
    lab.until(lambda: set(answers(lab.hear_asking(VIP4, seconds=1.0), VIP4)) == {"n1", "n2"}, "both have the address")
    own = lab.nodes[kinds.index("alived")]
    lab.until(lambda: lab.status(own)["receive_errors"].get(reason, 0) > 0, f"{reason} is counted")
    assert lab.status(own)["instances"][0]["state"] == "MASTER"
