"""The log on a real disk: what is saved survives, whatever happens to the process, the machine or the disk."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alived.adapters import wal_directory, wal_files
from alived.adapters.wal_files import Wal, WalError, WalFailed
from alived.raft.memory import MemoryStorage
from alived.raft.messages import Entry, HardState, Snapshot
from tests.adapters.crashing_disk import Recorder
from tests.raft.helpers import configuration

FIRST = Snapshot(1, 1, configuration([1, 2, 3]), b"first")
CROWD = 65534


def opened(directory: Path, node: str = "a", cluster_id: str = "blue") -> Wal:
    return Wal.open(str(directory), node=node, cluster_id=cluster_id)


def state(storage: Wal | MemoryStorage) -> object:
    return storage.initial_state(), list(storage.entries(storage.first_index, storage.last_index + 1))


def reopened(log: Wal, directory: Path) -> Wal:
    log.close()
    return opened(directory)


def segments(directory: Path) -> list[Path]:
    return sorted(path for path in directory.iterdir() if path.name != "lock")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def log(data_dir: Path) -> Iterator[Wal]:
    log = opened(data_dir)
    log.save(HardState(1, 0, 1), [Entry(1, 2, b"two"), Entry(1, 3, b"three")], FIRST)
    yield log
    log.close()


# -- what a log is for


def test_a_blank_directory(data_dir: Path) -> None:
    log = opened(data_dir)
    assert log.blank
    assert log.initial_state() == (HardState(), Snapshot())
    assert (log.first_index, log.last_index) == (1, 0)
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert segments(data_dir) == []
    assert log.backup() == ""
    log = reopened(log, data_dir)
    assert log.blank, "opening is not saving"
    log.close()


def test_what_is_saved_survives(log: Wal, data_dir: Path) -> None:
    log.save(HardState(2, 3, 2), [Entry(2, 4, b"four")])
    log.save(HardState(2, 3, 4), sync=False)
    before = state(log)
    again = reopened(log, data_dir)
    assert not again.blank
    assert again.notices == []
    assert state(again) == before
    assert again.initial_state() == (HardState(2, 3, 4), FIRST)
    assert (again.first_index, again.last_index, again.term(4), again.term(5)) == (2, 4, 2, None)
    assert again.entries(2, 4) == [Entry(1, 2, b"two"), Entry(1, 3, b"three")]
    assert again.snapshot() == FIRST
    again.close()


def test_a_vote_before_anything_else_survives(data_dir: Path) -> None:
    log = opened(data_dir)
    log.save(HardState(1, 2, 0))
    log = reopened(log, data_dir)
    assert not log.blank
    assert log.initial_state() == (HardState(1, 2, 0), Snapshot())
    log.close()


def test_entries_of_a_lower_index_replace_what_follows(log: Wal, data_dir: Path) -> None:
    log.save(entries=[Entry(1, 4, b"four"), Entry(1, 5, b"five")])
    log.save(HardState(2, 0, 1), [Entry(2, 3, b"other")])
    assert log.last_index == 3
    again = reopened(log, data_dir)
    assert again.entries(2, 4) == [Entry(1, 2, b"two"), Entry(2, 3, b"other")]
    assert again.last_index == 3
    again.close()


def test_a_snapshot_replaces_the_log(log: Wal, data_dir: Path) -> None:
    newer = Snapshot(10, 4, configuration([1, 2]), b"newer")
    log.save(HardState(4, 0, 10), [Entry(4, 11, b"next")], newer)
    assert state(log) == ((HardState(4, 0, 10), newer), [Entry(4, 11, b"next")])
    again = reopened(log, data_dir)
    assert state(again) == ((HardState(4, 0, 10), newer), [Entry(4, 11, b"next")])
    again.close()


def test_compaction_keeps_what_follows(log: Wal, data_dir: Path) -> None:
    newer = Snapshot(2, 1, configuration([1, 2, 3]), b"first and two")
    log.compact(newer)
    assert state(log) == ((HardState(1, 0, 1), newer), [Entry(1, 3, b"three")])
    assert log.term(2) == 1
    assert len(segments(data_dir)) == 1
    log.compact(Snapshot(2, 1, configuration([1, 2, 3]), b"once more"))
    assert log.snapshot() == newer, "it is compacted already"
    again = reopened(log, data_dir)
    assert state(again) == ((HardState(1, 0, 1), newer), [Entry(1, 3, b"three")])
    again.close()


def test_terms_and_votes_do_not_fill_the_disk(log: Wal, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wal_files, "SEGMENT_BYTES", 2000)
    for term in range(2, 200):
        log.save(HardState(term, 1, 1), sync=False)
        assert sum(path.stat().st_size for path in segments(data_dir)) < 3000
    again = reopened(log, data_dir)
    assert again.initial_state() == (HardState(199, 1, 1), FIRST)
    again.close()


def test_nothing_to_save_writes_nothing(log: Wal, data_dir: Path) -> None:
    size = segments(data_dir)[0].stat().st_size
    log.save()
    assert segments(data_dir)[0].stat().st_size == size


def test_what_waits_is_synced_with_the_next(log: Wal, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    log.save(HardState(2, 0, 1), sync=False)
    assert synced == []
    log.save()
    assert len(synced) == 1
    log.save()
    assert len(synced) == 1


# -- other users of the directory


def test_two_openers(log: Wal, data_dir: Path) -> None:
    before = state(log)
    with pytest.raises(WalError, match=rf"is in use by process {os.getpid()}: two processes cannot be the same node"):
        opened(data_dir)
    log.save(HardState(5, 0, 1))
    again = reopened(log, data_dir)
    assert state(again) != before
    again.close()


def test_a_lock_file_without_a_pid(data_dir: Path, log: Wal) -> None:
    (data_dir / "lock").write_text("")
    with pytest.raises(WalError, match="in use by process unknown"):
        opened(data_dir)


def test_a_disk_too_full_for_the_pid_is_no_reason_to_end(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.pwrite", full)
    with contextlib.closing(opened(data_dir)), pytest.raises(WalError, match="in use by process unknown"):
        opened(data_dir)


@pytest.mark.parametrize(
    ("node", "cluster_id", "words"),
    [
        ("b", "blue", "is the log of node a, not of b: give this node a data_dir of its own"),
        ("a", "red", 'is the log of a node of cluster "blue", not of "red": give this cluster a data_dir of its own'),
    ],
)
def test_the_log_of_somebody_else(log: Wal, data_dir: Path, node: str, cluster_id: str, words: str) -> None:
    log.close()
    before = {path: path.read_bytes() for path in segments(data_dir)}
    with pytest.raises(WalError, match=words):
        opened(data_dir, node, cluster_id)
    assert {path: path.read_bytes() for path in segments(data_dir)} == before
    opened(data_dir).close()


def test_other_files_are_left_alone(log: Wal, data_dir: Path) -> None:
    (data_dir / "README").write_text("mine")
    (data_dir / "log-1").write_text("mine too")
    (data_dir / "log-0000000000000009.new").write_text("begun")
    again = reopened(log, data_dir)
    names = {path.name for path in data_dir.iterdir()}
    assert names == {"README", "log-1", "lock", "log-0000000000000002"}
    again.close()


# -- bad days


def test_a_torn_end_is_left_out_and_told(log: Wal, data_dir: Path) -> None:
    before = state(log)
    whole = segments(data_dir)[0].stat().st_size
    log.save(HardState(9, 0, 1), sync=False)
    (path,) = segments(data_dir)
    os.truncate(path, path.stat().st_size - 3)
    torn = path.stat().st_size - whole
    again = reopened(log, data_dir)
    assert state(again) == before
    assert again.notices == [f"the last {torn} bytes of {path} were not completely written before a crash: left out"]
    again = reopened(again, data_dir)
    assert again.notices == []
    again.close()


@pytest.mark.parametrize("sync", [False, True])
def test_a_hole_is_torn_or_damage_as_the_sync_before_it_says(log: Wal, data_dir: Path, sync: bool) -> None:
    """The disk wrote the second of two saves and not all of the first: was the first promised?"""
    before = state(log)
    (path,) = segments(data_dir)
    begin = path.stat().st_size
    log.save(entries=[Entry(1, 4, b"e" * 2000)], sync=sync)
    log.save(HardState(3, 1, 1), sync=False)
    log.close()
    data = bytearray(path.read_bytes())
    hole = (begin // 512 + 1) * 512
    data[hole : hole + 512] = bytes(512)
    path.write_bytes(data)
    if sync:
        with pytest.raises(WalError, match=f"damaged at byte {begin}"):
            opened(data_dir)
    else:
        again = opened(data_dir)
        assert state(again) == before
        assert len(again.notices) == 1
        again.close()


def test_damage_is_refused_and_touches_nothing(log: Wal, data_dir: Path) -> None:
    log.save(HardState(9, 0, 1))
    log.close()
    (path,) = segments(data_dir)
    garbled = bytearray(path.read_bytes())
    garbled[40] ^= 1
    path.write_bytes(garbled)
    for _ in range(2):
        with pytest.raises(WalError, match=r"log-0+1: it is damaged at byte 26.* move .*data away and start") as error:
            opened(data_dir)
        assert str(path) in str(error.value)
        assert path.read_bytes() == garbled
        assert segments(data_dir) == [path]


def test_a_newer_format(log: Wal, data_dir: Path) -> None:
    log.close()
    (path,) = segments(data_dir)
    path.write_bytes(path.read_bytes().replace(b"format 1", b"format 12", 1))
    with pytest.raises(WalError, match=r"it has format 12.*; install the version that wrote it$"):
        opened(data_dir)


def test_the_directory_above_is_missing(tmp_path: Path) -> None:
    with pytest.raises(WalError, match=r"cannot use data_dir .*: No such file or directory; make the directory above"):
        opened(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_file_instead_of_a_directory(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(WalError, match=r"cannot use data_dir .*: Not a directory; name another one"):
        opened(tmp_path / "data")


def test_a_directory_instead_of_a_log(data_dir: Path) -> None:
    (data_dir / "log-0000000000000001").mkdir(parents=True)
    with pytest.raises(WalError, match=r"cannot read .*log-0000000000000001: Is a directory"):
        opened(data_dir)


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_a_directory_of_another_user(tmp_path: Path) -> None:
    """Also what root without capabilities meets in a directory of somebody else."""
    tmp_path.chmod(0o755)
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    os.seteuid(CROWD)
    try:
        with pytest.raises(WalError, match=rf"Permission denied; user {CROWD} must be able to read and write there"):
            opened(data)
    finally:
        os.seteuid(0)


def fails(code: int) -> Any:
    def call(*_args: object, **_named: object) -> None:
        raise OSError(code, os.strerror(code))

    return call


@pytest.mark.parametrize(("call", "code"), [("fdatasync", errno.EIO), ("write", errno.ENOSPC)])
def test_a_failing_disk_is_final(
    log: Wal, data_dir: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    """Not once more: the kernel may say yes next time, without having written what it dropped."""
    with monkeypatch.context() as broken:
        broken.setattr(os, call, fails(code))
        with pytest.raises(WalFailed, match=f"could not be written: {os.strerror(code)}; this node must not go on"):
            log.save(HardState(2, 0, 1))
    for attempt in (lambda: log.save(HardState(2, 0, 1)), lambda: log.compact(Snapshot(2, 1)), log.save):
        with pytest.raises(WalFailed, match=os.strerror(code)):
            attempt()
    again = reopened(log, data_dir)
    assert again.initial_state()[0] in (HardState(1, 0, 1), HardState(2, 0, 1))
    again.close()


@pytest.mark.parametrize("call", ["fsync", "write", "rename"])
def test_a_new_segment_that_fails_leaves_the_old_one(
    log: Wal, data_dir: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    before = state(log)
    files = {path: path.read_bytes() for path in segments(data_dir)}
    with monkeypatch.context() as broken:
        broken.setattr(os, call, fails(errno.ENOSPC))
        with pytest.raises(WalFailed, match="No space left on device"):
            log.compact(Snapshot(3, 1, FIRST.configuration))
        log.close()
        with pytest.raises(WalError, match=r"cannot write to data_dir .*: No space left on device; what was there is"):
            opened(data_dir)
    assert {path: path.read_bytes() for path in segments(data_dir)} == files
    again = opened(data_dir)
    assert state(again) == before
    again.close()


def test_what_is_read_is_written_anew(log: Wal, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page cache may show what a failed sync dropped: the next process does not believe it is on the disk."""
    synced: list[Path] = []
    really = os.fsync

    def fsync(fd: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{fd}")))
        really(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    again = reopened(log, data_dir)
    assert synced == [data_dir / "log-0000000000000002.new", data_dir]
    assert segments(data_dir) == [data_dir / "log-0000000000000002"]
    again.close()


# -- a copy before a recovery


def test_a_copy_can_be_gone_back_to(log: Wal, data_dir: Path) -> None:
    before = state(log)
    copy = Path(log.backup())
    assert copy.name.startswith("log-0000000000000001.2")
    log.save(HardState(7, 1, 3), snapshot=Snapshot(3, 1, configuration([1])))
    again = reopened(log, data_dir)
    assert copy.exists()
    again.close()
    for path in segments(data_dir):
        if path != copy:
            path.unlink()
    copy.rename(data_dir / copy.name.partition(".")[0])
    again = opened(data_dir)
    assert state(again) == before
    again.close()


def test_a_copy_that_fails_changes_nothing(log: Wal, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fails(errno.ENOSPC))
        with pytest.raises(WalError, match=r"no copy of the log could be made in .*: No space left on device"):
            log.backup()
    assert len(segments(data_dir)) == 1
    log.save(HardState(2, 0, 1))
    assert log.initial_state()[0] == HardState(2, 0, 1)


# -- killed at any moment

SAVER = """
import itertools, sys
from alived.adapters import wal_files
from alived.raft.messages import Entry, HardState, Snapshot

wal_files.SEGMENT_BYTES = 20_000
log = wal_files.Wal.open(sys.argv[1], node="a", cluster_id="blue")
for term in itertools.count(log.initial_state()[0].term + 1):
    log.save(HardState(term, 1, 0), [Entry(term, log.last_index + 1, b"e" * 300)])
    if log.last_index - log.first_index > 20:
        index = log.last_index - 5
        log.compact(Snapshot(index, log.term(index)))
    print(term, flush=True)
"""


def test_killed_at_any_moment(data_dir: Path) -> None:
    """Really: a process that saves all the time keeps every promise, and no directory is ever unusable."""
    promised = 0
    for patience in range(0, 60, 7):
        saver = subprocess.Popen([sys.executable, "-c", SAVER, str(data_dir)], stdout=subprocess.PIPE, text=True)
        assert saver.stdout is not None
        for _ in range(1 + patience):
            promised = int(saver.stdout.readline())
        saver.kill()
        heard = saver.stdout.read().splitlines()
        saver.wait()
        saver.stdout.close()
        promised = int(heard[-1]) if heard else promised
        log = opened(data_dir)
        assert log.initial_state()[0].term in (promised, promised + 1)
        assert log.term(log.last_index) == log.initial_state()[0].term
        log.close()


# -- a crash at any moment

command = st.one_of(
    st.tuples(st.just("vote"), st.integers(1, 3), st.booleans()),
    st.tuples(st.just("append"), st.integers(0, 3), st.sampled_from([3, 700, 1500])),
    st.tuples(st.just("append unsynced"), st.integers(0, 3), st.sampled_from([3, 700, 1500])),
    st.tuples(st.just("compact"), st.integers(0, 3), st.just(0)),
    st.tuples(st.just("restore"), st.integers(1, 3), st.just(0)),
)


class Play:
    """Runs commands; knows the state after each, and what was promised at each operation of the disk."""

    def __init__(self, directory: Path, recorder: Recorder) -> None:
        self._recorder = recorder
        self.log = opened(directory)
        self.states = [state(self.log)]
        self.promised: list[tuple[int, int]] = []
        """(operations until then, number of the state that must survive)"""

    def run(self, commands: Sequence[tuple[str, int, Any]]) -> None:
        for kind, number, more in commands:
            term = self.log.initial_state()[0].term + 1
            last = self.log.last_index
            match kind:
                case "vote":
                    self.log.save(HardState(term, number, 0), sync=more)
                case "append" | "append unsynced":
                    first = max(last + 1 - number, self.log.first_index)
                    entries = [Entry(term, index, b"e" * more) for index in range(first, first + 2)]
                    self.log.save(HardState(term, 0, 0), entries, sync=kind == "append")
                case "compact":
                    index = max(last - number, self.log.first_index - 1)
                    more = index >= self.log.first_index
                    self.log.compact(Snapshot(index, self.log.term(index) or 0, FIRST.configuration, b"s" * 600))
                case _:
                    self.log.save(HardState(term, 0, 0), snapshot=Snapshot(last + number, term, FIRST.configuration))
            self.states.append(state(self.log))
            if kind == "restore" or (more and kind != "append unsynced"):
                self.promised.append((len(self._recorder.operations), len(self.states) - 1))

    def may_survive(self, moment: int) -> list[object]:
        least = max((number for operations, number in self.promised if operations <= moment), default=0)
        return self.states[least:]


@settings(max_examples=150, deadline=None)
@given(st.lists(command, min_size=1, max_size=8), st.data())
def test_a_crash_at_any_moment(
    tmp_path_factory: pytest.TempPathFactory, commands: list[tuple[str, int, Any]], data: st.DataObject
) -> None:
    """Whatever part of what was not synced reaches the disk: what was promised is there, in a state that once was."""
    tmp_path = tmp_path_factory.mktemp("crash")
    directory = tmp_path / "data"
    directory.mkdir()
    recorder = Recorder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wal_files, "os", recorder)
        patch.setattr(wal_directory, "os", recorder)
        patch.setattr(wal_files, "SEGMENT_BYTES", 4000)
        play = Play(directory, recorder)
        play.run(commands)
        play.log.close()
    moment = data.draw(st.integers(0, len(recorder.operations)), label="moment")
    crashed = tmp_path / "crashed"
    recorder.crash(moment, crashed, lambda below: data.draw(st.integers(0, below - 1)))
    log = opened(crashed)
    assert state(log) in play.may_survive(moment)
    assert len(segments(crashed)) == (0 if log.blank else 1)
    log.close()
