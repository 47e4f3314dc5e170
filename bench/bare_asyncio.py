"""`python -m bench.bare_asyncio KIND FIRST COUNT`: the same checks as a short asyncio program makes them.

No configuration, no verdicts, no history, no limit on what a server may send: the least that asyncio can cost.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys

REQUEST = b"GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"
INTERVAL_S = 1.0
TIMEOUT_S = 1.0


async def tcp(loop: asyncio.AbstractEventLoop, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        await loop.sock_connect(sock, ("127.0.0.1", port))
    return True


async def http(loop: asyncio.AbstractEventLoop, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        await loop.sock_connect(sock, ("127.0.0.1", port))
        await loop.sock_sendall(sock, REQUEST)
        answer = b""
        while piece := await loop.sock_recv(sock, 4096):
            answer += piece
    return answer.split(b" ", 2)[1] == b"200"


def https(context: ssl.SSLContext) -> object:
    async def check(_loop: asyncio.AbstractEventLoop, port: int) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        writer.write(REQUEST)
        answer = await reader.read()
        writer.close()
        return answer.split(b" ", 2)[1] == b"200"

    return check


async def repeat(check: object, port: int, first_at: float, failures: list[int]) -> None:
    loop, at = asyncio.get_running_loop(), first_at
    while True:
        await asyncio.sleep(at - loop.time())
        try:
            async with asyncio.timeout(TIMEOUT_S):
                good = await check(loop, port)  # type: ignore[operator]
        except (OSError, TimeoutError):
            good = False
        failures[0] += not good
        at += INTERVAL_S


async def main(kind: str, first: int, count: int) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    check = {"tcp": tcp, "http": http, "https": https(context)}[kind]
    failures, begin = [0], asyncio.get_running_loop().time()
    await asyncio.gather(*(repeat(check, first + k, begin + INTERVAL_S * k / count, failures) for k in range(count)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
