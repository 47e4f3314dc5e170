"""What this daemon leaves on the machine, beyond its own processes, and what takes it away again: addresses, tables of
nftables, borrowed kernel settings, scripts that outlived their worker."""

from __future__ import annotations

from collections.abc import Callable

from alived.adapters.loop import Loop
from alived.adapters.nft import NftError
from alived.adapters.runtime_dir import RuntimeDir
from alived.config.model import Config
from alived.daemon.engine.accept_mode import AcceptMode
from alived.daemon.parent.borrowed import Borrowed
from alived.daemon.parent.kernel_lease import KernelLeases
from alived.daemon.parent.parts import Reap
from alived.daemon.shared.messages import KernelSettings
from alived.daemon.worker.left_scripts import LeftScripts

Note = Callable[[str, str, str], None]


class Footprint:
    def __init__(self, loop: Loop, directory: RuntimeDir, config: Config, reap: Reap, note: Note) -> None:
        """reap: removes the addresses that an engine with a configuration may have left."""
        self._remove_addresses = reap
        self._note = note
        self._boundable = [config]
        """Configurations whose addresses the engine may have bound: more than one while reloads are on their way."""
        self._accept_mode = AcceptMode(directory.path)
        self._borrowed = Borrowed(directory)
        self.kernel_leases = KernelLeases(loop, directory, note)
        self.left_scripts = LeftScripts(directory, note)

    def clear(self) -> None:
        """Of a former life, before the first fork."""
        self.reap()
        self.left_scripts.kill()

    def enforce(self, config: Config) -> None:
        """The rules of the firewall that this configuration needs."""
        self._guard(lambda: self._accept_mode.enforce(config))
        self.kernel_leases.enforce(config)

    def lift(self) -> None:
        """All of them."""
        self._guard(self._accept_mode.lift)
        self.kernel_leases.lift()

    def adopting(self, config: Config) -> None:
        """The engine is about to take it, and may have taken the ones before."""
        self._boundable.append(config)

    def adopted(self, config: Config) -> None:
        """The engine has taken it, and let go of what it no longer has."""
        self._boundable = [config]

    def borrowed(self, message: KernelSettings) -> None:
        self._borrowed.heard(message.settings, self._note)

    def reap(self) -> bool:
        """When there is no engine. Whether nothing is left."""
        done = True
        for config in self._boundable:
            try:
                for sentence in [*self._remove_addresses(config), *self._borrowed.give_back()]:
                    self._note("warning", "leftover", sentence)
            except OSError as error:
                done = False
                self._note("error", "leftovers-kept", f"cannot remove what an engine left on the network: {error}")
        return done

    def _guard(self, change: Callable[[], None]) -> None:
        try:
            change()
        except NftError as error:
            self._note("error", "no-accept", f"no_accept is not enforced: {error}")
