"""The write-ahead log on the disk: a directory with one segment at a time (bytes: `raft.wal`, names: `wal_directory`).

A segment is begun under another name, synced, renamed, and the directory synced, before its predecessor is removed: a
crash at any moment leaves one that is whole. `open` always begins a new one with what it has read. So what this process
goes on from is on the disk, whatever the page cache still showed after a failed sync or a kill, and a damaged or torn
file is never written to.

A write or a sync that fails is final: the kernel may have dropped what it could not write and report success next time.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence

from alived.adapters.wal_directory import WalDirectory, segment_name, write
from alived.adapters.wal_directory import WalError as WalError
from alived.base import AlivedError
from alived.raft import wal
from alived.raft.memory import MemoryStorage
from alived.raft.messages import Entry, HardState, Snapshot

SEGMENT_BYTES = 1 << 20
"""A segment that grew by so much is replaced by a new one, compacted or not: votes and terms alone must not fill a
disk."""


class WalFailed(AlivedError):
    """What should be on the disk may not be there. The process must end, and promise nothing before."""


class Wal:
    """The log of this node. Reads (`raft.log.Storage`) answer from memory; what is saved changes disk, then memory.

    Raises WalFailed from `save` and `compact` when the disk fails, and from then on always.
    """

    def __init__(self, directory: WalDirectory, node: str, cluster_id: str) -> None:
        """For `open`."""
        self._directory = directory
        self._node, self._cluster_id = node, cluster_id
        self._memory = MemoryStorage()
        self._number = 0
        self._fd = -1
        self._begun_bytes = self._bytes = self._synced = 0
        self._failure = ""
        self.notices: list[str] = []
        """Sentences for the log about what `open` found"""

    @classmethod
    def open(cls, directory: str, *, node: str, cluster_id: str) -> Wal:
        """Takes the directory, makes it if only it is missing, and reads what is there. To be closed.

        Raises:
            WalError: It is not accessible, in use, damaged, of another node or cluster, or of a newer alived.
        """
        place = WalDirectory(directory)
        try:
            log = cls(place, node, cluster_id)
            log._recover()
        except OSError as error:
            place.close()
            raise WalError(
                f"cannot write to data_dir {directory}: {error.strerror}; what was there is untouched"
            ) from error
        except BaseException:
            place.close()
            raise
        return log

    @property
    def blank(self) -> bool:
        """Whether nothing was ever saved here."""
        return self._number == 0

    def close(self) -> None:
        """Gives the directory back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._directory.close()

    # -- what the core reads

    def initial_state(self) -> tuple[HardState, Snapshot]:
        return self._memory.initial_state()

    @property
    def first_index(self) -> int:
        return self._memory.first_index

    @property
    def last_index(self) -> int:
        return self._memory.last_index

    def term(self, index: int) -> int | None:
        return self._memory.term(index)

    def entries(self, low: int, high: int) -> Sequence[Entry]:
        return self._memory.entries(low, high)

    def snapshot(self) -> Snapshot | None:
        return self._memory.snapshot()

    # -- what the caller writes

    def save(
        self,
        hard_state: HardState | None = None,
        entries: Sequence[Entry] = (),
        snapshot: Snapshot | None = None,
        sync: bool = True,
    ) -> None:
        """Write what a `Ready` says, all of it or (after a crash) nothing. None: as before.

        Entries replace those of the same index and all after them; a snapshot replaces the whole log.
        sync: it is on the disk when this returns. A snapshot and the first of all saves always are.
        """
        with self._final():
            if snapshot is not None or self.blank:
                first, former = self._memory.initial_state()
                self._begin(self._image(hard_state or first, snapshot or former, entries))
                return
            if hard_state is not None or entries:
                self._append(wal.Saved(synced=self._synced, hard_state=hard_state, entries=tuple(entries)))
            if self._bytes - self._begun_bytes > SEGMENT_BYTES:
                self._begin(self._image_now())
            elif sync and self._synced < self._bytes:
                os.fdatasync(self._fd)
                self._synced = self._bytes

    def compact(self, snapshot: Snapshot) -> None:
        """Drop the entries up to this snapshot, which stands for them from now on. On the disk when this returns."""
        with self._final():
            if snapshot.index >= self.first_index:
                hard_state, _ = self._memory.initial_state()
                kept = self._memory.entries(snapshot.index + 1, self.last_index + 1)
                self._begin(self._image(hard_state, snapshot, kept))

    def backup(self) -> str:
        """Keep a copy of the log as it is now, with the date (UTC) in its name; the name with its directory, "" if the
        log is blank. To go back to it: stop the daemon, remove `log-*` of a higher number, rename the copy to its name
        before the date. Raises WalError if it cannot be written."""
        if self.blank:
            return ""
        name = f"{segment_name(self._number)}.{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{self._bytes}"
        try:
            self._directory.create(name, wal.encode_image(self._image_now()))
        except OSError as error:
            raise WalError(f"no copy of the log could be made in {self._directory.path}: {error.strerror}") from error
        return os.path.join(self._directory.path, name)

    # -- segments

    def _recover(self) -> None:
        number = max(self._directory.segments(), default=0)
        if number:
            recovered = self._read(segment_name(number))
            self._memory, self._number = recovered.memory, number
            self._begin(self._image_now())
        self._directory.remove_all_but(self._number)

    def _read(self, name: str) -> wal.Recovered:
        path = os.path.join(self._directory.path, name)
        try:
            recovered = wal.read(self._directory.content(name))
        except OSError as error:
            raise WalError(f"cannot read {path}: {error.strerror}") from error
        except wal.WalNewer as error:
            raise WalError(f"cannot use {path}: {error}; install the version that wrote it") from error
        except wal.WalUnreadable as error:
            raise WalError(
                f"cannot use {path}: {error}; what this node promised to others may be lost. If a majority of the "
                f"other members is well, move {self._directory.path} away and start: this node gets the log from them"
            ) from error
        self._refuse_foreign(path, recovered.image)
        if recovered.torn_bytes:
            self.notices.append(
                f"the last {recovered.torn_bytes} bytes of {path} were not completely written before a crash: left out"
            )
        return recovered

    def _refuse_foreign(self, path: str, image: wal.Image) -> None:
        if image.node != self._node:
            raise WalError(
                f"{path} is the log of node {image.node}, not of {self._node}: give this node a data_dir of its own, "
                "or its former name"
            )
        if image.cluster_id != self._cluster_id:
            raise WalError(
                f'{path} is the log of a node of cluster "{image.cluster_id}", not of "{self._cluster_id}": '
                "give this cluster a data_dir of its own, or its former cluster_id"
            )

    def _image(self, hard_state: HardState, snapshot: Snapshot, entries: Sequence[Entry]) -> wal.Image:
        return wal.Image(
            node=self._node,
            cluster_id=self._cluster_id,
            hard_state=hard_state,
            snapshot=snapshot,
            entries=tuple(entries),
        )

    def _image_now(self) -> wal.Image:
        return self._image(*self._memory.initial_state(), self._memory.entries(self.first_index, self.last_index + 1))

    def _begin(self, image: wal.Image) -> None:
        """A new segment, which replaces the present one."""
        number, name = self._number + 1, segment_name(self._number + 1)
        data = wal.encode_image(image)
        self._directory.create(name, data)
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._number = self._directory.extend(name), number
        self._memory = image.memory()
        self._begun_bytes = self._bytes = self._synced = len(data)
        self._directory.remove_all_but(number)

    def _append(self, saved: wal.Saved) -> None:
        frame = wal.encode_saved(saved, self._bytes)
        write(self._fd, frame)
        self._bytes += len(frame)
        saved.apply(self._memory)

    @contextlib.contextmanager
    def _final(self) -> Iterator[None]:
        if self._failure:
            raise WalFailed(self._failure)
        try:
            yield
        except OSError as error:
            self._failure = (
                f"the log in data_dir {self._directory.path} could not be written: {error.strerror}; this node "
                "must not go on, as it cannot keep what it promises"
            )
            raise WalFailed(self._failure) from error
