"""A keepalived that sees processes: the kernel tells nobody of them in another network namespace than the first."""

from __future__ import annotations

from alived.cli.demo_daemons import Keepalived


class EnteringKeepalived(Keepalived):
    """Begins in the namespace of the test and enters its own by itself (`net_namespace`): its socket for process events
    stays where it was opened. It logs details, as what becomes of quorums."""

    def launch(self) -> list[str]:
        word = f"net_namespace {self.namespace}\n"
        text = self.config.read_text()
        self.config.write_text(word + text.removeprefix(word))
        return [*self.command(), "-D"]
