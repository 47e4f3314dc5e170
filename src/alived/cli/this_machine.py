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


def _knows(lookup: object, name: str) -> bool:
    assert callable(lookup)
    try:
        lookup(name)
    except (KeyError, ValueError):
        return False
    return True
