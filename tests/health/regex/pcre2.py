"""The real PCRE2, if this machine has it: the oracle."""

from __future__ import annotations

import ctypes
import ctypes.util

OPTIONS = {
    "allow_empty_class": 0x1,
    "caseless": 0x8,
    "dollar_endonly": 0x10,
    "dotall": 0x20,
    "extended": 0x80,
    "firstline": 0x100,
    "multiline": 0x400,
    "ungreedy": 0x40000,
    "utf": 0x80000,
    "alt_circumflex": 0x200000,
}
_DUPNAMES = 0x40
_NAME = ctypes.util.find_library("pcre2-8")
AVAILABLE = _NAME is not None


class Pcre2:
    """Patterns that are compiled are kept."""

    def __init__(self) -> None:
        assert _NAME is not None
        self._lib = ctypes.CDLL(_NAME)
        for function in (self._lib.pcre2_compile_8, self._lib.pcre2_match_data_create_8):
            function.restype = ctypes.c_void_p
        self._data = ctypes.c_void_p(self._lib.pcre2_match_data_create_8(1, None))
        self._known: dict[tuple[bytes, int], ctypes.c_void_p | None] = {}

    def search(self, pattern: bytes, options: tuple[str, ...], subject: bytes, start: int = 0) -> bool | None:
        """None: it is no pattern."""
        code = self._compile(pattern, _DUPNAMES + sum(OPTIONS[name] for name in set(options)))
        if code is None:
            return None
        size, at = ctypes.c_size_t(len(subject)), ctypes.c_size_t(start)
        found: int = self._lib.pcre2_match_8(code, subject, size, at, 0, self._data, None)
        return found >= 0

    def _compile(self, pattern: bytes, options: int) -> ctypes.c_void_p | None:
        key = pattern, options
        if key not in self._known:
            error, where = ctypes.c_int(), ctypes.c_size_t()
            size = ctypes.c_size_t(len(pattern))
            code = self._lib.pcre2_compile_8(
                pattern, size, ctypes.c_uint32(options), ctypes.byref(error), ctypes.byref(where), None
            )
            self._known[key] = ctypes.c_void_p(code) if code else None
        return self._known[key]
