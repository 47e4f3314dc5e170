"""When a virtual server has enough real servers. keepalived's rule, with its hysteresis."""

from __future__ import annotations


def judge(up: bool, weight: int, quorum: int, hysteresis: int) -> bool:
    """Whether the quorum is there now. up: whether it was. weight: of the real servers that are up, together."""
    if up:
        return weight > 0 and weight >= quorum - hysteresis
    return weight >= quorum + hysteresis


def sentence(up: bool, weight: int, quorum: int, hysteresis: int) -> str:
    """How the sum stands to what was needed for the quorum to become up or down."""
    sign, limit = ("+", quorum + hysteresis) if up else ("-", quorum - hysteresis)
    needed = f"quorum {quorum}" + (f" {sign} hysteresis {hysteresis} = {limit}" if hysteresis else "")
    if up:
        return f"the weights of the real servers that are up sum to {weight}, enough for {needed}"
    if weight == 0:
        return "no real server with a weight is up"
    return f"the weights of the real servers that are up sum to {weight}, which is below {needed}"
