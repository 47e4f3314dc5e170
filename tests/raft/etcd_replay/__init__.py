"""Replays the data-driven tests of etcd's raft library against ours. The transcripts are part of the shared corpus."""
