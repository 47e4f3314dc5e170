"""alived.adapters.pcap: capture files of every flavour, damaged ones, and a live capture."""

from __future__ import annotations

import io
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alived.adapters.pcap import CaptureError, Frame, capture, read_frames
from alived.wire import inet
from tests.corpus import PCAP, captured, captures

SOURCE_MAC = bytes.fromhex("02005e100001")
PACKET = inet.ipv4_header("192.0.2.1", "224.0.0.18", 4, 112) + b"VRRP"
PACKET6 = inet.ipv6_header("fe80::1", "ff02::12", 4, 112) + b"VRRP"
ETHERNET = inet.ethernet_header(bytes.fromhex("01005e000012"), SOURCE_MAC, 0x0800) + PACKET


def pcap(
    *packets: bytes, linktype: int = 1, order: str = "<", magic: int = 0xA1B2C3D4, fraction: int = 500_000
) -> bytes:
    records = b"".join(struct.pack(order + "IIII", 10, fraction, len(data), len(data)) + data for data in packets)
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, linktype) + records


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    length = 12 + len(body)
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", length)


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(linktype: int = 1, options: bytes = b"", order: str = "<") -> bytes:
    return block(1, struct.pack(order + "HHI", linktype, 0, 65535) + options, order)


def enhanced(data: bytes, ticks: int, order: str = "<", index: int = 0) -> bytes:
    fixed = struct.pack(order + "5I", index, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
    return block(6, fixed + data + bytes(-len(data) % 4), order)


def read(data: bytes) -> list[Frame]:
    return list(read_frames(io.BytesIO(data), "FILE"))


def error_of(data: bytes) -> str:
    with pytest.raises(CaptureError) as error:
        read(data)
    assert str(error.value).startswith("FILE: ")
    return str(error.value)


# -- pcap --


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "fraction"), [(0xA1B2C3D4, 500_000), (0xA1B23C4D, 500_000_000)])
def test_pcap_of_both_byte_orders_and_resolutions(order: str, magic: int, fraction: int) -> None:
    frames = read(pcap(ETHERNET, ETHERNET, order=order, magic=magic, fraction=fraction))
    assert frames == [Frame(10_500_000_000, ETHERNET)] * 2


def test_a_file_without_packets() -> None:
    assert read(pcap()) == []


def test_every_capture_of_the_corpus_is_read_as_the_index_has_it() -> None:
    for entry in captures():
        with (PCAP / entry["file"]).open("rb") as stream:
            frames = list(read_frames(stream, entry["file"]))
        assert [frame.data for frame in frames] == [p.frame for p in captured() if p.file == entry["file"]]
        for frame, packet in zip(frames, entry["packets"], strict=True):
            assert (frame.time_ns - frames[0].time_ns) / 1e9 == pytest.approx(packet["t"], abs=1e-6)


@pytest.mark.parametrize("linktype", [12, 14, 101, 228])
def test_raw_ip(linktype: int) -> None:
    (frame,) = read(pcap(PACKET, linktype=linktype))
    assert frame.data == inet.ethernet_header(bytes(6), bytes(6), 0x0800) + PACKET


def test_raw_ipv6() -> None:
    (frame,) = read(pcap(PACKET6, linktype=229))
    assert frame.data == inet.ethernet_header(bytes(6), bytes(6), 0x86DD) + PACKET6


@pytest.mark.parametrize(("packet_type", "destination"), [(0, bytes(6)), (1, b"\xff" * 6), (2, bytes(6))])
def test_linux_cooked(packet_type: int, destination: bytes) -> None:
    expected = inet.ethernet_header(destination, SOURCE_MAC, 0x0800) + PACKET
    cooked = struct.pack("!HHH8sH", packet_type, 1, 6, SOURCE_MAC, 0x0800) + PACKET
    assert read(pcap(cooked, linktype=113))[0].data == expected
    cooked2 = struct.pack("!HHIHBB8s", 0x0800, 0, 3, 1, packet_type, 6, SOURCE_MAC) + PACKET
    assert read(pcap(cooked2, linktype=276))[0].data == expected


def test_cooked_without_an_address() -> None:
    cooked = struct.pack("!HHH8sH", 0, 65534, 0, bytes(8), 0x0800) + PACKET
    assert read(pcap(cooked, linktype=113))[0].data[6:12] == bytes(6)


# -- pcapng --


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng(order: str) -> None:
    nanoseconds = struct.pack(order + "HHB3x", 9, 1, 9)
    binary = struct.pack(order + "HH4s", 2, 3, b"veth") + struct.pack(order + "HHB3x", 9, 1, 0x80 | 10)
    data = (
        section(order)
        + interface(order=order)
        + interface(options=nanoseconds, order=order)
        + interface(options=binary, order=order)
        + block(4, b"a name resolution block!", order)
        + enhanced(ETHERNET, 10_500_000, order)
        + enhanced(ETHERNET, 10_500_000_000, order, index=1)
        + enhanced(ETHERNET, 10 * 1024 + 512, order, index=2)
        + block(3, struct.pack(order + "I", len(ETHERNET)) + ETHERNET + bytes(-len(ETHERNET) % 4), order)
    )
    timed = Frame(10_500_000_000, ETHERNET)
    assert read(data) == [timed, timed, timed, Frame(0, ETHERNET)]


def test_pcapng_of_two_sections_in_different_byte_orders() -> None:
    data = b"".join(section(order) + interface(order=order) + enhanced(ETHERNET, 1, order) for order in "<>")
    assert read(data) == [Frame(1_000, ETHERNET)] * 2


@pytest.mark.skipif(shutil.which("editcap") is None, reason="needs editcap")
def test_pcapng_of_another_program(tmp_path: os.PathLike[str]) -> None:
    name = captures()[0]["file"]
    converted = os.path.join(tmp_path, "converted.pcapng")
    subprocess.run(["editcap", "-F", "pcapng", PCAP / name, converted], check=True, capture_output=True)
    with open(converted, "rb") as new, (PCAP / name).open("rb") as old:
        assert list(read_frames(new, "new")) == list(read_frames(old, "old"))


# -- damage --


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"root:x:0:0:", "neither pcap nor pcapng"),
        (b"\xd4", "neither pcap nor pcapng"),
        (pcap()[:20], "truncated"),
        (pcap(ETHERNET)[:-1], "truncated"),
        (pcap(ETHERNET)[:30], "truncated"),
        (pcap() + struct.pack("<IIII", 0, 0, 0xFFFFFFFF, 0), "damaged: a record of 4294967295 octets"),
        (pcap(linktype=105), "link type 105"),
        (pcap(b"short", linktype=113), "damaged: a cooked header of 5 octets"),
        (pcap(bytes(19), linktype=276), "damaged: a cooked header of 19 octets"),
        (section()[:8], "truncated"),
        (section()[:8] + b"\0\0\0\0", "damaged: byte order magic"),
        (struct.pack("<III", 0x0A0D0D0A, 8, 0x1A2B3C4D), "damaged: a record of -4 octets"),
        (section() + b"\6\0", "truncated"),
        (section() + struct.pack("<II", 6, 7), "damaged: a record of -1 octets"),
        (section() + interface(linktype=105), "link type 105"),
        (section() + block(1, bytes(4)), "damaged: interface description of 4 octets"),
        (section() + block(6, bytes(4)), "damaged: packet block of 4 octets"),
        (section() + enhanced(ETHERNET, 1), "on interface 0"),
        (section() + interface() + block(6, struct.pack("<5I", 0, 0, 0, 99, 99)), "packet block of 99 octets"),
    ],
)
def test_damaged_files(data: bytes, words: str) -> None:
    assert words in error_of(data)


def test_frames_before_the_damage_are_told() -> None:
    frames = read_frames(io.BytesIO(pcap(ETHERNET, ETHERNET)[:-1]), "FILE")
    assert next(frames).data == ETHERNET
    with pytest.raises(CaptureError):
        next(frames)


@given(st.binary(max_size=120), st.sampled_from([b"", pcap(), pcap()[:4], section(), section() + interface()]))
def test_garbage_raises_nothing_but_capture_errors(garbage: bytes, head: bytes) -> None:
    try:
        frames = read(head + garbage)
    except CaptureError as error:
        assert str(error).startswith("FILE: ")
    else:
        assert all(isinstance(frame.data, bytes) for frame in frames)


# -- live --


def test_an_interface_that_is_not_there() -> None:
    with pytest.raises(CaptureError, match="nonexistent0: "):
        next(capture("nonexistent0"))


def test_capturing_without_the_right_to(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> socket.socket:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("alived.adapters.pcap.socket.socket", refuse)
    with pytest.raises(CaptureError, match="all interfaces: capturing needs CAP_NET_RAW"):
        next(capture(""))


SENDING = """
import contextlib, fcntl, itertools, os, socket, struct, subprocess, threading, time
from alived.adapters.pcap import capture

@contextlib.contextmanager
def sending(send):
    '''Sends again and again, as nobody knows when the capture begins to listen.'''
    enough = threading.Event()
    def run():
        while not enough.wait(0.05):
            send()
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()
"""


@pytest.mark.lab
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network namespace")
class TestLive:
    def test_only_what_concerns_virtual_addresses_is_captured(self, in_namespace: Callable[[str], str]) -> None:
        script = f"""
subprocess.run("ip link add left type veth peer name right; ip link set left up; ip link set right up",
               shell=True, check=True)
frames = capture("right")
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
sender.bind(("left", 0))
ethernet = bytes.fromhex("{ETHERNET.hex()}")
def ipv4(protocol): return ethernet[:23] + bytes([protocol]) + ethernet[24:]
def ipv6(next_header, kind=0):
    return ethernet[:12] + b"\\x86\\xdd\\x60" + bytes(5) + bytes([next_header]) + bytes(33) + bytes([kind]) + bytes(8)
wanted = [ethernet[:12] + b"\\x08\\x06" + bytes(46), ipv4(112), ipv4(51), ipv6(112), ipv6(58, 135), ipv6(58, 136)]
others = [ipv4(17), ipv6(17), ipv6(58, 128), ethernet[:12] + b"\\x88\\xcc" + bytes(46)]
with sending(lambda: [sender.send(frame) for frame in others + wanted]):
    mine = [frame for frame in itertools.islice((f for f in frames if f.data[6:12] == ethernet[6:12]), 20)]
assert {{frame.data for frame in mine}} == set(wanted), mine
assert {{frame.interface for frame in mine}} == {{"right"}}
assert all(abs(frame.time_ns - time.time_ns()) < 3600e9 for frame in mine)
print("captured")
"""
        assert in_namespace(script) == "captured\n"

    def test_raw_interfaces_have_no_ethernet_header(self, in_namespace: Callable[[str], str]) -> None:
        script = f"""
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH22x", b"raw0", 0x1001))  # TUNSETIFF, IFF_TUN | IFF_NO_PI
subprocess.run("ip link set raw0 up; sysctl -qw net.ipv6.conf.raw0.disable_ipv6=1", shell=True, check=True)
frames = capture("")
packet = bytes.fromhex("{PACKET.hex()}")
with sending(lambda: os.write(tun, packet)):
    frame = next(frame for frame in frames if frame.data[14:15] == b"E")
assert frame.data == bytes(12) + b"\\x08\\0" + packet, frame
assert frame.interface == "raw0"
print("captured")
"""
        if not os.path.exists("/dev/net/tun"):
            pytest.skip("no tun device")
        assert in_namespace(script) == "captured\n"

    @pytest.fixture
    def in_namespace(self) -> Callable[[str], str]:
        """Runs a Python script in a new network namespace, which ends with it, and returns what it printed."""
        if shutil.which("unshare") is None:
            pytest.skip("needs unshare")

        def run(script: str) -> str:
            command = ["unshare", "--net", sys.executable, "-c", SENDING + script]
            done = subprocess.run(command, capture_output=True, text=True, timeout=100)
            assert done.returncode == 0, done.stderr
            return done.stdout

        return run
