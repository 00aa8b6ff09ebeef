#!/usr/bin/python3
"""An application that nobody can read but devices with its owner's key: the key is handed out over the air, the application with
its files for the external flash is installed and runs; without the key, with the key taken away, or made of anything else, it
is refused, each with an error of its own, while the device stays connected. The cloud never has the key.

Usage: encrypted_layers.py MICROVISOR FILES_1.elf FILES_2.elf
"""
import base64
import hashlib
import json
import os
import sys
import zipfile

from service import connected_board
from user import User, check

FIRST, SECOND = map(os.path.abspath, sys.argv[2:4])
user = User(sys.argv[1])
command, refused, home = user.command, user.refused, user.home
NO_LAYER_KEY, DECRYPTION = 36, 37  # protocol/link.proto, enum UpdateError


def files(name, word):
    """A file system of 0x41000 bytes from 0x1000 on, in more than one layer; words at its start and in its last sector."""
    image = bytearray(b"\xFF" * 0x41000)
    for at, text in ((0, f"{word} begin"), (0x40000, f"{word} end")):
        image[at:at + 23] = text.encode().ljust(23, b"\0")
    (home / name).write_bytes(image)
    return f"0x1000={name}"


def bundle(elf, name, *options):
    command("apps", "bundle", elf, name, *options)
    return command("apps", "create", name).stdout.strip()


def encrypted(elf, name, *options):
    return bundle(elf, name, "--encrypt-for", "layer_public.pem", *options)


def damaged(name, into):
    """The bundle with another byte in its first ciphertext, as if its maker had meant it so."""
    with zipfile.ZipFile(home / name) as archive:
        entries = {entry: archive.read(entry) for entry in archive.namelist()}
    manifest = entries.pop("manifest")
    layer, content = next((key, value) for key, value in entries.items() if bytes.fromhex(key) in manifest)
    content = bytes([content[0] ^ 1]) + content[1:]
    digest = hashlib.sha256(content)
    manifest = manifest.replace(bytes.fromhex(layer), digest.digest())
    del entries[layer]
    with zipfile.ZipFile(home / into, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, value in {**entries, digest.hexdigest(): content, "manifest": manifest}.items():
            archive.writestr(entry, value)


def private_scalar(name):
    """Of a private key in PKCS #8 (RFC 5958, RFC 5915): the octet string behind version 1."""
    lines = (home / name).read_text().splitlines()
    der = base64.b64decode("".join(line for line in lines if not line.startswith("-")))
    at = der.index(b"\x02\x01\x01\x04\x20") + 5
    return der[at:at + 32]


def nothing_of_it_in_the_cloud(secrets):
    stored = [path for path in (home / "cloud").rglob("*") if path.is_file()]
    check(stored, "the cloud has files")
    for path in stored:
        content = path.read_bytes()
        check(not any(secret in content or secret.hex().encode() in content for secret in secrets), f"nothing in {path.name}")


def layer_keys(service, device):
    return service.device(device)["keys"]["layer_keys"]


def over_the_air(service, device):
    made = command("decrypters", "keypair").stdout
    key = made.split()[-1]
    service.deploy(device, bundle(FIRST, "plain.zip"))
    service.line("files 1: nothing, nothing, my notes")
    app = encrypted(SECOND, "secret.zip", "--external-flash", files("one.img", "one"))
    shown = json.loads(command("bundle", "show", "secret.zip", "--json").stdout)["layers"]
    check(len(shown) > 1 and all(layer["encrypted_with"] == key for layer in shown), "every layer is encrypted")
    service.refuses(device, app, NO_LAYER_KEY, "the device does not have the key")
    command("decrypters", "add", "layer_private.pem")
    service.until(lambda: layer_keys(service, device) == [key], "the device has the key")
    listed = json.loads(command("decrypters", "list", "--json").stdout)["devices"]
    check([entry["layer_keys"] for entry in listed if entry["sid"] == device] == [[key]], "which is listed")
    service.deploy(device, app)
    service.line("files 2: one begin, one end, my notes")
    nothing_of_it_in_the_cloud([private_scalar("layer_private.pem"), b"one begin"])
    return key


def damage(service, device):
    encrypted(FIRST, "good.zip", "--crash-stack-bytes", 1)
    damaged("good.zip", "damaged.zip")
    service.refuses(device, command("apps", "create", "damaged.zip").stdout.strip(), DECRYPTION, "its ciphertext was changed")
    service.deploy(device, encrypted(FIRST, "again.zip"))
    service.line("files 1: one begin, one end, my notes")


def by_the_owner_alone(service, device, key):
    """The owner's own key signs the changes, and the applications."""
    command("bundle", "keypair")
    command("signers", "add", "signing_public.pem")
    command("decrypters", "remove", key, "--key", "signing_private.pem")
    service.until(lambda: not layer_keys(service, device), "the device has no key any more")
    command("apps", "bundle", SECOND, "own.zip", "--encrypt-for", "layer_public.pem")
    command("bundle", "sign", "own.zip", "own_signed.zip", "--key", "signing_private.pem")
    app = command("apps", "create", "own_signed.zip").stdout.strip()
    service.refuses(device, app, NO_LAYER_KEY, "the key was taken away")
    command("decrypters", "add", "layer_private.pem", "--device", device, "--key", "signing_private.pem")
    service.until(lambda: layer_keys(service, device) == [key], "the device has the key again")
    service.deploy(device, app)
    service.line("files 2: one begin, one end, my notes")
    command("decrypters", "remove", key, "--device", device)
    service.until(lambda: not layer_keys(service, device), "the cloud can take it away, too")


def refusals(device):
    refused("decrypters", "add", "layer_public.pem", words=["private key"])
    refused("decrypters", "add", "layer_private.pem", "--device", "nobody", words=["no device nobody"])
    refused("decrypters", "add", "layer_private.pem", "--device", device, "--certificate", "layer_public.pem",
                    words=["not a certificate"])
    refused("decrypters", "remove", "xyz", words=["16 hex digits"])
    refused("apps", "bundle", FIRST, "x.zip", "--encrypt-for", "one.img", words=["PEM"])


with connected_board(user) as place:
    place.service.watch(place.device)
    key_id = over_the_air(place.service, place.device)
    damage(place.service, place.device)
    by_the_owner_alone(place.service, place.device, key_id)
    refusals(place.device)
