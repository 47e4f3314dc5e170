"""What dialogues have in common: whatever ends one early is a failure, and its reason says what was awaited."""

from __future__ import annotations

from alived.health.dialogue import WAIT, Step, Verdict

SHOWN = 120
"""Octets of what a server said that a reason shows."""


class Conversation:
    """awaited: what the server should send next, e.g. "greeting"."""

    awaited = "answer"

    def secured(self) -> Step:
        """Only a dialogue that asks for TLS hears of it."""
        return WAIT

    def ended(self) -> Verdict:
        return Verdict(False, f"the server ended the connection before its {self.awaited}")

    def broken(self, why: str) -> Verdict:
        return Verdict(False, f"{why} before the {self.awaited}")

    def timed_out(self) -> Verdict:
        return Verdict(False, f"no {self.awaited} in time")


def shown(said: bytes) -> str:
    """The beginning of a server's words in quotes, what is no text in it as escapes."""
    text = said[:SHOWN].decode("utf-8", "backslashreplace").rstrip("\r\n")
    return f'"{printable(text)}"{"..." if len(said) > SHOWN else ""}'


def printable(text: str) -> str:
    """Without anything that could lead a terminal or a log astray."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
