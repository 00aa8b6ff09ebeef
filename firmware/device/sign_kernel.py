#!/usr/bin/env python3
"""Signs releases of Microvisor with the vendor's key.

  sign_kernel.py generate KEY.pem               makes a development key, if there is none
  sign_kernel.py header KEY.pem OUT.hpp         the public key as a C++ header for the bootrom
  sign_kernel.py sign KEY.pem KERNEL.bin OUT --version V --number N --ratchet R [--bootrom A.bin B.bin]
      [--upgrader A.bin B.bin] [--bundle OUT.zip]
                                                the signed KernelManifest (protocol/bundle.proto), and the bundle
                                                that devices are updated with

A layer with a boot stage holds both copies, because they are linked for different addresses: two halves of one length
(docs/boot.md).
Private keys are handled by the openssl command only."""
import argparse
import hashlib
import os
import pathlib
import subprocess
import zipfile

SIGNED_PREFIX = b"twlo-mv-manifest-v1\0"
KERNEL, BOOT, UPGRADER = 1, 3, 4  # KernelLayerRegion
DEVICE_TYPE = 1                   # Imp201c
ROW = 16                          # bytes that the flash programs at once


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, stdout=subprocess.PIPE, check=True).stdout


def generate(path):
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        pem = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)


def public_point(key):
    """The uncompressed point: the last 65 bytes of the SubjectPublicKeyInfo of a P-256 key."""
    der = openssl("pkey", "-in", str(key), "-pubout", "-outform", "DER")
    point = der[-65:]
    if point[0] != 4 or len(der) != 91:
        raise SystemExit(f"{key}: not a P-256 key")
    return point


def key_id(point):
    return int.from_bytes(hashlib.sha256(b"\0\0" + point).digest()[:8], "big")


def write_header(key, out):
    point = public_point(key)
    rows = "".join("    " + " ".join(f"0x{b:02x}," for b in point[i:i + 16]) + "\n" for i in range(0, 65, 16))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("// Generated: the vendor's public key, whose signature a kernel must bear.\n#pragma once\n\n"
                   '#include "firmware/crypto/crypto.hpp"\n\nnamespace microvisor::firmware {\n'
                   f"inline constexpr crypto::PublicKey kVendorKey{{\n{rows}}};\n"
                   "}  // namespace microvisor::firmware\n", encoding="ascii")


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def number(field, value):
    return b"" if value == 0 else varint(field << 3) + varint(value)


def block(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def raw_signature(der):
    """DER SEQUENCE of two INTEGERs to r and s of 32 bytes each."""
    def integer(at):
        size = der[at + 1]
        return int.from_bytes(der[at + 2:at + 2 + size], "big").to_bytes(32, "big"), at + 2 + size
    r, at = integer(2)
    s, _ = integer(at)
    return r + s


def stage_layer(copies):
    """Both copies of a boot stage: filled up to whole rows of one length with what erased flash reads as."""
    images = [path.read_bytes() for path in copies]
    half = -(-max(map(len, images)) // ROW) * ROW
    return b"".join(image.ljust(half, b"\xff") for image in images)


def sign(key, layers, version, version_number, ratchet):
    """The signed manifest of layers given as (region, bytes)."""
    references = b"".join(block(1, number(1, region) + block(3, hashlib.sha256(layer).digest())) for region, layer in layers)
    meta = number(1, ratchet) + number(2, DEVICE_TYPE) + block(3, version.encode()) + number(4, version_number)
    body = references + block(2, meta)
    signature = raw_signature(openssl("dgst", "-sha256", "-sign", str(key), data=SIGNED_PREFIX + body))
    return number(1, key_id(public_point(key))) + block(2, body) + block(3, signature)


def write_bundle(path, manifest, layers):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for _, layer in layers:
            bundle.writestr(hashlib.sha256(layer).hexdigest(), layer)
        bundle.writestr("manifest", manifest)


def sign_release(arguments):
    kernel, out = arguments.files
    layers = [(KERNEL, kernel.read_bytes())]
    for region, copies in ((BOOT, arguments.bootrom), (UPGRADER, arguments.upgrader)):
        if copies:
            layers.append((region, stage_layer(copies)))
    manifest = sign(arguments.key, layers, arguments.version, arguments.number, arguments.ratchet)
    out.write_bytes(manifest)
    if arguments.bundle:
        write_bundle(arguments.bundle, manifest, layers)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["generate", "header", "sign"])
    parser.add_argument("key", type=pathlib.Path)
    parser.add_argument("files", type=pathlib.Path, nargs="*")
    parser.add_argument("--version", default="0.0.0")
    parser.add_argument("--number", type=int, default=0)
    parser.add_argument("--ratchet", type=int, default=0)
    parser.add_argument("--bootrom", type=pathlib.Path, nargs=2)
    parser.add_argument("--upgrader", type=pathlib.Path, nargs=2)
    parser.add_argument("--bundle", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.command == "generate":
        generate(arguments.key)
    elif arguments.command == "header":
        write_header(arguments.key, *arguments.files)
    else:
        sign_release(arguments)


if __name__ == "__main__":
    main()
