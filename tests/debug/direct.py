#!/usr/bin/python3
"""Stock GDB on an application on a board without a cloud: `board run --direct` and `microvisor debug --direct`.

Usage: direct.py MICROVISOR FIELD.elf CASE. Each case is a function below.
"""
import json
import os
import re
import subprocess
import sys
import time

from stock_gdb import expect, gdb_on, server_port
from user import Started, User, check, one_line

APPLICATION = os.path.abspath(sys.argv[2])
KEY = "debug_auth_prv_key.pem"


class Bench(Started):
    """A board that has got its application through a cloud, which is off now; what was noted of it is in files."""

    def __init__(self):
        super().__init__()
        self.user = User(sys.argv[1])
        self.user.command("apps", "debug-keypair")
        self.user.command("apps", "bundle", APPLICATION, "app.zip", "--debug-auth-pubkey", "debug_auth_pub_key.pem")
        cloud = self.start_cloud()
        self.user.command("bundle", "keypair")
        self.user.command("bundle", "sign", "app.zip", "signed.zip", "--key", "signing_private.pem")
        self.user.command("signers", "add", "signing_public.pem")
        self.sid = self.user.create_board()
        board = self.user.run_board("board")
        self.user.command("deploy", "signed.zip", "--device", self.sid, "--wait")
        (self.user.home / "device.pem").write_text(self.user.command("devices", "certificate", self.sid).stdout)
        self.hash = json.loads(self.user.command("apps", "list", "--json").stdout)[0]["hash"]
        for process in (board, cloud):
            process.terminate()
            process.wait(20)

    def start_cloud(self, **where):
        return self.keep(self.user.start_cloud(**where))

    def run_board(self):
        """On, with its line at a pseudo-terminal, whose path it says."""
        board = self.keep(self.user.start("board", "run", "board", "--direct", stderr=subprocess.PIPE))
        for line in board.stderr:
            if found := re.search(r"the modem's line is (\S+)$", line):
                self.line = found[1]
                return board
        sys.exit("the board does not say its line")

    def arguments(self, *options, key=KEY):
        return ["debug", "--direct", self.line, key, "--certificate", "device.pem", "--listen", "0", *options]

    def debug(self, *options):
        options = options or ["--hash", self.hash]
        process = self.keep(self.user.start(*self.arguments(*options), stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        return process, server_port(process)

    def debug_through_cloud(self):
        """As soon as the device is connected."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            process = self.keep(self.user.start("debug", self.sid, KEY, "--listen", "0", stdout=subprocess.PIPE, stderr=subprocess.PIPE))
            if line := process.stdout.readline():
                return line.rsplit(":", 1)[1].strip()
            reason = process.stderr.read()
            if "connected" not in reason:
                sys.exit(f"through the cloud: {reason}")
        sys.exit("the device does not connect to the cloud")


def gdb(port, *commands):
    return gdb_on(APPLICATION, port, *commands)


def number(output):
    return int(re.search(r"\$1 = (\d+)", output)[1])


# --- cases ------------------------------------------------------------------------------------------------------------


def break_step_and_look():
    with Bench() as bench:
        bench.run_board()
        process, port = bench.debug("--once", "--bundle", "signed.zip")
        output = gdb(port, "break scale", "continue", "print value == rounds", "finish", "next", "backtrace", "print reading.place",
                     "monitor status", "monitor link", "monitor log", "monitor reset", "maintenance flush register-cache", "print rounds")
        expect(output, r"Breakpoint 1, scale \(value=\d+", r"\$1 = 1", r"Value returned is", r"#0 +take_reading", r"#1 .*main", r'"roof"',
               rf"{bench.sid}: .*without a cloud", r"\d+ exchanges", r"not support this command", r"\$\d+ = 0")
        check(process.wait(20) == 0, "the command ends with GDB")
        # The device has dialled again by itself.
        _, port = bench.debug()
        expect(gdb(port, "print rounds"), r"\$1 = \d+")


def killed_in_the_middle():
    """The application runs on, and another session is had at once; then the board is one of the cloud's again."""
    with Bench() as bench:
        board = bench.run_board()
        first, port = bench.debug()
        before = number(gdb(port, "print rounds"))
        session = subprocess.Popen(["gdb-multiarch", "-nx", "-batch", "-ex", f"target remote 127.0.0.1:{port}", "-ex", "break scale", "-ex", "continue",
                                    "-ex", "python import time; print('halted', flush=True); time.sleep(60)", APPLICATION],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in session.stdout:
            if "halted" in line:
                break
        first.kill()  # with the application halted at a breakpoint
        session.kill()
        _, port = bench.debug()
        # If it had not been let go, or the breakpoint were still there, it would have come no further than one round.
        after = number(gdb(port, "print rounds"))
        check(after > before + 1, f"the application has run on: {before}, {after}")
        board.terminate()
        check(board.wait(20) == 0, "the board is off")
        bench.start_cloud(gateway=json.loads(bench.user.credentials.read_text())["gateway"])
        bench.keep(bench.user.run_board("board", fast=False))
        expect(gdb(bench.debug_through_cloud(), "print rounds"), r"\$1 = \d+")


def who_may_not():
    """A wrong key, another device's certificate, another application, and arguments that are missing: one line each."""
    with Bench() as bench:
        bench.run_board()
        refused = bench.user.command
        bench.user.command("apps", "debug-keypair", "--debug-auth-privkey", "other.pem", "--debug-auth-pubkey", "other_pub.pem")
        one_line(refused(*bench.arguments("--hash", bench.hash, key="other.pem"), status=1), "cannot verify", "key")
        another = "sha256:" + 64 * "0"
        one_line(refused(*bench.arguments("--hash", another), status=1), "cannot verify", "key")
        _, port = bench.debug()
        expect(gdb(port, "print rounds"), r"\$1 = \d+")
        one_line(refused(*bench.arguments("--hash", bench.hash), status=1), bench.line, "another session")
        line = bench.line
        one_line(refused("debug", "--direct", line, KEY, "--certificate", "device.pem", status=1), "--bundle")
        one_line(refused("debug", "--direct", line, KEY, "--certificate", "device.pem", "--bundle", "app.zip", status=1), "not signed")
        one_line(refused("debug", "--direct", line, KEY, "--hash", bench.hash, status=1), "--certificate")
        one_line(refused("debug", "--direct", line, KEY, "--hash", bench.hash, "--certificate", APPLICATION, status=1), "certificate")
        one_line(refused("debug", "--direct", "/dev/null", KEY, "--hash", bench.hash, "--certificate", "device.pem", "--listen", "0", status=1),
                 "/dev/null")


def the_device_is_reset():
    """GDB and the command are told, and the next session is that of the device as it is then."""
    with Bench() as bench:
        bench.run_board()
        process, port = bench.debug()
        session = subprocess.Popen(["gdb-multiarch", "-nx", "-batch", "-ex", f"target remote 127.0.0.1:{port}", "-ex", "continue", APPLICATION],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in process.stderr:
            if "GDB is connected" in line:
                break
        bench.user.command("board", "reset", "board")
        output = session.communicate(timeout=60)[0]
        check("the device has hung up" in output, f"GDB is told: {output}")
        check(process.wait(30) == 1, "the command ends")
        _, port = bench.debug()
        check(number(gdb(port, "monitor reset", "maintenance flush register-cache", "print rounds")) == 0, "another session")


globals()[sys.argv[3]]()
