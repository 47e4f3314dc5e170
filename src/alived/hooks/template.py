"""Templates in the environment of hooks: `{{.NodeID}}` and the like, as vip-switch has them.

Its templates are Go's text/template. Files use nothing of that language but fields, so fields are what there is here;
anything else between the braces is an error, never passed on as text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

FIELDS = ("NodeID", "Event", "RaftAddr", "Group")
"""What a template may name: id of this node, the event, its raft_addr, the group of addresses that changed."""

_ACTION = re.compile(r"\{\{(.*?)\}\}|\{\{", re.DOTALL)
_FIELD = re.compile(r"\s*\.(\w+)\s*\Z")


class TemplateError(ValueError):
    """A template that says something else than a field; the message is a sentence without its end."""


def expand(template: str, values: Mapping[str, str]) -> str:
    """The text with every field replaced by its value. Raises TemplateError."""

    def value(action: re.Match[str]) -> str:
        if action[1] is None:
            raise TemplateError("'{{' is not closed by '}}'")
        field = _FIELD.match(action[1])
        if field is None:
            raise TemplateError(f"{action[0]!r} is more than a field")
        if field[1] not in values:
            raise TemplateError(f"there is no field .{field[1]}")
        return values[field[1]]

    return _ACTION.sub(value, template)


def check(template: str) -> None:
    """Raises TemplateError if the template cannot be expanded."""
    expand(template, dict.fromkeys(FIELDS, ""))
