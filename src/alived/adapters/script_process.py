"""Starts a program of the operator's: in a session of its own, with nothing of ours, as whoever starts it.

fork(2) copies the page tables of a process that has a Python in it, and what either side touches afterwards costs a
fault: 3 ms of CPU for a program that needs 0.9. posix_spawn(3) shares the memory until the program is there, 0.1 ms. It
cannot change the user: programs of other accounts are spawned by a process that is that account (`starter`).
"""

from __future__ import annotations

import contextlib
import errno
import functools
import grp
import os
import pwd
import signal
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from alived.base import AlivedError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_USER = "keepalived_script"
"""keepalived's name for the user of scripts that say nothing else, if the machine has it; root otherwise."""
_DEFAULT_SIGNALS = (
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM),
    *(signal.SIGPIPE, signal.SIGXFSZ, signal.SIGABRT),
)
"""What Python, we or whoever started us may ignore; handlers end by themselves when a program begins."""


class ScriptError(AlivedError):
    """A script that cannot be started; the text is for the operator."""


class Account:
    """Who a script runs as."""

    def __init__(self, user: str, group: str) -> None:
        """user "": DEFAULT_USER or root; group "": the user's own. Raises ScriptError for one that is unknown."""
        entry = _user(user)
        self.name = entry.pw_name
        self.uid = entry.pw_uid
        self.gid = _gid(group) if group else entry.pw_gid
        self.home = entry.pw_dir

    @property
    def is_ours(self) -> bool:
        """Whether a program that inherits who we are is who it should be."""
        mine = self.uid == os.geteuid() and self.gid == os.getegid()
        # Without privileges there is no choice as to the other groups.
        return mine and (os.geteuid() != 0 or set(os.getgroups()) <= {self.gid})

    def become(self) -> None:
        """For good: nothing of who we were is left, capabilities included. Raises OSError."""
        os.setgroups([])
        os.setresgid(self.gid, self.gid, self.gid)
        os.setresuid(self.uid, self.uid, self.uid)

    def environment(self) -> dict[str, str]:
        """All that a program finds in its environment, besides what it is told."""
        names = dict.fromkeys(("USER", "LOGNAME"), self.name)
        return {"PATH": PATH, "HOME": self.home, **names, "LANG": "C.UTF-8"}


class Program(msgspec.Struct, array_like=True):
    """What is to run. Bytes, as the kernel has them."""

    argv: list[bytes]
    environment: dict[bytes, bytes]

    @classmethod
    def of(cls, argv: Sequence[str], environment: Mapping[str, str]) -> Program:
        both = {os.fsencode(name): os.fsencode(value) for name, value in environment.items()}
        return cls([os.fsencode(word) for word in argv], both)


def account_of(user: str, group: str) -> Account:
    """As `Account`, but asks for it again only when the files of users and groups have changed: the question costs as
    much as all else that we do for a run. What else answers it (LDAP) is believed as long as we live."""
    return _account(user, group, _changed_ns("/etc/passwd"), _changed_ns("/etc/group"))


@functools.lru_cache(maxsize=64)
def _account(user: str, group: str, _users_ns: int, _groups_ns: int) -> Account:
    return Account(user, group)


def _changed_ns(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return 0


def _user(name: str) -> pwd.struct_passwd:
    if not name:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(DEFAULT_USER)
        return pwd.getpwuid(os.geteuid())
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise ScriptError(f"there is no user {name}") from None


def _gid(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise ScriptError(f"there is no group {name}") from None


def spawn(program: Program, output: int, opened: int | None = None) -> int:
    """Gives its process number. It begins in our current directory, see `in_the_root_directory`. Raises ScriptError.

    output: what it prints goes there. opened: the opened program, which runs in place of whatever argv[0] names by
    now. The program has that file open: an interpreter reads it as /proc/self/fd/N, which is then its $0.
    """
    _inherit_nothing()
    actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_DUP2, output, 1),
        (os.POSIX_SPAWN_DUP2, output, 2),
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
    ]
    path = program.argv[0]
    if opened is not None:
        path = b"/proc/self/fd/%d" % opened
        actions.append((os.POSIX_SPAWN_DUP2, opened, opened))  # it stays open
    try:
        return os.posix_spawn(
            path,
            program.argv,
            program.environment,
            file_actions=actions,
            setsid=True,
            setsigmask=(),
            setsigdef=_DEFAULT_SIGNALS,
        )
    except (OSError, ValueError) as error:
        name = os.fsdecode(program.argv[0])
        raise ScriptError(f"{name}: {_why_not_started(error, name)}") from error


@functools.cache
def _inherit_nothing() -> None:
    """What whoever started us left open closes in programs that we start; what Python opens does anyway."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            with contextlib.suppress(OSError):  # listdir's own is gone already
                os.set_inheritable(int(name), False)


@contextlib.contextmanager
def in_the_root_directory() -> Iterator[None]:
    before = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.chdir("/")
        yield
    finally:
        os.fchdir(before)
        os.close(before)


def _why_not_started(error: Exception, path: str) -> str:
    """What execve(2) says, in terms of the file where it means something else than it seems to say."""
    match error:
        case FileNotFoundError() if os.path.exists(path):
            return "the interpreter that its first line names is not there (line ends of Windows?)"
        case OSError(errno=errno.ENOEXEC):
            return "neither a program nor a script: its first line does not begin with #!"
        case OSError(strerror=str(reason)):
            return reason
        case _:
            return str(error)
