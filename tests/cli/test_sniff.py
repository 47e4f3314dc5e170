"""`alived sniff`: its verdicts against tshark's, its lines, and what it does with files that are none."""

from __future__ import annotations

import errno
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from alived.adapters.pcap import CaptureError, Frame
from alived.cli import sniff as module
from alived.cli.sniff import analyse, sniff, text_line
from alived.vrrp.authentication import ah_encode
from alived.vrrp.config import Checksum
from alived.vrrp.packet import Advertisement, encode
from alived.wire import inet, neighbour
from tests.corpus import PCAP, captured, captures

MAC = bytes.fromhex("02005e100001")
SOURCE, GROUP = "192.0.2.1", "224.0.0.18"
VIP = inet.pack_address("192.0.2.100")
ADVERTISEMENT = Advertisement(
    version=2, virtual_router_id=51, priority=100, interval_cs=100, addresses=("192.0.2.100",)
)


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(sniff, arguments, **options)


def json_lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def ipv4_frame(
    message: bytes, *, ttl: int = 255, destination: str = GROUP, protocol: int = 112, **options: int
) -> bytes:
    header = inet.ipv4_header(SOURCE, destination, len(message), protocol, ttl, **options)
    mac = inet.multicast_mac(inet.pack_address(destination))
    return inet.ethernet_header(mac, MAC, inet.ETHERTYPE_IPV4) + header + message


def message(advertisement: Advertisement = ADVERTISEMENT, destination: str = GROUP) -> bytes:
    return encode(advertisement, source=SOURCE, destination=destination)


def verdict(frame: bytes) -> module.Sniffed:
    sniffed = analyse(Frame(1_795_226_723_584_285_000, frame, "eth0"))
    assert sniffed is not None
    return sniffed


def ethernet_pcap(*frames: bytes) -> bytes:
    records = b"".join(struct.pack("<IIII", 10, 0, len(data), len(data)) + data for data in frames)
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) + records


# -- captures --


def expected(packet: dict[str, Any]) -> dict[str, Any]:
    """What the index says about a packet, in the words of `alived sniff`."""
    want: dict[str, Any] = {"source_mac": packet["eth"]["src"], "valid": True, "reason": ""}
    if "vrrp" in packet:
        vrrp, ip = packet["vrrp"], packet["ip"]
        both = vrrp["version"] == 3 and ip["version"] == 4
        interval = vrrp["adver_int_s"] if vrrp["version"] == 2 else vrrp["max_adver_int_cs"] / 100
        want |= {"kind": "vrrp", "source": ip["src"], "destination": ip["dst"]}
        want |= {"ttl": ip.get("ttl", ip.get("hop_limit")), "version": vrrp["version"], "vrid": vrrp["vrid"]}
        want |= {"priority": vrrp["priority"], "addresses": vrrp["addresses"], "interval": interval}
        want["checksum"] = "pseudo_header" if both or vrrp["version"] == 3 else "message_only"
        want["auth_type"] = {0: "none", 1: "PASS", 2: "AH"}[vrrp["auth_type"]] if vrrp["version"] == 2 else None
        want["ah_sequence"] = packet["ah"]["sequence"] if "ah" in packet else None
    elif "arp" in packet:
        arp = packet["arp"]
        plain = "request" if arp["opcode"] == 1 else "reply"
        want |= {"kind": "arp", "source": arp["sender_ip"], "destination": arp["target_ip"], "mac": arp["sender_mac"]}
        want["operation"] = "gratuitous" if arp["gratuitous"] else plain
        want["addresses"] = [arp["sender_ip"] if arp["gratuitous"] or plain == "reply" else arp["target_ip"]]
    else:
        nd, ip = packet["icmpv6"], packet["ip"]
        want |= {"kind": "nd", "source": ip["src"], "destination": ip["dst"], "ttl": 255, "addresses": [nd["target"]]}
        want["operation"] = "solicitation" if nd["type"] == 135 else "advertisement"
        if nd["type"] == 136:
            want |= {"mac": nd["target_link_layer"]} | {key: nd[key] for key in ("router", "solicited", "override")}
    return want


def test_every_capture_is_told_as_tshark_told_it() -> None:
    for entry in captures():
        lines = json_lines(run("--read", str(PCAP / entry["file"]), "--json"))
        assert len(lines) == len(entry["packets"]), entry["file"]
        for line, packet in zip(lines, entry["packets"], strict=True):
            where = f"{entry['file']} packet {packet['no']}"
            want = expected(packet)
            assert {key: line[key] for key in want} == want, where
            assert line["time"] - lines[0]["time"] == pytest.approx(packet["t"], abs=2e-6), where


@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")
def test_one_capture_is_told_as_tshark_tells_it_now() -> None:
    assert captures()
    path = str(PCAP / "v2-pass.pcap")
    fields = ["frame.time_epoch", "ip.src", "vrrp.virt_rtr_id", "vrrp.prio", "vrrp.ip_addr", "arp.src.proto_ipv4"]
    command = ["tshark", "-r", path, "-T", "fields", *(word for field in fields for word in ("-e", field))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    theirs = [line.split("\t") for line in done.stdout.splitlines()]
    ours = json_lines(run("--read", path, "--json"))
    assert len(ours) == len(theirs)
    for line, (moment, source, vrid, priority, addresses, sender) in zip(ours, theirs, strict=True):
        assert line["time"] == pytest.approx(float(moment), abs=2e-6)
        assert line["source"] == (source or sender)
        assert (line["vrid"], line["priority"]) == ((int(vrid), int(priority)) if vrid else (None, None))
        if vrid:
            assert line["addresses"] == addresses.split(",")


@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")
@pytest.mark.parametrize(("option", "checksum"), [("FALSE", Checksum.PSEUDO_HEADER), ("TRUE", Checksum.MESSAGE_ONLY)])
def test_tshark_finds_no_fault_with_what_we_encode(tmp_path: pathlib.Path, option: str, checksum: Checksum) -> None:
    """Checksums of IP, VRRP in both readings and ICMPv6 (status 1: good), and no expert warning."""
    v3 = Advertisement(version=3, virtual_router_id=5, priority=254, interval_cs=10, addresses=("192.0.2.100",))
    v6 = Advertisement(version=3, virtual_router_id=5, priority=254, interval_cs=10, addresses=("fe80::100",))
    target = inet.pack_address("fe80::100")
    message6 = encode(v6, source="fe80::1", destination="ff02::12")
    frames = [
        ipv4_frame(message()),
        ipv4_frame(encode(v3, source=SOURCE, destination=GROUP, checksum=checksum)),
        inet.ethernet_header(MAC, MAC, 0x86DD) + inet.ipv6_header("fe80::1", "ff02::12", len(message6), 112) + message6,
        neighbour.unsolicited_na(MAC, target, target, True),
        neighbour.gratuitous_arp(MAC, VIP),
        neighbour.arp_probe(MAC, VIP),
    ]
    path = tmp_path / "ours.pcap"
    path.write_bytes(ethernet_pcap(*frames))
    fields = [
        "ip.checksum.status",
        "vrrp.checksum.status",
        "icmpv6.checksum.status",
        "_ws.malformed",
        "arp.isgratuitous",
    ]
    command = ["tshark", "-r", str(path), "-o", "ip.check_checksum:TRUE", "-o", f"vrrp.v3_checksum_as_in_v2:{option}"]
    command += ["-T", "fields", *(word for field in fields for word in ("-e", field))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    vrrp4, vrrp6, na = ["1", "1", "", "", ""], ["", "1", "", "", ""], ["", "", "1", "", ""]
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert lines[:4] == [vrrp4, vrrp4, vrrp6, na]
    assert [line[4] for line in lines[4:]] == ["1", ""]


def test_a_json_line_has_the_keys_that_scripts_rely_on() -> None:
    (line,) = json_lines(run("--read", "-", "--json", input=ethernet_pcap(ipv4_frame(message()))))
    keys = {"time", "kind", "version", "vrid", "priority", "addresses", "interval", "ttl", "valid", "reason"}
    assert keys | {"source", "destination", "source_mac", "checksum", "auth_type"} <= set(line)
    assert line["time"] == 10.0


def test_count() -> None:
    data = ethernet_pcap(bytes(60), *[ipv4_frame(message())] * 5)
    assert len(json_lines(run("--read", "-", "--json", "--count", "2", input=data))) == 2


# -- verdicts --


def test_R1_ttl() -> None:
    far = verdict(ipv4_frame(message(), ttl=254))
    assert (far.valid, far.reason, far.vrid) == (False, "ip-ttl-error: TTL 254 instead of 255", 51)
    assert verdict(ipv4_frame(message(), ttl=64, destination="192.0.2.2")).valid, "unicast may come from afar"


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        (b"\x41" + message()[1:], "version-error"),
        (b"\x22" + message()[1:], "type-error"),
        (message()[:-1], "packet-length-error"),
        (message()[:2], "packet-length-error"),
        (message()[:-1] + b"\1", "checksum-error"),
    ],
)
def test_messages_that_are_wrong(damaged: bytes, reason: str) -> None:
    sniffed = verdict(ipv4_frame(damaged))
    assert not sniffed.valid
    assert sniffed.reason.startswith(reason + ": ")
    assert sniffed.source == SOURCE
    assert sniffed.vrid == (51 if len(damaged) > 2 else None)
    assert "BAD vrrp" in text_line(sniffed)


def test_ip_headers_that_are_wrong() -> None:
    cut = verdict(ipv4_frame(message())[:-1])
    assert (cut.valid, cut.kind, cut.source) == (False, "vrrp", "")
    assert cut.reason.startswith("packet-length-error")
    flipped = bytearray(ipv4_frame(message()))
    flipped[15] ^= 1
    assert verdict(bytes(flipped)).reason.startswith("ip-checksum-error")
    assert verdict(ipv4_frame(message(), fragment=0x2000)).reason.startswith("fragment")
    assert verdict(ipv4_frame(message(), fragment=0x4000)).valid, "don't fragment is no fragment"


def test_ipv6_headers_that_are_wrong() -> None:
    header = inet.ipv6_header("fe80::1", "ff02::12", 24, 112)
    cut = verdict(inet.ethernet_header(MAC, MAC, 0x86DD) + header)
    assert not cut.valid
    assert cut.reason.startswith("packet-length-error")


def test_authentication_header_and_type_belong_together() -> None:
    ah = Advertisement(
        version=2, virtual_router_id=9, priority=100, interval_cs=100, addresses=("192.0.2.100",), auth_type=2
    )

    def behind_ah(inner: bytes) -> bytes:
        packet = ah_encode(inner, source=SOURCE, destination=GROUP, sequence=7, key=b"k")
        return inet.ethernet_header(MAC, MAC, 0x0800) + packet

    good = verdict(behind_ah(message(ah)))
    assert (good.valid, good.auth_type, good.ah_sequence) == (True, "AH", 7)
    assert "auth AH" in text_line(good)
    assert verdict(ipv4_frame(message(ah))).reason.startswith("auth-type-error: authentication type AH, but no")
    assert verdict(behind_ah(message())).reason.startswith("auth-type-error: authentication type none, but a")
    assert verdict(ipv4_frame(bytes(23), protocol=51)).reason.startswith("packet-length-error")
    assert analyse(Frame(0, ipv4_frame(b"\x06" + bytes(30), protocol=51))) is None, "AH before TCP"


def test_P14_a_first_address_that_is_not_link_local_is_noted() -> None:
    def frame(*addresses: str) -> bytes:
        advert = Advertisement(version=3, virtual_router_id=51, priority=100, interval_cs=100, addresses=addresses)
        data = encode(advert, source="fe80::1", destination="ff02::12")
        return inet.ethernet_header(MAC, MAC, 0x86DD) + inet.ipv6_header("fe80::1", "ff02::12", len(data), 112) + data

    assert verdict(frame("fe80::100", "2001:db8::100")).note == ""
    noted = verdict(frame("2001:db8::100"))
    assert noted.valid
    assert "not link-local" in text_line(noted)


def test_priority_0_is_noted() -> None:
    stop = Advertisement(version=2, virtual_router_id=1, priority=0, interval_cs=100, addresses=("192.0.2.100",))
    assert verdict(ipv4_frame(message(stop))).note == "the master stops"


def test_an_unknown_authentication_type_is_a_number() -> None:
    odd = Advertisement(
        version=2, virtual_router_id=1, priority=1, interval_cs=100, addresses=("192.0.2.100",), auth_type=77
    )
    assert verdict(ipv4_frame(message(odd))).auth_type == "77"


# -- ARP and ND --


@pytest.mark.parametrize(
    ("frame", "operation", "words"),
    [
        (neighbour.gratuitous_arp(MAC, VIP), "gratuitous", "192.0.2.100 is at 02:00:5e:10:00:01"),
        (neighbour.arp_probe(MAC, VIP), "probe", "who has 192.0.2.100? tell 0.0.0.0"),
        (neighbour.arp_request(MAC, inet.pack_address(SOURCE), VIP), "request", "who has 192.0.2.100? tell 192.0.2.1"),
        (neighbour.arp_reply(MAC, VIP, MAC, bytes(4)), "reply", "192.0.2.100 is at 02:00:5e:10:00:01"),
    ],
)
def test_arp(frame: bytes, operation: str, words: str) -> None:
    sniffed = verdict(frame)
    assert (sniffed.kind, sniffed.operation, sniffed.valid, sniffed.note) == ("arp", operation, True, "")
    assert sniffed.addresses == ("192.0.2.100",)
    assert words in text_line(sniffed)


def test_a_sender_mac_that_is_not_the_frames_is_noted() -> None:
    frame = bytearray(neighbour.gratuitous_arp(MAC, VIP))
    frame[11] = 9
    assert verdict(bytes(frame)).note == "the sender MAC is not that of the frame"
    frame[6:12] = bytes(6)
    unknown = verdict(bytes(frame))
    assert (unknown.note, unknown.source_mac) == ("", ""), "a raw capture knows no MAC"


def test_arp_that_is_wrong() -> None:
    sniffed = verdict(neighbour.gratuitous_arp(MAC, VIP)[:-1])
    assert (sniffed.kind, sniffed.valid) == ("arp", False)
    assert "BAD arp" in text_line(sniffed)
    assert "from 02:00:5e:10:00:01 packet-length-error" in text_line(sniffed)


def test_neighbour_discovery() -> None:
    target = inet.pack_address("2001:db8::100")
    sniffed = verdict(neighbour.unsolicited_na(MAC, target, target, True))
    assert (sniffed.router, sniffed.solicited, sniffed.override, sniffed.mac) == (True, False, True, inet.mac_text(MAC))
    assert "2001:db8::100 is at 02:00:5e:10:00:01 flags RO" in text_line(sniffed)
    bare = neighbour.NeighbourAdvertisement(target, target, target, False, False, False, b"", MAC, MAC)
    assert "2001:db8::100 is at ?" in text_line(verdict(neighbour.encode(bare)))
    wrong = verdict(neighbour.unsolicited_na(MAC, target, target, True)[:-1] + b"\0")
    assert (wrong.kind, wrong.valid) == ("nd", False)
    assert wrong.reason.startswith("checksum-error")


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        inet.ethernet_header(MAC, MAC, 0x88CC) + bytes(50),  # LLDP
        ipv4_frame(bytes(20), protocol=17),
        inet.ethernet_header(MAC, MAC, 0x86DD) + inet.ipv6_header("::1", "::1", 8, 17) + bytes(8),
        inet.ethernet_header(MAC, MAC, 0x86DD) + inet.ipv6_header("::1", "::1", 8, 58) + b"\x80" + bytes(7),
        inet.ethernet_header(MAC, MAC, 0x86DD),
        inet.ethernet_header(MAC, MAC, 0x0800),
    ],
)
def test_what_is_none_of_ours_is_not_told(frame: bytes) -> None:
    assert analyse(Frame(0, frame)) is None


@given(st.data())
def test_mutated_captures_always_get_a_verdict_that_can_be_printed(data: st.DataObject) -> None:
    frame = bytearray(data.draw(st.sampled_from(captured())).frame)
    for _ in range(data.draw(st.integers(0, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    sniffed = analyse(Frame(0, bytes(frame[: data.draw(st.integers(0, len(frame)))])))
    if sniffed is not None:
        assert sniffed.valid is (sniffed.reason == "")
        assert len(text_line(sniffed).splitlines()) == 1


# -- the command --


def test_text_lines_are_aligned() -> None:
    stop = Advertisement(version=2, virtual_router_id=255, priority=0, interval_cs=25500, addresses=("192.0.2.100",))
    lines = [text_line(verdict(ipv4_frame(message(advert)))) for advert in (ADVERTISEMENT, stop)]
    assert lines[0].endswith("v2 vrid  51 prio 100 ttl 255     1s 192.0.2.1 > 224.0.0.18 192.0.2.100")
    assert lines[0].index(SOURCE) == lines[1].index(SOURCE)
    cut = text_line(verdict(ipv4_frame(message())[:-1]))
    assert "BAD vrrp from ? packet-length-error" in cut


def test_text_of_a_capture() -> None:
    data = ethernet_pcap(ipv4_frame(message()), neighbour.gratuitous_arp(MAC, VIP))
    result = run("--read", "-", input=data)
    assert result.exit_code == 0
    assert [line.split()[1:3] for line in result.stdout.splitlines()] == [["ok", "vrrp"], ["ok", "arp"]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"GARBAGE" * 10, "neither pcap nor pcapng"),
        (ethernet_pcap(ipv4_frame(message()))[:-1], "truncated"),
    ],
)
def test_a_damaged_file_is_named_and_the_exit_code_is_1(tmp_path: pathlib.Path, content: bytes, words: str) -> None:
    path = tmp_path / "damaged.pcap"
    path.write_bytes(content)
    result = run("--read", str(path))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {path}: ")
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_a_file_that_cannot_be_read(tmp_path: pathlib.Path) -> None:
    for path in (tmp_path / "missing.pcap", tmp_path):
        result = run("--read", str(path))
        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: {path}: ")


def test_damage_on_standard_input_is_named() -> None:
    result = run("--read", "-", input=b"")
    assert result.exit_code == 1
    assert result.stderr == "Error: standard input: the file is empty\n"


def test_wrong_usage() -> None:
    assert run("--read", "x.pcap", "-i", "eth0").exit_code == 2
    assert run("--count", "0").exit_code == 2


def test_live_frames_are_told_until_somebody_interrupts(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def frames(interface: str) -> Any:
        asked.append(interface)
        yield Frame(10_000_000_000, ipv4_frame(message()), "eth7")
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "capture", frames)
    (line,) = json_lines(run("-i", "eth7", "--json"))
    assert asked == ["eth7"]
    assert line["interface"] == "eth7"


def test_what_the_kernel_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(interface: str) -> Any:
        yield from ()
        raise CaptureError(f"{interface}: {os.strerror(errno.ENODEV)}")

    monkeypatch.setattr(module, "capture", refuse)
    result = run("-i", "eth9")
    assert (result.exit_code, result.stderr) == (1, "Error: eth9: No such device\n")


def test_a_reader_that_has_had_enough(tmp_path: pathlib.Path) -> None:
    """`alived sniff ... | head -1` ends without a complaint."""
    path = tmp_path / "long.pcap"
    path.write_bytes(ethernet_pcap(*[ipv4_frame(message())] * 5000))
    command = [sys.executable, "-c", "from alived.cli.sniff import sniff; sniff()", "--read", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.lab
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root and network namespaces")
def test_a_live_advert_is_told() -> None:
    """In a namespace of its own, which ends with its last process; the sender repeats until it has been heard."""
    listen = "from alived.cli.sniff import sniff; sniff()"
    send = f"""
import os, socket, sys, time
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
sender.bind(("left", 0))
while os.getppid() == int(sys.argv[1]):
    sender.send(bytes.fromhex("{ipv4_frame(message()).hex()}"))
    time.sleep(0.05)
"""
    script = (
        "ip link add left type veth peer name right || exit 9\n"
        "for link in left right; do ip link set $link addrgenmode none up || exit 9; done\n"  # or ND comes first
        '"$0" -c "$2" $$ & sender=$!\n'
        'timeout 60 "$0" -c "$1" -i right --json --count 1; code=$?\n'
        "kill $sender; exit $code"
    )
    command = ["unshare", "--net", "sh", "-c", script, sys.executable, listen, send]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    line = json.loads(done.stdout)
    assert (line["interface"], line["kind"], line["vrid"], line["valid"]) == ("right", "vrrp", 51, True)
