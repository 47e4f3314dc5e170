"""python -m tests.raft.transcripts PLACE... [--level A|B]: see `etcd_replay`."""

from __future__ import annotations

import sys

from tests.raft.etcd_replay.__main__ import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
