#!/usr/bin/python3
"""Boards kept in directories: made, listed, run with and without a terminal, reset, traced.

Usage: boards.py MICROVISOR CASE. Each case is a function below.
"""
import fcntl
import json
import os
import pathlib
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios

MICROVISOR = sys.argv[1]


def command(*arguments, status=0):
    result = subprocess.run([MICROVISOR, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    if result.returncode != status:
        sys.exit(f"{arguments}: status {result.returncode}\n{result.stdout}\n{result.stderr}")
    return result


def make(name):
    return json.loads(command("board", "create", scratch / name, "--json").stdout)


class OnTerminal:
    """A command whose stderr is a terminal of 80 columns; stdout is a pipe."""

    def __init__(self, *arguments, columns=80):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = subprocess.Popen([MICROVISOR, *map(str, arguments)], stdout=subprocess.PIPE, stderr=slave, stdin=subprocess.DEVNULL)
        os.close(slave)
        self.text = ""

    def read_until(self, pattern):
        while not (found := re.search(pattern, self.text)):
            try:
                more = os.read(self.master, 4096)
            except OSError:
                more = b""
            if not more:
                sys.exit(f"{pattern} did not appear in {self.text!r}")
            self.text += more.decode()
        return found

    def read_all(self):
        try:
            while more := os.read(self.master, 4096):
                self.text += more.decode()
        except OSError:
            pass  # the other end is closed
        return self.process.wait(timeout=60), self.process.stdout.read().decode()


def screen(text, columns):
    """What a terminal shows of text with CR, LF and erase-to-end-of-line."""
    lines, column = [""], 0
    for part in re.findall(r"\x1b\[K|\r|\n|[^\x1b\r\n]", text):
        if part == "\n":
            lines.append("")
            column = 0
        elif part == "\r":
            column = 0
        elif part == "\x1b[K":
            lines[-1] = lines[-1][:column]
        else:
            lines[-1] = lines[-1][:column].ljust(column) + part + lines[-1][column + 1:]
            column += 1
            assert column < columns, "a line reaches the terminal's edge"
    return lines


def status_line():
    make("board")
    run = OnTerminal("board", "run", scratch / "board", "--for", "60s")
    run.read_until(r"(running|asleep) +\d+\.\d s +\d+\.\d\dx +[\d.]+ [kM]/s +(non-)?secure +(off|searching|registered|dialling|online)")
    run.process.send_signal(signal.SIGINT)
    status, out = run.read_all()
    if status != 0 or out:
        sys.exit(f"status {status}, stdout {out!r}")
    shown = screen(run.text, 80)
    if shown[-1].strip():
        sys.exit(f"something is left behind: {shown[-1]!r}")
    if not all(line.startswith("microvisor: ") for line in shown[:-1]):
        sys.exit(f"notes are not whole lines: {shown}")


def status_line_is_cut():
    make("board")
    run = OnTerminal("board", "run", scratch / "board", "--for", "60s", columns=30)
    run.read_until(r"\r(running|asleep) ")
    run.process.send_signal(signal.SIGINT)
    run.read_all()
    for line in re.findall(r"\r((?:running|asleep)[^\r\x1b]*)", run.text):
        assert len(line) <= 29, line


def no_status_line_without_a_terminal():
    make("board")
    result = command("board", "run", scratch / "board", "--for", "2s")
    if result.stdout or "\r" in result.stderr or "\x1b" in result.stderr or " s  " in result.stderr:
        sys.exit(f"stdout {result.stdout!r}\nstderr {result.stderr!r}")


def listing():
    command("board", "list", scratch)
    first, second = make("b"), make("a")
    (scratch / "no board").mkdir()
    found = json.loads(command("board", "list", scratch, "--json").stdout)
    assert [entry["sid"] for entry in found] == [second["sid"], first["sid"]], found
    assert all(entry["running"] is False and pathlib.Path(entry["dir"]).is_dir() for entry in found), found
    running = subprocess.Popen([MICROVISOR, "board", "run", scratch / "a"], stderr=subprocess.PIPE, text=True)
    running.stderr.readline()  # it is on
    found = json.loads(command("board", "list", scratch, "--json").stdout)
    assert [entry["running"] for entry in found] == [True, False], found
    text = command("board", "list", scratch / "a").stdout
    assert second["sid"] in text and f"process {running.pid}" in text and first["sid"] not in text, text
    running.terminate()
    running.wait(timeout=30)
    line, = command("board", "list", scratch / "nowhere", status=1).stderr.splitlines()
    assert "nowhere" in line, line


def reset():
    make("board")
    line, = command("board", "reset", scratch / "board", status=1).stderr.splitlines()
    assert "is off" in line, line
    running = subprocess.Popen([MICROVISOR, "board", "run", scratch / "board"], stderr=subprocess.PIPE, text=True)
    running.stderr.readline()  # it is on
    command("board", "reset", scratch / "board")
    for line in running.stderr:
        if line == "microvisor: reset: pin\n":
            break
    else:
        sys.exit("no reset")
    running.terminate()
    if running.wait(timeout=30) != 0:
        sys.exit("the board did not end in order")


def board_held_by_somebody_else():
    """A process that does not know of resets is left alone."""
    make("board")
    with open(scratch / "board" / "lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        line, = command("board", "reset", scratch / "board", status=1).stderr.splitlines()
        assert "takes no resets" in line, line


def trace_of_a_boot():
    make("board")
    trace = scratch / "trace.json"
    command("board", "run", scratch / "board", "--for", "500ms", "--fast", "--trace", trace)
    events = json.loads(trace.read_text())
    names = {event["name"] for event in events if event["ph"] == "B"}
    assert any(name.startswith("TIM5 (S)") for name in names), names  # the kernel's scheduler
    assert max(event["ts"] for event in events if "ts" in event) <= 500_000.001


def debugger_waits_at_the_reset_vector():
    make("board")
    run = subprocess.Popen([MICROVISOR, "board", "run", scratch / "board", "--fast", "--gdb", "127.0.0.1:0", "--halt"],
                           stderr=subprocess.PIPE, text=True)
    port = re.search(r":(\d+)\n", run.stderr.readline())[1]
    bootrom = pathlib.Path(MICROVISOR).parent / "firmware/device/bootrom-a.elf"
    output = subprocess.run(["gdb-multiarch", "-nx", "-batch", "-ex", f"target remote 127.0.0.1:{port}", "-ex", "info registers pc",
                             "-ex", "break microvisor::firmware::stage_main", "-ex", "continue", "-ex", "print $secure", "-ex", "kill",
                             str(bootrom)], capture_output=True, text=True, timeout=120).stdout
    for pattern in (r"pc +0xc10\w+", r"Breakpoint 1, .*stage_main .*bootrom\.cpp", r"\$1 = 1"):
        if not re.search(pattern, output):
            sys.exit(f"not found: {pattern} in\n{output}")
    if run.wait(timeout=60) != 0:
        sys.exit("kill did not end the board in order")
    line, = command("board", "run", scratch / "board", "--halt", status=1).stderr.splitlines()
    assert "--gdb" in line, line


def every_command_has_help():
    """--help of the program names its commands, and each of them, with everything below it, has one of its own."""
    def visit(*path):
        text = command(*path, "--help").stdout
        assert "Usage" in text, (path, text)
        _, _, below = text.partition("Subcommands:")
        for name in re.findall(r"^  ([a-z][\w-]*)", below, re.MULTILINE):
            visit(*path, name)
    visit()


with tempfile.TemporaryDirectory() as folder:
    scratch = pathlib.Path(folder)
    globals()[sys.argv[2]]()
