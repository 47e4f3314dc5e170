"""One piece of news, with whatever differs."""

from __future__ import annotations

import msgspec

from alived.hooks.events import Kind, Word
from alived.notify.news import News

MASTER = News(
    event_id="ab-1",
    kind=Kind.INSTANCE,
    name="VI_1",
    word=Word.MASTER,
    old="BACKUP",
    new="MASTER",
    priority=100,
    reason="no advert heard for 3.6 s",
    wall_time=1795297554.25,
)


def news(**fields: object) -> News:
    return msgspec.structs.replace(MASTER, **fields)
