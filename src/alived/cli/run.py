"""`alived run`: the daemon, in the foreground."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from alived.adapters.runtime_dir import DEFAULT, ENVIRONMENT, choose
from alived.cli.reading import ReadingOptions, reading_options

if TYPE_CHECKING:
    from alived.config.load import ReadOptions
    from alived.daemon.options import Options
    from alived.daemon.parent.parts import Parts


@click.command()
@click.option(
    "-f",
    "--config",
    "config_path",
    required=True,
    metavar="FILE",
    envvar="ALIVED_CONFIG",
    help="keepalived.conf, YAML or TOML.",
)
@reading_options
@click.option("--debug", is_flag=True, envvar="ALIVED_DEBUG", help="Log debug lines too.")
@click.option("--single", is_flag=True, help="One process for everything (tests, tiny containers).")
@click.option("--runtime-dir", metavar="DIR", envvar=ENVIRONMENT, help=f"Default: ${ENVIRONMENT} or {DEFAULT}.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    envvar="ALIVED_LOG_FORMAT",
    help="Default: what the file says, or text.",
)
def run(
    config_path: str,
    reading: ReadingOptions,
    debug: bool,
    single: bool,
    runtime_dir: str | None,
    log_format: str | None,
) -> None:
    """Run the daemon in the foreground until SIGTERM.

    The command line wins over the environment, both win over the file: `alived config show --effective` says what
    comes of it. ALIVED_CONFIG, ALIVED_DEBUG and ALIVED_LOG_FORMAT stand for the options of these names.

    Exit status: 0 after a stop, 1 if the configuration cannot run or another daemon has the runtime directory.
    SIGHUP reloads, SIGUSR1 writes alived.data and SIGUSR2 alived.stats to the runtime directory.
    """
    from alived.daemon.options import Options

    options = Options(
        config_path=config_path,
        runtime_dir=choose(runtime_dir),
        log_format=log_format or "",
        debug=debug,
        single=single,
    )
    sys.exit(start(options, reading.read_options))


def start(options: Options, read_options: Callable[[], ReadOptions]) -> int:
    """Runs the daemon, whatever it is called by, and gives its exit status. read_options: what the command line and the
    environment say of the configuration, asked for each time that it is read."""
    from alived.daemon.main import serve
    from alived.daemon.parent.reading import Reading

    def read(path: str) -> Reading:
        # Here, because this runs in the helper that reads: the daemon's own processes stay without a parser.
        from alived.config.load import load

        loaded = load(path, read_options())
        return Reading(config=loaded.config, diagnostics=tuple(loaded.diagnostics))

    def make_parts() -> Parts:
        from alived.daemon.elector.raft_role import make_raft, why_not_start
        from alived.daemon.engine import leftovers
        from alived.daemon.engine.engine import make_engine
        from alived.daemon.parent.notifier_place import make_notifier
        from alived.daemon.parent.parts import Parts
        from alived.daemon.worker.worker import make_worker

        return Parts(
            make_engine=make_engine,
            make_worker=make_worker,
            make_raft=make_raft,
            make_notifier=make_notifier,
            why_not_start=why_not_start,
            reap=leftovers.remove,
        )

    return serve(options, read, make_parts)
