"""Weights of tracked things: whether they can do what they are there for."""

from __future__ import annotations

from collections.abc import Iterator

from alived.base import Diagnostic
from alived.config.instances.plan import Plan
from alived.config.model import Instance
from alived.config.rules.report import warning

LOWEST, HIGHEST = 1, 254
"""What weights can make of a priority; 0 and 255 mean something else."""
TRACKING_FIELDS = ("track_interface", "track_script", "track_check", "track_file", "track_process", "track_bfd")


def weights(instance: Instance) -> tuple[tuple[str, int], ...]:
    """(what is tracked, weight) of everything whose weight is not 0; a reversed one has the other sign.

    Files are left out: their numbers are not known here.
    """
    tracking = instance.tracking
    others = (*tracking.scripts, *tracking.processes, *tracking.checks, *tracking.bfd)
    found = [(one.name, one.weight, one.reverse) for one in instance.vrrp.track_interfaces]
    found += [(one.name, one.weight.value, one.weight.reverse) for one in others]
    return tuple((name, -weight if reverse else weight) for name, weight, reverse in found if weight)


def clamped_priority(plan: Plan) -> Iterator[Diagnostic]:
    """The sum stays within 1..254: two nodes that reach the same end are equal."""
    for one in plan.instances:
        vrrp = one.instance.vrrp
        if vrrp.is_owner:
            continue
        amounts = [weight for _, weight in weights(one.instance)]
        highest = vrrp.priority + sum(amount for amount in amounts if amount > 0)
        lowest = vrrp.priority + sum(amount for amount in amounts if amount < 0)
        if highest > HIGHEST or lowest < LOWEST:
            reached, end = (highest, HIGHEST) if highest > HIGHEST else (lowest, LOWEST)
            message = f"{one.name}: priority {vrrp.priority} and all weights make {reached}: {end} is used"
            place = one.settings.place(*TRACKING_FIELDS)
            yield warning(place, "priority-clamped", message, "smaller weights, or another priority")
