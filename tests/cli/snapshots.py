#!/usr/bin/python3
"""Snapshots on the command line: state hashes over processes, clones, and what is refused in one line.

Usage: snapshots.py MICROVISOR GUESTS, the folder with the board's bare guests.
"""
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

MICROVISOR, GUESTS = sys.argv[1], pathlib.Path(sys.argv[2])
folder = tempfile.TemporaryDirectory()
scratch = pathlib.Path(folder.name)


def board(*arguments):
    return subprocess.run([MICROVISOR, "board", *map(str, arguments)], capture_output=True, text=True, timeout=60)


def succeed(*arguments):
    result = board(*arguments)
    if result.returncode:
        sys.exit(f"board {arguments}: {result.stderr}")
    return result.stdout.strip()


def refuse(*arguments, words):
    result = board(*arguments)
    lines = result.stderr.splitlines()
    if result.returncode != 1 or len(lines) != 1 or not all(word in lines[0] for word in words):
        sys.exit(f"board {arguments}: exit status {result.returncode}, wanted one line with {words}:\n{result.stderr}")
    print(lines[0])


def fingerprint(place):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in place.iterdir()
            if file.name != "lock"}  # the process that had it last


def expect_equal(one, other, what):
    if one != other:
        sys.exit(f"{what}: {one} and {other}")


def hash_of(file):
    return succeed("hash", file)


# In one run, in two, in another process: the same state.
guest = GUESTS / "driver_timer.elf"
whole, half, rest = scratch / "whole", scratch / "half", scratch / "rest"
succeed("snapshot", guest, whole, "--semihosting", "--instructions", 200_000)
succeed("snapshot", guest, half, "--semihosting", "--instructions", 77_777)
succeed("snapshot", half, rest, "--semihosting", "--instructions", 200_000 - 77_777)
expect_equal(hash_of(whole), hash_of(rest), "a run in two pieces has another state hash")
if hash_of(whole) == hash_of(half):
    sys.exit("a hash that never changes")
about = json.loads(succeed("hash", "--json", whole))
expect_equal((about["instructions"], about["state_hash"]), (200_000, hash_of(whole)), "what hash says of a snapshot")

# Of a provisioned device; its directory stays as it is, and a clone starts as the original does.
device, clone = scratch / "device", scratch / "clone"
succeed("create", device)
before = fingerprint(device)
succeed("snapshot", device, scratch / "booted", "--instructions", 3_000_000)
expect_equal(fingerprint(device), before, "the directory was changed")
succeed("clone", device, clone)
expect_equal(fingerprint(clone), before, "the clone is another board")
succeed("snapshot", clone, scratch / "again", "--instructions", 3_000_000)
expect_equal(hash_of(scratch / "booted"), hash_of(scratch / "again"), "the clone starts otherwise")
succeed("clone", scratch / "booted", scratch / "from_snapshot")
succeed("snapshot", scratch / "from_snapshot", scratch / "restarted", "--instructions", 1000)

# A device goes on from a snapshot with its modem, in memory; its directory stays as it is.
moment, later = scratch / "moment", scratch / "later"
succeed("run", device, "--for", "2s", "--fast", "--save", moment)
before = fingerprint(device)
succeed("run", device, "--for", "1s", "--fast", "--snapshot", moment, "--save", later)
expect_equal(fingerprint(device), before, "the directory was changed")
reached = json.loads(succeed("hash", "--json", later))["virtual_s"]
if not 3 <= reached < 3.2:
    sys.exit(f"a second after two seconds is {reached} s")

# board exec shows the hash of the state it ends in.
ends = [subprocess.run([MICROVISOR, "board", "exec", guest, "--semihosting", "--stats", "--state-hash", "--max-instructions", str(count)],
                       capture_output=True, text=True, timeout=60).stderr.splitlines()[-1] for count in (1000, 1000, 1001)]
hashes = [json.loads(line)["state_hash"] for line in ends]
if hashes[0] != hashes[1] or hashes[0] == hashes[2]:
    sys.exit(f"state hashes of board exec: {hashes}")

# What is refused.
damaged, newer = scratch / "damaged", scratch / "newer"
contents = bytearray(whole.read_bytes())
contents[len(contents) // 2] ^= 1
damaged.write_bytes(contents)
newer.write_bytes(whole.read_bytes()[:8] + b"\x63" + whole.read_bytes()[9:])
(scratch / "short").write_bytes(whole.read_bytes()[:-100])
for command in (("hash",), ("clone",), ("snapshot",)):
    target = () if command == ("hash",) else (scratch / "target",)
    refuse(*command, damaged, *target, words=("damaged", "checksum"))
    refuse(*command, newer, *target, words=("newer version",))
    refuse(*command, scratch / "short", *target, words=("damaged",))
    refuse(*command, scratch / "none", *target, words=("there is no",))
    if (scratch / "target").exists():
        sys.exit(f"{command} left something behind")
for file, words in ((damaged, ("damaged", "checksum")), (newer, ("newer version",)), (scratch / "short", ("damaged",)),
                    (scratch / "none", ("there is no",)), (guest, ("not a snapshot",)), (whole, ("another board",))):
    refuse("run", device, "--for", "1s", "--fast", "--snapshot", file, words=words)
    expect_equal(fingerprint(device), before, "the directory was changed")
refuse("hash", guest, words=("not a snapshot",))
refuse("clone", whole, clone, words=("exists already",))
refuse("snapshot", guest, scratch / "none" / "file", words=("cannot write",))

expect_equal(fingerprint(device), before, "the directory was changed")
print("snapshots: as they should be")
