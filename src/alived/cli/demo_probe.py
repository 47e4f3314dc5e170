"""The client of the demo: pings the VIP every few ms and asks who has it, in a process of its own.

A process, because whoever draws tables now and then stops for longer than the gaps that are to be measured. What it
sees goes to its standard output, a JSON object a line.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time

import msgspec

from alived.cli.demo_wire import Seen, Wire

PERIOD_S = 0.002
"""Between two pings."""
PINGS_PER_QUESTION = 5
"""Between two questions by ARP."""


class Probe:
    """The process, seen by the one who plays."""

    def __init__(self, namespace: str, vip: str, pings_per_question: int = PINGS_PER_QUESTION) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, namespace, vip, str(pings_per_question)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._fd = self._process.stdout.fileno()
        os.set_blocking(self._fd, False)
        self._rest = b""
        self._decoder = msgspec.json.Decoder(Seen)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> Probe:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, timeout: float) -> list[Seen]:
        """What the client saw, after waiting for at most `timeout` seconds for the first of it."""
        select.select([self._fd], [], [], timeout)
        data = self._rest
        while chunk := self._read_some():
            data += chunk
        *lines, self._rest = data.split(b"\n")
        return [self._decoder.decode(line) for line in lines]

    def _read_some(self) -> bytes:
        try:
            chunk = os.read(self._fd, 1 << 16)
        except BlockingIOError:
            return b""
        if not chunk:
            raise RuntimeError(f"The client of the demo has ended with {self._process.wait()}.")
        return chunk


def run(namespace: str, vip: str, pings_per_question: int) -> None:
    """Probes until the other end of standard output is gone."""
    encoder = msgspec.json.Encoder()
    with Wire(namespace) as wire:
        tick, count = time.monotonic(), 0
        while True:
            wire.ping(vip)
            if count % pings_per_question == 0:
                wire.ask(vip)
            count += 1
            tick = max(tick + PERIOD_S, time.monotonic() - PERIOD_S)
            found: list[Seen] = []
            while (left := tick - time.monotonic()) > 0:
                found += wire.read(left)
            if found:
                try:
                    os.write(1, b"".join(encoder.encode(seen) + b"\n" for seen in found))
                except BrokenPipeError:
                    return


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], int(sys.argv[3]))
