#!/usr/bin/python3
"""An application whose bundles bring files for its external flash: they are there after the update, what no bundle names stays,
and a bundle that brings none leaves everything as it was.

Usage: layers.py MICROVISOR FILES_1.elf FILES_2.elf
"""
import json
import os
import sys

from service import connected_board
from user import User, check

FIRST, SECOND = map(os.path.abspath, sys.argv[2:4])
user = User(sys.argv[1])
command, refused = user.command, user.refused


def files(name, word):
    """A file system of 0x41000 bytes from 0x1000 on, in more than one layer; words at its start and in its last sector."""
    image = bytearray(b"\xFF" * 0x41000)
    for at, text in ((0, f"{word} begin"), (0x40000, f"{word} end")):
        image[at:at + 23] = text.encode().ljust(23, b"\0")
    (user.home / name).write_bytes(image)
    return f"0x1000={name}"


def bundle(elf, name, *options):
    command("apps", "bundle", elf, name, *options)
    return command("apps", "create", name).stdout.strip()


def updates(service, device):
    service.deploy(device, bundle(FIRST, "plain.zip"))
    service.line("files 1: nothing, nothing, my notes")
    service.deploy(device, bundle(SECOND, "with.zip", "--external-flash", files("one.img", "one")))
    layers = json.loads(command("bundle", "show", "with.zip", "--json").stdout)["layers"]
    check([(layer["region"], layer["start"], layer["size"]) for layer in layers] ==
          [("internal_flash", 0, 0x100000), ("external_flash", 0x1000, 0x40000), ("external_flash", 0x41000, 0x1000)],
          "the file system is cut into layers")
    service.line("files 2: one begin, one end, my notes")
    service.deploy(device, bundle(FIRST, "two.zip", "--external-flash", files("two.img", "two")))
    service.line("files 1: two begin, two end, my notes")
    service.deploy(device, bundle(SECOND, "without.zip"))
    service.line("files 2: two begin, two end, my notes")


def refusals():
    (user.home / "empty.img").write_bytes(b"")
    refuse = ["apps", "bundle", FIRST, "x.zip", "--external-flash"]
    refused(*refuse, "one.img", words=["OFFSET=FILE"])
    refused(*refuse, "0x800=one.img", words=["multiple of 4096"])
    refused(*refuse, "0x3C00000=one.img", words=["60 MiB"])
    refused(*refuse, "0x3BFF000=one.img", words=["beyond"])
    refused(*refuse, "0=empty.img", words=["empty"])
    refused(*refuse, "0=one.img", "--external-flash", "0x1000=two.img", words=["overlap"])
    (user.home / "large.img").write_bytes(os.urandom(3 << 20))
    refused(*refuse, "0=large.img", words=["a device can stage"])


with connected_board(user) as place:
    place.service.watch(place.device)
    updates(place.service, place.device)
    refusals()
