#!/usr/bin/python3
"""The way of a crash report as a user goes it: keys, bundle, deployment, crash, and what `devices crashes` shows.

Usage: crashes.py MICROVISOR CRASHING_APPLICATION.elf (tests/life/guests/crash.c: r0 is 0xC0DE0000, and so on)
"""
import json
import os
import stat
import sys

from user import User, check, one_line

APPLICATION = os.path.abspath(sys.argv[2])
user = User(sys.argv[1])
command, scratch = user.command, user.home


def make_keys():
    command("apps", "crash-keypair")
    private = scratch / "crash_private.pem"
    check(stat.S_IMODE(private.stat().st_mode) == 0o600, "the private key is its owner's alone")
    one_line(command("apps", "crash-keypair", status=1), "exists")
    command("apps", "crash-keypair", "--crash-privkey", "other.pem", "--crash-pubkey", "other_public.pem")


def bundle_with_policy():
    command("apps", "bundle", APPLICATION, "app.zip", "--crash-report-pubkey", "crash_public.pem", "--crash-stack-bytes", 32,
            "--minimum-restart-time", 3000, "--maximum-restart-time", 9000)
    one_line(command("apps", "bundle", APPLICATION, "no.zip", "--minimum-restart-time", 2, "--maximum-restart-time", 1,
                     status=1), "--maximum-restart-time")
    one_line(command("apps", "bundle", APPLICATION, "no.zip", "--crash-report-pubkey", APPLICATION, status=1), "PEM")


def crash_under_run():
    stream = command("run", "app.zip", "--for", "6s", "--fast").stdout
    check("application crashed: undefined instruction" in stream, "the log stream has the line")
    check("crash report received" in stream, "and says that the report has come")


def crash_on_a_board():
    server = user.start_cloud()
    try:
        sid = user.create_board()
        app = command("apps", "create", "app.zip").stdout.strip()
        command("devices", "update", sid, "--target-app", app)
        command("board", "run", "board", "--for", "8s", "--fast")
        look_at_crashes(sid)
    finally:
        server.terminate()
        server.wait(20)


def look_at_crashes(device):
    listed = json.loads(command("devices", "crashes", device, "--json").stdout)
    check(listed and "content" not in listed[0], f"{len(listed)} reports are listed")
    shown = command("devices", "crashes", device, "--key", "crash_private.pem", "--elf", APPLICATION).stdout
    for part in ("undefined instruction", "r0  0xc0de0000", "r12 0xc0de000c", "crash_here", "UNDEFINSTR",
                 "c0de0000 c0de0001 c0de0002 c0de0003"):
        check(part in shown, f"shown: {part}")
    opened = json.loads(command("devices", "crashes", device, "--key", "crash_private.pem", "--elf", APPLICATION,
                                "--json").stdout)
    check(opened[-1]["wake_reason"] == 9 and opened[-1]["pc"]["symbol"] == "crash_here", "as JSON: PC by name, wake reason")
    check(opened[-1]["id"] == listed[-1]["id"] and opened[-1]["r"][4] == "0xc0de0004", "and registers")
    wrong = command("devices", "crashes", device, "--key", "other.pem", status=1)
    check(len(wrong.stderr.splitlines()) == len(listed) and "is encrypted to key" in wrong.stderr and not wrong.stdout,
          "another key: one line for each report")
    one_line(command("devices", "crashes", device, "--key", APPLICATION, status=1), "private key")
    for crash in listed:
        command("devices", "crashes", device, "--remove", crash["id"])
    check(json.loads(command("devices", "crashes", device, "--json").stdout) == [], "they can be removed")
    one_line(command("devices", "crashes", device, "--remove", "00", status=1), "no crash report 00")


make_keys()
bundle_with_policy()
crash_under_run()
crash_on_a_board()
