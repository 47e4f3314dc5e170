"""`alived run`: from a file to a running daemon."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from alived.adapters.loop import Loop
from alived.adapters.privileges import set_process_name
from alived.adapters.runtime_dir import RuntimeDir, RuntimeDirError
from alived.config.model import Config
from alived.daemon.logs import Log, Source, Stderr, pick_format, report_findings
from alived.daemon.reading import Load, Reader, Reading

if TYPE_CHECKING:
    from alived.daemon.supervisor import Parts

EXIT_OK = 0
EXIT_REFUSED = 1
"""The configuration cannot run, or the runtime directory is not ours."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The command line."""

    config_path: str
    runtime_dir: str
    log_format: str = "text"
    debug: bool = False
    single: bool = False


def serve(options: Options, load: Load, make_parts: Callable[[], Parts]) -> int:
    """Runs the daemon until it is told to stop; gives the exit status. Nothing is touched before all is well.

    make_parts: imports what runs. The configuration is read meanwhile, on another CPU: a start takes as long as the
    slower of the two.
    """
    try:
        directory = RuntimeDir(options.runtime_dir)
    except RuntimeDirError as error:
        print(f"alived: {error}", file=sys.stderr)
        return EXIT_REFUSED
    loop = Loop()
    reader = Reader(loop, load)
    readings: list[Reading] = []

    def finish(reading: Reading) -> None:
        readings.append(reading)
        loop.stop()

    reader.read(options.config_path, finish)
    parts = make_parts()
    loop.run()
    log = Log(Stderr(), pick_format(options.log_format), level="debug" if options.debug else "info")
    config = _judge(readings[0], log, options)
    status = EXIT_REFUSED if config is None else _run(loop, options, parts, reader, directory, config, log)
    # Not after an exception: then children may still own addresses, and the pid file must stay locked by them.
    directory.close()
    return status


def _judge(reading: Reading, log: Log, options: Options) -> Config | None:
    """The configuration to start with; all findings go to stderr, for people as `alived check` shows them."""
    if options.log_format == "json":
        report_findings(log, reading.diagnostics)
    else:
        sys.stderr.write("".join(f"{finding}\n" for finding in reading.diagnostics))
    if reading.config is None:
        errors = f"{len(reading.errors)} error{'s' if len(reading.errors) != 1 else ''}"
        message = f"{errors} in {options.config_path}: not started, nothing was touched"
        log.always(Source("alived", os.getpid()), "error", "not-started", message)
    return reading.config


def _run(
    loop: Loop, options: Options, parts: Parts, reader: Reader, directory: RuntimeDir, config: Config, log: Log
) -> int:
    from alived.daemon.supervisor import StartError, Supervisor  # the parts have imported it while the file was read

    set_process_name("alived")
    supervisor = Supervisor(
        loop,
        config=config,
        config_path=os.path.abspath(options.config_path),
        parts=parts,
        reader=reader,
        directory=directory,
        log=log,
        single=options.single,
    )
    # What is alive now is alive for good: no collection needs to look at it, and no child's copy gets written to.
    gc.collect()
    gc.freeze()
    try:
        supervisor.run()
    except StartError as error:
        log.always(Source("alived", os.getpid()), "error", "not-started", str(error))
        return EXIT_REFUSED
    finally:
        log.flush()
    return EXIT_OK
