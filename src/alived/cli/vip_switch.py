"""`vip-switch`: alived's daemon under the name, with the options and the files, that vip-switch's users know."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

import alived
from alived.adapters.runtime_dir import DEFAULT, ENVIRONMENT, choose
from alived.cli.run import start
from alived.daemon.options import Options

if TYPE_CHECKING:
    from alived.config.load import ReadOptions

PATHS = {
    "node_id": "node.id",
    "raft_addr": "node.raft_addr",
    "data_dir": "node.data_dir",
    "log_level": "logging.level",
    "log_format": "logging.format",
}
"""Option -> what it says instead of the file."""
LEVELS, FORMATS = ("debug", "info", "warn", "error"), ("text", "json")
_UNQUOTABLE = frozenset('"\\\n')


def _one_word(_context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and (not value or _UNQUOTABLE & set(value)):
        raise click.BadParameter("a word without quotes, backslashes and line breaks", param=parameter)
    return value


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(alived.__version__, "--version", prog_name="vip-switch")
@click.option("-f", "--config", "config_path", required=True, metavar="FILE", help="config.yaml.")
@click.option("--node-id", metavar="ID", callback=_one_word, help="This node, one of cluster.nodes.")
@click.option("--raft-addr", metavar="ADDRESS:PORT", callback=_one_word, help="Where it listens for the others.")
@click.option("--data-dir", metavar="DIR", callback=_one_word, help="Where term, vote and log survive a restart.")
@click.option("--log-level", type=click.Choice(LEVELS, case_sensitive=False))
@click.option("--log-format", type=click.Choice(FORMATS, case_sensitive=False))
@click.option("--vip-conf", metavar="FILE", default="", help="Default: vip.conf beside the configuration.")
@click.option("--runtime-dir", metavar="DIR", envvar=ENVIRONMENT, help=f"Default: ${ENVIRONMENT} or {DEFAULT}.")
def main(config_path: str, vip_conf: str, runtime_dir: str | None, **given: str | None) -> None:
    """Elect one owner of the address in vip.conf by Raft, and run the hooks that bind and remove it.

    It is the daemon of `alived run`, so all commands of alived look into it: alived status, history, reload, cluster.
    The options win over the file. vip.conf is read too, never run: the fences of the kernel need the address.

    Exit status: 0 after a stop, 1 if the configuration cannot run or another daemon has the runtime directory.
    """

    def read_options() -> ReadOptions:
        from alived.config.load import ReadOptions
        from alived.config.overrides import Override, from_environment

        said = {name: value for name, value in given.items() if value is not None}
        ours = (Override(PATHS[name], f'"{said[name]}"', f"--{name.replace('_', '-')}", True) for name in said)
        return ReadOptions(overrides=(*from_environment(os.environ), *ours), vip_conf=vip_conf)

    options = Options(config_path=config_path, runtime_dir=choose(runtime_dir), log_format=given["log_format"] or "")
    sys.exit(start(options, read_options))


if __name__ == "__main__":
    main()
