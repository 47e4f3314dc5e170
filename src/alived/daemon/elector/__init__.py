"""The raft process: it elects the owners of groups together with those of other nodes."""
