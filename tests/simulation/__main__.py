"""`python -m tests.simulation --seed N [--routers 3] [--count 1] [--trace]`: 0 if every seed holds, else 1.

A seed that fails is printed with what happened last, and the command that tells it again.
"""

from __future__ import annotations

import argparse
import random
import sys

from tests.simulation.checks import Broken
from tests.simulation.story import Story


def routers_of(seed: int) -> int:
    """How many routers a seed has if nobody says."""
    return random.Random(f"{seed}/routers").randint(2, 5)


def run(seed: int, routers: int, *, trace: bool) -> bool:
    story = Story(seed, routers)
    try:
        story.tell()
    except AssertionError as error:
        print(*story.world.trace, sep="\n")
        kind = "" if isinstance(error, Broken) else f" ({type(error).__name__})"
        print(f"seed {seed}, {routers} routers: {error}{kind}")
        print(f"again: python -m tests.simulation --seed {seed} --routers {routers}")
        return False
    if trace:
        print(*story.world.trace, sep="\n")
    return True


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description="VRRP routers, simulated by seed")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--routers", type=int, choices=range(2, 6), help="2 to 5; default: by seed")
    parser.add_argument("--count", type=int, default=1, help="number of seeds")
    parser.add_argument("--trace", action="store_true", help="print what happened even if all holds")
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.count)
    failed = [seed for seed in seeds if not run(seed, options.routers or routers_of(seed), trace=options.trace)]
    print(f"{options.count - len(failed)} seeds hold, {len(failed)} do not {failed[:20] if failed else ''}".rstrip())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
