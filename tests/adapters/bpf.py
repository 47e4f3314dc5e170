"""Runs a classic BPF program as the kernel would: the few instructions that our filters are made of."""

from __future__ import annotations

import struct


def run(program: bytes, packet: bytes) -> int:
    """How many octets of the packet the filter lets through. A load beyond the packet ends with 0, as in the kernel."""
    lines = [struct.unpack_from("@HBBI", program, offset) for offset in range(0, len(program), 8)]
    accumulator = index = at = 0
    while True:
        code, jump_true, jump_false, k = lines[at]
        at += 1
        try:
            if code == 0x20:  # ldw
                accumulator = struct.unpack_from("!I", packet, k)[0]
            elif code == 0x30:  # ldb
                accumulator = packet[k]
            elif code == 0x50:  # ldb [x + k]
                accumulator = packet[index + k]
            elif code == 0xB1:  # ldx 4 * ([k] & 0xf)
                index = 4 * (packet[k] & 0x0F)
            elif code == 0x15:  # jeq
                at += jump_true if accumulator == k else jump_false
            elif code == 0x06:  # ret
                return k
            else:
                raise AssertionError(f"instruction {code:#x} is not one of ours")
        except (IndexError, struct.error):
            return 0
