"""The door of this stage: a text of keepalived.conf, with all that it refers to, becomes a tree of blocks."""

from __future__ import annotations

from alived.config.findings import Findings
from alived.config.text.blocks import Tree
from alived.config.text.expansion import Expansion
from alived.config.text.host import Host
from alived.config.text.parser import parse


def read_text(text: str, file: str, host: Host, findings: Findings, config_id: str | None = None) -> Tree:
    """The tree of a text that stands in a file. config_id: of this node, in conditions; its name up to the first dot
    if it has none."""
    own_id = host.name().partition(".")[0] if config_id is None else config_id
    return parse(Expansion(host, own_id, findings).pieces(text, file), file, findings)
