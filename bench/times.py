"""Whether what shall happen every second does so."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence


def late_ms(times: Sequence[float], interval_s: float = 1.0) -> list[float]:
    """How long after the grid on which the earliest of them lies each comes."""
    offsets = [(when - times[0] + interval_s / 2) % interval_s - interval_s / 2 for when in times]
    return [1e3 * (offset - min(offsets)) for offset in offsets]


def drift_ms(times: Sequence[float], interval_s: float = 1.0) -> float:
    """By how much more than an interval they follow each other, on average."""
    return 1e3 * ((times[-1] - times[0]) / (len(times) - 1) - interval_s)


def punctuality(begun: Mapping[int, Sequence[float]]) -> dict[str, float | None]:
    """The same as numbers of a measure, of all who began more than once."""
    repeated = [times for times in begun.values() if len(times) > 1]
    late = sorted(ms for times in repeated for ms in late_ms(times))
    return {
        "late_p50_ms": statistics.median(late),
        "late_p99_ms": late[int(0.99 * (len(late) - 1))],
        "late_max_ms": late[-1],
        "drift_ms_per_interval": statistics.median(map(drift_ms, repeated)),
        "most_in_100_ms": busiest(when for times in begun.values() for when in times),
    }


def busiest(times: Iterable[float], window_s: float = 0.1) -> int:
    """The most that begin in one of the windows that follow each other."""
    counts: dict[int, int] = {}
    for when in times:
        window = int(when / window_s)
        counts[window] = counts.get(window, 0) + 1
    return max(counts.values(), default=0)
