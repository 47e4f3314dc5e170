"""A stand-in for the running daemon, as commands see it."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def success(result: Any) -> Json:
    return {"ok": True, "result": result, "error": ""}


class Daemon:
    """Answers what it is told to answer and remembers the question. `ask` takes the place of the client's."""

    def __init__(self, result: Any) -> None:
        self.answer: Json | Exception = success(result)
        self.asked: tuple[Any, ...] = ()

    def says(self, result: Any) -> None:
        self.answer = success(result)

    def ask(self, *question: Any) -> Json:
        self.asked = question
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer
