#!/usr/bin/python3
"""An application that keeps crashing gives way to the last good one, if the owner wants it so, and the cloud says so.

Usage: returning.py MICROVISOR GOOD.elf CRASHING.elf
"""
import json
import os
import sys

from service import connected_board
from user import User, check

GOOD, CRASHING = map(os.path.abspath, sys.argv[2:4])
user = User(sys.argv[1])
command, refused = user.command, user.refused


def state():
    return json.loads(command("devices", "return", device, "--json").stdout)


def crashing(name):
    command("apps", "bundle", CRASHING, f"{name}.zip", "--minimum-restart-time", 200, "--maximum-restart-time", 400)
    return command("apps", "create", f"{name}.zip", name).stdout.strip()


def without_a_policy(good, bad):
    service.deploy(device, good)
    service.line("files 1")
    service.deploy(device, bad)
    for _ in range(4):
        service.line("application crashed")
    now = state()
    check(now.pop("crashes") >= 3, "the crashes are counted")
    check(now == {"after_crashes": 0, "within_seconds": 600, "last_good": good, "returned_from": None},
          "nothing returns that nobody wants to, but the last good one is known")


def with_one(good, bad):
    refused("devices", "return", device, "--after-crashes", 17, words=["0 to 16"])
    refused("devices", "return", device, "--within", 0, words=["1 to 86400"])
    command("devices", "return", device, "--after-crashes", 3, "--within", 300)
    service.line(f"RETURNING to {good}: {bad} has crashed 3 times within 300 s")
    for line in ("INSTALLING_APP", "STARTING_NEW_APP", "COMPLETE", "files 1"):
        service.line(line)
    shown = service.get(f"/v1/Devices/{device}")["app"]
    check(shown["target_sid"] == shown["reported_sid"] == good and shown["update_status"] == "up-to-date",
          "the device runs the last good one")
    check(state()["returned_from"] == bad and state()["last_good"] == good, "and the cloud says what it has returned from")


def again(good):
    other = crashing("other")
    service.deploy(device, other)
    check(state()["returned_from"] is None, "what is named since is no return")
    service.line(f"RETURNING to {good}: {other} has crashed")
    service.line("files 1")


with connected_board(user) as place:
    service, device = place.service, place.device
    service.watch(device)
    last_good, first_bad = command("apps", "create", GOOD).stdout.strip(), crashing("bad")
    without_a_policy(last_good, first_bad)
    with_one(last_good, first_bad)
    again(last_good)
