"""Names that are defined from the beginning: `${_PWD}`, `${_INSTANCE}`, `${_RANDOM 1 6}`, `${_ENV HOME}`, `${_HASH}`,
`${_BANG}`. A definition of the same name takes their place.

`${_HASH}` and `${_BANG}` begin a comment outside quotes, as the signs themselves do in keepalived 2.2.7:
`$OFF=${_HASH}` and then `$OFF priority 100`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from alived.config.text.definitions import Definition
from alived.config.text.host import Host

_RANDOM_MAX = 32767
_SIGNS = {name: Definition(name, ((sign, None),)) for name, sign in (("_HASH", "#"), ("_BANG", "!"))}


class Predefined:
    """directory: gives that of the file that is being read."""

    def __init__(self, host: Host, config_id: str, directory: Callable[[], str]) -> None:
        self._host = host
        self._config_id = config_id
        self._directory = directory
        self._draws = itertools.count()

    def find(self, name: str, parameters: list[str]) -> Definition | None:
        """None if there is no such name, or the parameters are not its own."""
        if name in _SIGNS and not parameters:
            return _SIGNS[name]
        value: str | None = None
        match name, parameters:
            case "_PWD", []:
                value = self._host.real_path(self._directory())
            case "_INSTANCE", []:
                value = self._config_id
            case "_RANDOM", _ if len(parameters) <= 2 and all(map(str.isdecimal, parameters)):
                low, high = (*map(int, parameters), *(0, _RANDOM_MAX)[len(parameters) :])
                value = self._draw(low, high)
            case "_ENV", [variable]:
                value = self._host.variable(variable) or ""
        return None if value is None else Definition(name, ((value, None),), is_final=True)

    def _draw(self, low: int, high: int) -> str | None:
        """A number that is the same each time this node reads this text: otherwise every reload would be a change."""
        if low > high:
            return None
        from random import Random  # takes longer to import than most configurations to read

        return str(Random(f"{self._config_id} {next(self._draws)}").randint(low, high))
