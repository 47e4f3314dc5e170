"""python -m tests.raft.etcd_replay [--level A|B] PLACE...      files, or directories of *.txt"""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import Sequence

from tests.raft.etcd_replay.replay import Level, differences, transcripts


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.raft.etcd_replay", description=__doc__)
    parser.add_argument("places", nargs="+", type=pathlib.Path, metavar="PLACE", help="a file, or a directory of *.txt")
    parser.add_argument("--level", choices=list(Level), type=Level, default=Level.B, help="A: without log lines")
    options = parser.parse_args(arguments)
    passed = failed = 0
    for path in transcripts(options.places):
        difference = next(differences(path, options.level), None)
        if difference is None:
            passed += 1
        else:
            failed += 1
            print(f"FAILED {path.name}, {difference}\n")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
