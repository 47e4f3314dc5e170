"""What a tree no longer shows: the files, names, sequences and conditions that it was made from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from alived.base import Location, in_brief
from alived.config.findings import Findings
from alived.config.text.blocks import Block, Tree
from alived.config.text.host import Host
from alived.config.text.tokens import decode

SHOWN = 5
_CONDITION = re.compile(r"^[ \t]*@", re.MULTILINE)
_SEQUENCE = re.compile(r"^[ \t]*~(?:SEQ|LST)", re.MULTILINE)


def expansions(tree: Tree, file: str, host: Host, config_id: str) -> Iterator[str]:
    """A sentence for each kind of reference that was followed when a keepalived.conf was read. Raises OSError."""
    # What the command line or the environment says has no line.
    places = [place for place in _places(tree.blocks) if place.line]
    files = list(dict.fromkeys((file, *(place.file for place in places))))
    origins = dict.fromkeys(str(place.origin) for place in places if place.origin)
    texts = [decode(host.read(path), path, Findings()) for path in files]
    if included := files[1:]:
        yield f"what was included is written out: {', '.join(included)}"
    if origins:
        yield f"names are replaced by what they stand for: {in_brief(origins, SHOWN, ', ')}"
    if any(map(_SEQUENCE.search, texts)):
        yield "sequences (~SEQ, ~LST) are written out"
    if any(map(_CONDITION.search, texts)):
        yield f"conditions are decided for {config_id!r}: the result is for this node only"


def _places(blocks: Iterable[Block]) -> Iterator[Location]:
    for block in blocks:
        yield block.location
        yield from (word.location for word in block.arguments)
        yield from _places(block.children or ())
