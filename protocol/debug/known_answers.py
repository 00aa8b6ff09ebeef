#!/usr/bin/python3
"""Works out a whole debug session from given keys, beside and independent of both implementations, and prints it as known_answers.hpp.

Needs python3-cryptography, and only when the protocol changes: known_answers.py | clang-format > known_answers.hpp.
Noise Protocol Framework, revision 34: Noise_KK_P256_AESGCM_SHA256, empty payloads.
"""
import hashlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CURVE = ec.SECP256R1()
SID = b"UV00112233445566778899aabbccddeeff"
MANIFEST = hashlib.sha256(b"manifest").digest()
# The first two of the four secrets are those of RFC 9180, A.3.1 (skEm, skRm), the others SHA-256 of their names.
SECRETS = {
    "machine_static": bytes.fromhex("4995788ef4b9d6132b249ce59a77281493eb39af373d236a1fe415cb0c2d7beb"),
    "device_static": bytes.fromhex("f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2"),
    "machine_ephemeral": hashlib.sha256(b"machine ephemeral").digest(),
    "device_ephemeral": hashlib.sha256(b"device ephemeral").digest(),
}
FROM_MACHINE = [bytes([0x01]), bytes(range(200))]
FROM_DEVICE = [bytes([0x81, 0x00, 0x01]), bytes(2048)]


def point(key):
    return key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def two_keys(chaining_key, material):
    """The specification's HKDF with two outputs is RFC 5869's with an empty info."""
    out = HKDF(hashes.SHA256(), length=64, salt=chaining_key, info=b"").derive(material)
    return out[:32], out[32:]


class Symmetric:
    def __init__(self):
        self.hash = b"Noise_KK_P256_AESGCM_SHA256".ljust(32, b"\0")
        self.chain = self.hash
        self.key = None

    def absorb(self, data):
        self.hash = hashlib.sha256(self.hash + data).digest()

    def agree(self, key, peer):
        self.chain, self.key = two_keys(self.chain, key.exchange(ec.ECDH(), peer.public_key()))

    def tag(self):
        sealed = AESGCM(self.key).encrypt(bytes(12), b"", self.hash)
        self.absorb(sealed)
        return sealed


def records(key, messages):
    return [AESGCM(key).encrypt(bytes(4) + n.to_bytes(8, "big"), message, None) for n, message in enumerate(messages)]


def constant(name):
    return "k" + "".join(part.capitalize() for part in name.split("_"))


def main():
    keys = {name: ec.derive_private_key(int.from_bytes(secret, "big"), CURVE) for name, secret in SECRETS.items()}
    s_machine, s_device = keys["machine_static"], keys["device_static"]
    e_machine, e_device = keys["machine_ephemeral"], keys["device_ephemeral"]
    state = Symmetric()
    state.absorb(b"microvisor debug 1" + SID + MANIFEST)
    state.absorb(point(s_machine))
    state.absorb(point(s_device))
    # -> e, es, ss
    state.absorb(point(e_machine))
    state.agree(e_machine, s_device)
    state.agree(s_machine, s_device)
    first = point(e_machine) + state.tag()
    # <- e, ee, se
    state.absorb(point(e_device))
    state.agree(e_device, e_machine)
    state.agree(e_device, s_machine)
    second = point(e_device) + state.tag()
    machine_key, device_key = two_keys(state.chain, b"")

    values = {name: secret for name, secret in SECRETS.items()}
    values |= {"manifest_hash": MANIFEST, "first": first, "second": second}
    for name, key, messages in (("machine", machine_key, FROM_MACHINE), ("device", device_key, FROM_DEVICE)):
        for n, record in enumerate(records(key, messages)):
            values[f"from_{name}_{n}"] = record if len(record) < 300 else hashlib.sha256(record).digest()
    print("// A whole debug session from given keys, worked out by known_answers.py, which made this file.\n#pragma once\n\n#include <string_view>\n")
    print("namespace microvisor::protocol::debug::known_answers {\n")
    print(f'inline constexpr std::string_view kDeviceSid = "{SID.decode()}";')
    for name, value in values.items():
        text = value.hex()
        lines = "\n".join(f'"{text[i:i + 90]}"' for i in range(0, len(text), 90))
        print(f"inline constexpr std::string_view {constant(name)} =\n{lines};")
    print("\n}  // namespace microvisor::protocol::debug::known_answers")


if __name__ == "__main__":
    main()
