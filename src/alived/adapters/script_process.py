"""Starts a program of the operator's: as another user, in a session of its own, with nothing of ours.

fork(2) copies the page tables of a process that has a Python in it, and what either side touches afterwards costs a
fault: 3 ms of CPU for a program that needs 0.9. posix_spawn(3) shares the memory until the program is there, 0.1 ms. It
cannot change the user, so only programs that run as somebody else are forked.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import grp
import os
import pwd
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence

from alived.base import AlivedError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_USER = "keepalived_script"
"""keepalived's name for the user of scripts that say nothing else, if the machine has it; root otherwise."""
_DEFAULT_SIGNALS = (
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM),
    *(signal.SIGPIPE, signal.SIGXFSZ),
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
        return self.uid == os.geteuid() and self.gid == os.getegid()


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


def start_process(
    argv: Sequence[str], account: Account, environment: Mapping[str, str], program_fd: int | None = None
) -> tuple[int, int]:
    """Gives its process number and the end of a pipe, non-blocking, where its output arrives. Raises ScriptError.

    program_fd: the opened program, which runs in place of whatever argv[0] names by now. The program has that file
    open: an interpreter reads it as /proc/self/fd/N, which is then its $0.
    """
    base = {"PATH": PATH, "HOME": account.home, "USER": account.name, "LOGNAME": account.name, "LANG": "C.UTF-8"}
    program = argv[0] if program_fd is None else f"/proc/self/fd/{program_fd}"
    start = _spawn if _is_like_us(account) else _fork
    output, its_output = os.pipe2(os.O_CLOEXEC)
    try:
        pid = start(program, argv, account, base | dict(environment), its_output, program_fd)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        os.close(output)
        raise ScriptError(f"{argv[0]}: {_why_not_started(error, argv[0])}") from error
    finally:
        os.close(its_output)
    os.set_blocking(output, False)
    return pid, output


def _is_like_us(account: Account) -> bool:
    """Whether a program that inherits who we are is who it should be; without privileges there is no choice."""
    return account.is_ours and (os.geteuid() != 0 or set(os.getgroups()) <= {account.gid})


def _spawn(
    program: str,
    argv: Sequence[str],
    _account: Account,
    environment: Mapping[str, str],
    output: int,
    program_fd: int | None,
) -> int:
    _inherit_nothing()
    actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_DUP2, output, 1),
        (os.POSIX_SPAWN_DUP2, output, 2),
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
    ]
    if program_fd is not None:
        actions.append((os.POSIX_SPAWN_DUP2, program_fd, program_fd))  # it stays open
    with _in_the_root_directory():
        return os.posix_spawn(
            program,
            list(argv),
            environment,
            file_actions=actions,
            setsid=True,
            setsigmask=(),
            setsigdef=_DEFAULT_SIGNALS,
        )


@functools.cache
def _inherit_nothing() -> None:
    """What whoever started us left open closes in programs that we start; what Python opens does anyway."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            with contextlib.suppress(OSError):  # listdir's own is gone already
                os.set_inheritable(int(name), False)


@contextlib.contextmanager
def _in_the_root_directory() -> Iterator[None]:
    before = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.chdir("/")
        yield
    finally:
        os.fchdir(before)
        os.close(before)


def _fork(
    program: str,
    argv: Sequence[str],
    account: Account,
    environment: Mapping[str, str],
    output: int,
    program_fd: int | None,
) -> int:
    process = subprocess.Popen(
        list(argv),
        executable=program,
        pass_fds=() if program_fd is None else (program_fd,),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd="/",
        env=environment,
        start_new_session=True,
        restore_signals=True,
        # One thread, so code between fork and exec is safe.
        preexec_fn=_reset_signals,
        user=account.uid,
        group=account.gid,
        extra_groups=[],
    )
    process.returncode = 0  # we wait for it ourselves
    return process.pid


def _reset_signals() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for signum in _DEFAULT_SIGNALS:
        signal.signal(signum, signal.SIG_DFL)


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
