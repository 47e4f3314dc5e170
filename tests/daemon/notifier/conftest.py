"""What tests of the notifier start from."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from alived.config.model import Config
from tests.adapters.certificates import Authority
from tests.daemon.notifier.notifier_play import Mailbox, MakePlay, Play, Web


@pytest.fixture
def play(tmp_path: pathlib.Path) -> Iterator[MakePlay]:
    plays: list[Play] = []

    def make(config: Config) -> Play:
        plays.append(Play(tmp_path, config))
        return plays[-1]

    yield make
    for one in plays:
        if not one.stopped:
            one.stop()


@pytest.fixture
def web() -> Iterator[Web]:
    web = Web()
    yield web
    web.close()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    yield mailbox
    mailbox.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))
