"""`@ID statement` is read on the node ID only, `@^ID statement` on all others (keepalived.conf(5), config-id)."""

from __future__ import annotations

import re

from alived.config.text.lines import Line

_CONDITION = re.compile(r"@(?P<other>\^?)(?P<id>[^ \t]*)[ \t]+(?=[^ \t])")


def chosen(line: Line, config_id: str) -> Line | None:
    """What a line that begins with `@` says on this node, None if it says nothing here.

    A condition counts for its line: what a block holds whose first line is left out stays. An ID without a statement
    says nothing.
    """
    match = _CONDITION.match(line.text)
    if match is None or (match["id"] == config_id) == bool(match["other"]):
        return None
    return line.from_(match.end())
