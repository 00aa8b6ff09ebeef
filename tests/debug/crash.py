#!/usr/bin/python3
"""A crash on a board, opened afterwards: `microvisor crash`, in words and with stock GDB.

Usage: crash.py MICROVISOR FALL.elf CASE. Each case is a function below; lines are known from guests/fall.c.
"""
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys

from stock_gdb import expect, gdb_on, server_port
from user import User, check, one_line

APPLICATION = os.path.abspath(sys.argv[2])
SOURCE = pathlib.Path(__file__).parent / "guests" / "fall.c"
KEY = ["--key", "crash_private.pem"]
OPENED = [*KEY, "--elf", APPLICATION]


def line_of(mark):
    """The line of the source that ends in a comment with this mark."""
    found = [number for number, text in enumerate(SOURCE.read_text().splitlines(), 1) if text.endswith(f"/* {mark} */")]
    assert len(found) == 1, mark
    return found[0]


def chain():
    """Functions and lines, innermost first, and which of them is inlined."""
    fall = ("fall", line_of("fall calls"), False)
    return [("note", line_of("note"), True), ("fall", line_of("fall"), False), fall, fall, fall, ("main", line_of("main"), False)]


def received(report):
    return datetime.datetime.fromisoformat(report["date_received"].replace("Z", "+00:00"))


class Crashed:
    """A cloud that has reports of a board whose application has crashed."""

    def __init__(self, stack_bytes=512):
        self.user = User(sys.argv[1])
        self.user.command("apps", "crash-keypair")
        self.user.command("apps", "bundle", APPLICATION, "app.zip", "--crash-report-pubkey", "crash_public.pem",
                          "--crash-stack-bytes", stack_bytes)
        self.cloud = self.user.start_cloud()
        self.sid = self.user.create_board()
        app = self.user.command("apps", "create", "app.zip").stdout.strip()
        self.user.command("devices", "update", self.sid, "--target-app", app)
        self.user.command("board", "run", "board", "--for", "8s", "--fast")

    def crash(self, *arguments, status=0):
        word, *rest = arguments
        return self.user.command("crash", word, self.sid, *rest, status=status)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cloud.terminate()
        self.cloud.wait(20)


def shown():
    with Crashed() as crashed:
        listed = json.loads(crashed.crash("list", "--json").stdout)
        check(len(listed) > 1, f"{len(listed)} reports are listed")
        text = crashed.crash("show", *OPENED).stdout
        check("write to 0x00000010 (null pointer, and 16 bytes on)" in text, "the fault in words")
        found = re.findall(r"#\d+ +0x[0-9a-f]{8} (\w+) at (\S+):(\d+)(, inlined)?", text)
        check([(name, int(line), bool(inlined)) for name, _, line, inlined in found[:6]] == chain(), f"who had called whom: {found}")
        check(all(file.endswith("fall.c") for _, file, _, _ in found[:6]), "in which file")
        check(found[6][0] == "Reset_Handler" and "the outermost function" in text, "down to the start")
        latest, first = max(listed, key=received), min(listed, key=received)
        check(received(latest) > received(first) and f"crash report {latest['id'][:12]}, received" in text, "it is the latest")
        view = json.loads(crashed.crash("show", first["id"][:10], *OPENED, "--json").stdout)
        check(view["id"] == first["id"], "or any other, by the beginning of its id")
        check([(frame["function"], frame["line"], frame["inlined"]) for frame in view["backtrace"][:6]] == chain(), "as JSON")
        check("null pointer" in view["explanation"] and view["backtrace_end"] == "the outermost function", "and the words")
        check(text in crashed.user.command("devices", "crashes", crashed.sid, *OPENED).stdout, "devices crashes says the same")
        bare = crashed.crash("show", *KEY).stdout
        check("access to 0x00000010" in bare and ".debug_frame" in bare, "without the ELF file it says what is missing")
        one_line(crashed.crash("show", "ffff", *OPENED, status=1), "ffff")
        one_line(crashed.crash("show", "latest", *OPENED, "--json", "--gdb", "0", status=1), "--json")
        one_line(crashed.crash("show", "latest", *OPENED, "--gdb", "here", status=1), "here")
        crashed.crash("remove", first["id"][:16])
        check(len(json.loads(crashed.crash("list", "--json").stdout)) == len(listed) - 1, "one can be removed")
    with Crashed(stack_bytes=32) as crashed:
        text = crashed.crash("show", *OPENED).stdout
        check("the report's copy of the stack ends here" in text and "#1 " in text and "main at" not in text, "a short stack is said to be short")


def served_to_gdb():
    with Crashed() as crashed:
        server = crashed.user.start("crash", "show", crashed.sid, "latest", *OPENED, "--gdb", "0", stdout=subprocess.PIPE)
        try:
            port = server_port(server)
            frames = [rf"#{number} .*{name} .*fall\.c:{line}" for number, (name, line, _) in enumerate(chain())]
            expect(gdb_on(APPLICATION, port, "backtrace", "info registers", "frame 2", "print marks", "print depth", "x/i $pc", "print last_log"),
                   *frames, r"r0 +0x", r"sp +0x2007", r"pc +0x80", r"#2 .*fall", r"\$1 = \{1, 1001\}", r"\$2 = 1", r"=> 0x80\w+ <fall\+\d+>:",
                   r"Cannot access memory")
            expect(gdb_on(APPLICATION, port, "print $d0", "continue", "stepi", "continue", "print $_siginfo"),
                   r"\$1 = <unavailable>", r"This is a crash report: it does not go on", r"SIGSEGV.*\n.*note", r"it does not go on")
            expect(gdb_on(APPLICATION, port, "set var $r0 = 1", "set var *(int*)$sp = 1", "info registers r0", "monitor crash"),
                   r"(?i)could not write register", r"Cannot access memory", r"r0 +0x", r"what happened +write to 0x00000010")
            server.terminate()
            check(server.wait(20) == 0, "it ends when it is told to")
        finally:
            server.kill()
            server.wait(20)


globals()[sys.argv[3]]()
