"""From what was read to a running daemon."""

from __future__ import annotations

import gc
import os
import sys

from alived.adapters.forked import EXIT_FAILED
from alived.adapters.loop import Loop
from alived.adapters.privileges import set_process_name
from alived.adapters.runtime_dir import RuntimeDir
from alived.config.model import Config
from alived.daemon.options import EXIT_OK, EXIT_REFUSED, Options
from alived.daemon.parent.log_choice import DaemonLog
from alived.daemon.parent.logs import Log, Source, report_findings
from alived.daemon.parent.parts import Parts, StartError
from alived.daemon.parent.reading import Reader, Reading
from alived.daemon.parent.supervisor import Supervisor
from alived.daemon.shared.child import ChildFailure


def run(options: Options, reading: Reading, loop: Loop, parts: Parts, reader: Reader, directory: RuntimeDir) -> int:
    """Runs until it is told to stop, if the configuration lets it; gives the exit status."""
    log = DaemonLog(options, reading.config.logging if reading.config else None)
    config = _judge(reading, log, options)
    if config is None:
        return EXIT_REFUSED
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
    except ChildFailure as failure:  # of a role in this process
        log.always(Source("alived", os.getpid()), "error", failure.code, str(failure))
        return EXIT_FAILED
    finally:
        log.flush()
    return EXIT_OK


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
