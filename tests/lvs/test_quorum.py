"""The rule of the quorum, beside keepalived's formula."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alived.lvs.quorum import judge, sentence

WEIGHTS = st.integers(0, 12)


@given(st.booleans(), WEIGHTS, st.integers(1, 6), st.integers(0, 6))
def test_it_is_keepaliveds(up: bool, weight: int, quorum: int, hysteresis: int) -> None:
    """update_quorum_state in check/ipwrapper.c."""
    hysteresis = min(hysteresis, quorum - 1)
    threshold = quorum + (-1 if up else 1) * hysteresis
    expected = up
    if not up and weight >= threshold:
        expected = True
    elif up and (not weight or weight < threshold):
        expected = False
    assert judge(up, weight, quorum, hysteresis) is expected


def test_no_weight_is_no_quorum_whatever_the_hysteresis() -> None:
    assert judge(True, 0, 1, 1) is False


def test_sentences() -> None:
    assert sentence(True, 3, 2, 0) == "the weights of the real servers that are up sum to 3, enough for quorum 2"
    assert sentence(False, 0, 2, 1) == "no real server with a weight is up"
