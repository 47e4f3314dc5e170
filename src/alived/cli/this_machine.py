"""What this machine has of what a configuration names. Without privileges, and read-only but for the kernel lease: root
tries it with a table that is gone a moment later."""

from __future__ import annotations

import functools
import grp
import ipaddress
import os
import pwd
import stat

from alived.adapters import lease_probe
from alived.adapters.key_files import KeyFileError, read_keys
from alived.adapters.netlink import Requests
from alived.adapters.script_files import unsafe_part
from alived.config.rules.files import FileFacts, FilePlace
from alived.config.rules.here import ScriptState
from alived.wire import rtnetlink
from alived.wire.rtnetlink import Address, Link

Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


class ThisMachine:
    """Looked at when it is first asked. A kernel that does not answer has nothing that could be verified."""

    @functools.cached_property
    def _interfaces(self) -> dict[str, list[Interface]]:
        requests = Requests()
        try:
            names = {link.index: link.name for link in requests.dump(rtnetlink.RTM_GETLINK) if isinstance(link, Link)}
            found: dict[str, list[Interface]] = {name: [] for name in names.values()}
            for one in requests.dump(rtnetlink.RTM_GETADDR):
                if isinstance(one, Address) and one.index in names:
                    address = ipaddress.ip_address(one.local)
                    found[names[one.index]].append(ipaddress.ip_interface(f"{address}/{one.prefix_length}"))
        except OSError:
            return {}
        finally:
            requests.close()
        return found

    def has_interface(self, name: str) -> bool:
        return name in self._interfaces

    def has_address(self, address: str) -> bool:
        return any(str(one.ip) == address for found in self._interfaces.values() for one in found)

    def covers(self, interface: str, address: str) -> bool:
        wanted = ipaddress.ip_address(address)
        return any(wanted in one.network for one in self._interfaces.get(interface, ()))

    def why_no_key(self, path: str) -> str | None:
        try:
            read_keys([path])
        except KeyFileError as error:
            return None if isinstance(error.__cause__, PermissionError) and os.geteuid() else str(error)
        return ""

    @functools.cached_property
    def _why_no_kernel_lease(self) -> str | None:
        return lease_probe.why_not()

    def why_no_kernel_lease(self) -> str | None:
        return self._why_no_kernel_lease

    def has_user(self, name: str) -> bool:
        return _knows(pwd.getpwnam, name)

    def has_group(self, name: str) -> bool:
        return _knows(grp.getgrnam, name)

    def script(self, path: str) -> ScriptState:
        try:
            mode = os.stat(path).st_mode
            if not stat.S_ISREG(mode) or not mode & 0o111:
                return ScriptState.NOT_EXECUTABLE
            return ScriptState.REPLACEABLE if unsafe_part(path) else ScriptState.FINE
        except (OSError, ValueError):
            return ScriptState.MISSING

    def file(self, path: str) -> FileFacts:
        """Root, if root asks; else whoever asks, who may be the account of the daemon."""
        try:
            status = os.stat(path)
        except PermissionError:
            return FileFacts(FilePlace.HIDDEN)
        except (OSError, ValueError):
            return FileFacts(FilePlace.MISSING)
        if not stat.S_ISREG(status.st_mode):
            return FileFacts(FilePlace.NO_FILE)
        is_root = os.geteuid() == 0
        if not is_root and not os.access(path, os.R_OK):
            return FileFacts(FilePlace.HIDDEN)
        return FileFacts(
            FilePlace.HERE,
            mode=stat.S_IMODE(status.st_mode),
            owner=_user_name(status.st_uid),
            is_ours=status.st_uid in (0, os.geteuid()),
            is_readable=not is_root or _lets_root_in(path),
        )


def _lets_root_in(path: str) -> bool:
    """Whether root could read it without capabilities: like anybody else, by owner, group and mode."""
    parts = os.path.realpath(path).split("/")
    above = (os.stat("/".join(parts[:depth]) or "/") for depth in range(1, len(parts)))
    return _grants(os.stat(path), 0o4) and all(_grants(directory, 0o1) for directory in above)


def _grants(status: os.stat_result, right: int) -> bool:
    shift = 6 if status.st_uid == 0 else 3 if status.st_gid == 0 else 0
    return bool(status.st_mode >> shift & right)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _knows(lookup: object, name: str) -> bool:
    assert callable(lookup)
    try:
        lookup(name)
    except (KeyError, ValueError):
        return False
    return True
