"""`alived run`: a configuration that is read while the rest of the daemon is imported.

Light on purpose: what is imported here delays the reader.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from alived.adapters.loop import Loop
from alived.adapters.runtime_dir import RuntimeDir, RuntimeDirError
from alived.daemon.options import EXIT_REFUSED, Options
from alived.daemon.parent.reading import Load, Reader, Reading

if TYPE_CHECKING:
    from alived.daemon.parent.parts import Parts


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
    from alived.daemon.parent.running import run  # what runs is imported by now

    status = run(options, readings[0], loop, parts, reader, directory)
    # Not after an exception: then children may still own addresses, and the pid file must stay locked by them.
    directory.close()
    return status
