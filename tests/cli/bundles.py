"""Bundles built by hand, good and bad, without any code of the project: the protobuf and zip encodings are written out here."""
import hashlib
import io
import struct
import zipfile

FLASH_BYTES = 0x100000


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field_bytes(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def field_varint(number, value):
    return b"" if value == 0 else varint(number << 3) + varint(value)


def image(size=64):
    """A flash image with a plausible vector table: stack at the end of RAM, reset handler inside."""
    return struct.pack("<II", 0x20080000, 0x08000041) + bytes(56) + b"\xfe\xe7" * ((size - 64) // 2 + 1)


def layer_reference(start, size, fetch_hash, measurement_hash):
    region = field_varint(1, start) + field_varint(2, size)
    return field_bytes(1, field_bytes(1, region)) + field_bytes(3, fetch_hash) + field_bytes(4, measurement_hash)


def manifest(layers):
    body = b"".join(field_bytes(1, layer) for layer in layers) + field_bytes(4, b"") + field_bytes(5, b"")
    return field_bytes(2, body)


def archive(entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zip_file:
        for name, content in entries:
            zip_file.writestr(name, content)
    return buffer.getvalue()


def bundle(content=None, *, start=0, size=FLASH_BYTES, fetch_hash=None, measurement=None, layers=1, entry_name=None,
           extra=()):
    content = image() if content is None else content
    digest = hashlib.sha256(content).digest()
    fetch = digest if fetch_hash is None else fetch_hash
    measured = hashlib.sha256(content + b"\xff" * (FLASH_BYTES - len(content))).digest() if measurement is None else measurement
    references = [layer_reference(start, size, fetch, measured)] * layers
    return archive([(entry_name or digest.hex(), content), ("manifest", manifest(references)), *extra])


def elf(machine=40, elf_class=1, address=0x08000000, content=None, kind=2):
    """A minimal ELF file with one load segment at the physical address `address`."""
    content = image() if content is None else content
    ident = b"\x7fELF" + bytes([elf_class, 1, 1]) + bytes(9)
    header = ident + struct.pack("<HHIIIIIHHHHHH", kind, machine, 1, address | 1, 52, 0, 0x05000000, 52, 32, 1, 40, 0, 0)
    segment = struct.pack("<IIIIIIII", 1, 84, address, address, len(content), len(content), 5, 4)
    return header + segment + content
