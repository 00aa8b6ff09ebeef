#!/usr/bin/python3
"""What a device refuses to install, each with an error of its own that the API shows, while it stays connected and its
application runs on. The cloud refuses most of it too; here its data base is changed behind its back.

Usage: app_refusals.py MICROVISOR APPLICATION.elf
"""
import contextlib
import hashlib
import json
import os
import sqlite3
import sys
import zipfile

from service import connected_board
from user import User, check

APPLICATION = os.path.abspath(sys.argv[2])
user = User(sys.argv[1])
command, home = user.command, user.home

# protocol/link.proto, enum UpdateError
SIGNATURE, KERNEL_TOO_OLD = 3, 5
UNKNOWN_SIGNER, REMOVED_SIGNER, OTHER_DEVICE, SWAPPED, TRUNCATED, EXTENDED = 30, 31, 32, 33, 34, 35


class Store:
    """The cloud's data base, in the hands of an intruder."""

    def __init__(self):
        self.base = sqlite3.connect(home / "cloud" / "microvisor.db", timeout=30, isolation_level=None)

    def close(self):
        self.base.close()

    def replace_manifest(self, app, manifest):
        digest = hashlib.sha256(manifest).digest()
        self.base.execute("INSERT OR REPLACE INTO objects VALUES (?, ?)", (digest, manifest))
        self.base.execute("UPDATE app_objects SET hash = ? WHERE app_sid = ? AND hash = "
                          "(SELECT manifest_hash FROM apps WHERE sid = ?)", (digest, app, app))
        self.base.execute("UPDATE apps SET manifest_hash = ? WHERE sid = ?", (digest, app))

    def layers(self, app):
        rows = self.base.execute("SELECT hash FROM app_objects WHERE app_sid = ? AND hash NOT IN "
                                 "(SELECT manifest_hash FROM apps) ORDER BY position", (app,))
        return [row[0] for row in rows]

    def content(self, layer):
        return self.base.execute("SELECT content FROM objects WHERE hash = ?", (layer,)).fetchone()[0]

    def replace(self, layer, content):
        self.base.execute("UPDATE objects SET content = ? WHERE hash = ?", (content, layer))


def bundle(name, *options):
    command("apps", "bundle", APPLICATION, name, *options)
    return command("apps", "create", name).stdout.strip()


def manifest_of(name):
    with zipfile.ZipFile(home / name) as archive:
        return archive.read("manifest")


def layered(name):
    """A bundle with three layers."""
    (home / "files.img").write_bytes(os.urandom(512 << 10))
    return bundle(name, "--external-flash", "0=files.img")


def ordinary(service, device):
    """What comes out of the cloud as it is."""
    service.refuses(device, bundle("new.zip", "--minimum-kernel-version", 4_000_000_000), KERNEL_TOO_OLD,
            "it needs a newer kernel")
    service.refuses(device, bundle("other.zip", "--only-device", "UV" + 32 * "0"), OTHER_DEVICE, "it is for another device")
    service.deploy(device, bundle("own.zip", "--only-device", device))


def forged(store):
    """Apps that the intruder makes of good ones, with the error of each."""
    command("bundle", "keypair", "--privkey", "foreign.pem", "--pubkey", "foreign_public.pem")
    command("apps", "bundle", APPLICATION, "foreign.zip", "--crash-stack-bytes", 1)
    command("bundle", "sign", "foreign.zip", "foreign_signed.zip", "--key", "foreign.pem")
    foreign, unsigned = bundle("a.zip", "--crash-stack-bytes", 1), bundle("b.zip", "--crash-stack-bytes", 1)
    swapped, truncated, extended = layered("c.zip"), layered("d.zip"), layered("e.zip")
    with store() as base:
        base.replace_manifest(foreign, manifest_of("foreign_signed.zip"))
        base.replace_manifest(unsigned, manifest_of("foreign.zip"))
        _, one, other = base.layers(swapped)
        contents = base.content(one), base.content(other)
        base.replace(one, contents[1])
        base.replace(other, contents[0])
        layer = base.layers(truncated)[1]
        base.replace(layer, base.content(layer)[:-1])
        layer = base.layers(extended)[1]
        base.replace(layer, base.content(layer) + b"\xFF")
    return [(foreign, UNKNOWN_SIGNER, "a stranger has signed it"), (unsigned, SIGNATURE, "nobody has signed it"),
            (swapped, SWAPPED, "layers are swapped"), (truncated, TRUNCATED, "a layer is truncated"),
            (extended, EXTENDED, "a layer is extended")]


def removed_signer(service, device):
    app = bundle("before.zip", "--crash-stack-bytes", 2)
    command("bundle", "keypair")
    command("signers", "add", "signing_public.pem")
    own = [signer["key_id"] for signer in json.loads(command("signers", "list", "--json").stdout)["signers"]
           if signer["held_by_cloud"]]
    command("signers", "remove", own[0], "--key", "signing_private.pem")
    service.until(lambda: own[0] not in service.device(device)["keys"]["signers"], "the cloud's key is a signer no more")
    service.refuses(device, app, REMOVED_SIGNER, "a removed key has signed it")


with connected_board(user) as place:
    service, device = place.service, place.device

    @contextlib.contextmanager
    def intruder():
        """The data base while the cloud, which keeps it to itself, is down."""
        with place.cloud_down(), contextlib.closing(Store()) as store:
            yield store

    service.deploy(device, bundle("first.zip"))
    ordinary(service, device)
    cases = forged(intruder)
    service.until_connected(device)
    for app, code, what in cases:
        service.refuses(device, app, code, what)
    removed_signer(service, device)
