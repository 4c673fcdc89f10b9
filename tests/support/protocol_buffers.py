"""The encoding of Protocol Buffers, as far as small networks in tests need it."""


def number(place: int, value: int) -> bytes:
    """A field that holds a whole number, an enum or a bool; below 0 as an int64."""
    return _varint(place << 3) + _varint(value % 2**64)


def field(place: int, content: bytes) -> bytes:
    """A field that holds bytes, a text or a message."""
    return _varint(place << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
