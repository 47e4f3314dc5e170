"""Options of all commands that read a configuration: what the command line and the environment say instead of it."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from alived.config.load import ReadOptions

CONFIG_ID = "ALIVED_CONFIG_ID"


class ReadingOptions(msgspec.Struct, frozen=True):
    """As given. The reader of configurations is imported when somebody wants to read, not before."""

    config_id: str | None
    settings: tuple[str, ...]

    def read_options(self) -> ReadOptions:
        from alived.config.load import ReadOptions
        from alived.config.overrides import from_environment, from_options

        return ReadOptions(
            config_id=self.config_id, overrides=(*from_environment(os.environ), *from_options(self.settings))
        )


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options; the command gets them together as `reading`."""

    @click.option(
        "-i",
        "--config-id",
        metavar="ID",
        envvar=CONFIG_ID,
        help=f"Of this node, for conditions (@ID). Default: ${CONFIG_ID} or the host name.",
    )
    @click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="PATH=VALUE",
        help="Say something instead of the file, such as vrrp_instance.VI_1.priority=120; may be repeated. "
        "ALIVED_SET_VRRP_INSTANCE__VI_1__PRIORITY in the environment does the same.",
    )
    @functools.wraps(command)
    def with_options(*, config_id: str | None, settings: tuple[str, ...], **others: Any) -> Any:
        return command(reading=ReadingOptions(config_id, settings), **others)

    return with_options
