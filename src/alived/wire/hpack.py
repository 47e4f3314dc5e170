"""Header fields of HTTP/2 (HPACK, RFC 7541) for a client that offers no dynamic table.

A server that knows SETTINGS_HEADER_TABLE_SIZE 0 may not refer to one, so a block can be read by itself.
"""

from __future__ import annotations

from alived.base import DecodeError

Headers = list[tuple[bytes, bytes]]
_CODE_LENGTHS = """
    13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28 28 28 28 28 28 28 30 28 28 28 28 28 28 28 28 28 6 10 10 12 13 6
    8 11 10 10 8 11 8 6 6 6 5 5 5 6 6 6 6 6 6 6 7 8 15 6 12 10 13 6 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 8 7
    8 13 19 13 14 6 15 5 6 5 6 5 6 6 6 5 7 7 6 6 6 5 6 7 6 5 5 6 7 7 7 7 7 15 11 14 13 28 20 22 20 20 22 22 22 23 22
    23 23 23 23 23 24 23 24 24 22 23 24 23 23 23 23 21 22 23 22 23 23 24 22 21 20 22 22 23 23 21 23 22 22 24 21 22
    23 23 21 21 22 21 23 22 23 23 20 22 22 22 23 22 22 23 26 26 20 19 22 23 22 25 26 26 26 27 27 26 24 25 19 21 26
    27 27 26 27 24 21 21 26 26 28 27 27 27 20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23 26 27 26 26 27 27 27 27
    27 28 27 27 27 27 27 26 30
"""
"""Bits of the Huffman code of each octet and of the end of a string (appendix B); they determine the codes."""
_END = 256
_STATIC_TABLE = """
    :authority :method=GET :method=POST :path=/ :path=/index.html :scheme=http :scheme=https :status=200 :status=204
    :status=206 :status=304 :status=400 :status=404 :status=500 accept-charset accept-encoding=gzip,~deflate
    accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control
    content-disposition content-encoding content-language content-length content-location content-range content-type
    cookie date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since
    last-modified link location max-forwards proxy-authenticate proxy-authorization range referer refresh
    retry-after server set-cookie strict-transport-security transfer-encoding user-agent vary via www-authenticate
"""
"""Appendix A: names, some with a value. The blank in "gzip, deflate" is written as "~"."""
_LENGTHS = [int(bits) for bits in _CODE_LENGTHS.split()]
_LARGE = 4
"""Octets of an integer beyond its prefix, at most: 2^28 is more than anything here may be."""


def _huffman_symbols() -> dict[int, int]:
    """Codes with a 1 before them -> symbols. Codes of one length follow each other in the order of their symbols."""
    symbols, code, length = {}, 0, 0
    for symbol in sorted(range(len(_LENGTHS)), key=lambda symbol: (_LENGTHS[symbol], symbol)):
        code <<= _LENGTHS[symbol] - length
        length = _LENGTHS[symbol]
        symbols[1 << length | code] = symbol
        code += 1
    return symbols


_SYMBOLS = _huffman_symbols()
_FIELDS = [
    (name, value.replace(b"~", b" "))
    for name, _, value in (field.partition(b"=") for field in _STATIC_TABLE.encode().split())
]


def encode(headers: Headers) -> bytes:
    """As literals that are not to be indexed, without Huffman code."""
    return b"".join(b"\0" + _string(name) + _string(value) for name, value in headers)


def _string(octets: bytes) -> bytes:
    return encode_integer(len(octets), 7) + octets


def encode_integer(value: int, prefix_bits: int) -> bytes:
    """Section 5.1; the bits before the prefix are 0."""
    most = (1 << prefix_bits) - 1
    if value < most:
        return bytes((value,))
    found = bytearray((most,))
    value -= most
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def decode(block: bytes) -> Headers:
    """Raises DecodeError."""
    headers: Headers = []
    position = 0
    while position < len(block):
        first = block[position]
        if first & 0x80:
            index, position = decode_integer(block, position, 7)
            headers.append(_field(index))
        elif first & 0xE0 == 0x20:
            _, position = decode_integer(block, position, 5)  # a new size of the table that we do not have
        else:
            index, position = decode_integer(block, position, 6 if first & 0x40 else 4)
            name, position = (_field(index)[0], position) if index else _decode_string(block, position)
            value, position = _decode_string(block, position)
            headers.append((name, value))
    return headers


def _field(index: int) -> tuple[bytes, bytes]:
    if not 0 < index <= len(_FIELDS):
        raise DecodeError("bad-index", f"no header field has number {index}")
    return _FIELDS[index - 1]


def decode_integer(block: bytes, position: int, prefix_bits: int) -> tuple[int, int]:
    """Its value and where it ends. Raises DecodeError."""
    most = (1 << prefix_bits) - 1
    value = block[position] & most
    position += 1
    if value < most:
        return value, position
    for count, octet in enumerate(block[position : position + _LARGE]):
        value += (octet & 0x7F) << 7 * count
        if octet < 0x80:
            return value, position + count + 1
    raise DecodeError("bad-integer", "an integer of the header is cut off or too large")


def _decode_string(block: bytes, position: int) -> tuple[bytes, int]:
    if position >= len(block):
        raise DecodeError("too-short", "the header is cut off")
    is_huffman = block[position] & 0x80
    length, position = decode_integer(block, position, 7)
    octets = block[position : position + length]
    if len(octets) < length:
        raise DecodeError("too-short", "the header is cut off")
    return decode_huffman(octets) if is_huffman else octets, position + length


def decode_huffman(octets: bytes) -> bytes:
    """Section 5.2. Raises DecodeError."""
    found = bytearray()
    code = 1
    for octet in octets:
        for shift in range(7, -1, -1):
            code = code << 1 | octet >> shift & 1
            symbol = _SYMBOLS.get(code)
            if symbol is None:
                continue
            if symbol == _END:
                raise DecodeError("bad-huffman", "a string of the header has its end inside")
            found.append(symbol)
            code = 1
    padding = code.bit_length() - 1
    if padding > 7 or code != (2 << padding) - 1:
        raise DecodeError("bad-huffman", "a string of the header is not filled up by ones")
    return bytes(found)
