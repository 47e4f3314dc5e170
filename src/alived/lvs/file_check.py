"""What the number in a tracked file means to a real server: FILE_CHECK, by keepalived's rules."""

from __future__ import annotations

import msgspec

MAX_WEIGHT = (1 << 31) - 1
DOWN = -(1 << 31)
"""A product at or below it takes the server down"""


class FileSays(msgspec.Struct, frozen=True):
    """adds: to the weight of the server, while it is up."""

    up: bool
    adds: int = 0


def file_says(number: int, weight: int, *, reverse: bool = False) -> FileSays:
    """weight 0: any number but 0 takes the server down (reverse: 0 does). Else the product counts."""
    if weight == 0:
        return FileSays((number == 0) is not reverse)
    product = number * weight * (-1 if reverse else 1)
    return FileSays(False) if product <= DOWN else FileSays(True, min(product, MAX_WEIGHT))
