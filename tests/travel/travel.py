#!/usr/bin/python3
"""Recordings of a board that was in its cloud, replayed and debugged forward and back with real GDB.

Usage: travel.py MICROVISOR RUIN.elf KERNEL.elf PLACE CASE. Each case is a function below; `record` makes the recordings in PLACE that the
others use.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import zlib

from service import Service
from stock_gdb import expect, gdb_on
from user import User, check

MICROVISOR, APPLICATION, KERNEL = (str(pathlib.Path(argument).resolve()) for argument in sys.argv[1:4])
PLACE = pathlib.Path(sys.argv[4]).resolve()
WHOLE, KILLED = PLACE / "whole.recording", PLACE / "killed.recording"
PACKET, RESET_PIN = 1, 2  # kinds of entries, as docs/time-travel.md has them


def replay(file, status=0):
    result = subprocess.run([MICROVISOR, "board", "replay", str(file)], capture_output=True, text=True, timeout=200)
    if result.returncode != status:
        sys.exit(f"replay of {file}: exit status {result.returncode}\n{result.stdout}{result.stderr}")
    lines = (result.stderr if status else result.stdout).splitlines()
    check(len(lines) == 1, f"one line: {lines}")
    return lines[0]


class Entries:
    """The entries of a recording's file: kind, offset, time, contents."""

    def __init__(self, data):
        self.data = bytearray(data)
        at = 24 + int.from_bytes(data[16:24], "little")
        self.all = []
        while at < len(data):
            length = int.from_bytes(data[at + 2:at + 4], "little")
            self.all.append((data[at], at, int.from_bytes(data[at + 4:at + 12], "little"), bytes(data[at + 12:at + 12 + length])))
            at += 16 + length

    def change(self, index, offset, mended):
        """One bit of the contents of an entry, with a checksum that fits if `mended`."""
        _, at, _, contents = self.all[index]
        self.data[at + 12 + offset] ^= 1
        if mended:
            end = at + 12 + len(contents)
            self.data[end:end + 4] = zlib.crc32(self.data[at:end]).to_bytes(4, "little")


class Debugger:
    """`board replay --gdb` on a port of its own."""

    def __init__(self, file=WHOLE):
        self.process = subprocess.Popen([MICROVISOR, "board", "replay", str(file), "--gdb", "0"], stderr=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL, text=True)
        line = self.process.stderr.readline()
        found = re.fullmatch(r"microvisor: GDB server listening on 127\.0\.0\.1:(\d+)\n", line)
        if not found:
            sys.exit(f"no line that names the port, but {line!r}")
        self.port = found[1]

    def gdb(self, *commands):
        return gdb_on(APPLICATION, self.port, *commands)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=20)


# --- cases ------------------------------------------------------------------------------------------------------------


def record():
    """A device connects, is given an application and runs it until that crashes; then it is stopped, another time killed."""
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    user = User(MICROVISOR)
    processes = [user.start_cloud()]

    def run(recording):
        board = user.start("board", "run", "board", "--fast", "--record", recording, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        processes.append(board)
        return board

    try:
        sid = user.create_board()
        service = Service(user.credentials)
        service.watch(sid)
        board = run(WHOLE)
        user.command("deploy", APPLICATION, "--device", sid, "--wait")
        service.line("application crashed")
        board.terminate()
        check(board.wait(60) == 0, "the board ends in order")
        board = run(KILLED)
        service.until(lambda: KILLED.exists() and KILLED.stat().st_size > 0, "the second recording has begun")
        service.until_connected(sid)
        board.kill()
        board.wait(20)
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(20)
        shutil.rmtree(user.home)
    line = replay(WHOLE)
    check("the replay equals its recording" in line and re.search(r"state [0-9a-f]{64}$", line), line)
    inputs = sum(kind == PACKET for kind, *_ in Entries(WHOLE.read_bytes()).all)
    check(f" {inputs} from outside" in line and inputs > 10, "with the packets of its network")


def changed_byte():
    """A byte of a packet that the device got, or of the state at the end."""
    scratch = PLACE / "changed.recording"
    data = WHOLE.read_bytes()
    packets = [index for index, (kind, *_) in enumerate(Entries(data).all) if kind == PACKET]
    middle = packets[len(packets) // 2]
    for index, offset, mended, words in ((middle, -1, False, "is damaged: wrong checksum"), (middle, -1, True, "differs from its recording"),
                                         (-1, -1, True, "differs from its recording: state")):
        changed = Entries(data)
        index = index % len(changed.all)
        changed.change(index, len(changed.all[index][3]) + offset, mended)
        scratch.write_bytes(changed.data)
        check(words in replay(scratch, status=1), words)


def cut_off():
    """What a killed board leaves, and files cut anywhere: good up to their last whole entry."""
    check("up to the last whole entry, where it was cut off" in replay(KILLED), "the board that was killed")
    data = WHOLE.read_bytes()
    entries = Entries(data).all
    scratch = PLACE / "cut.recording"
    for size in (len(data) - 1, entries[len(entries) // 2][1] + 5):
        scratch.write_bytes(data[:size])
        check("where it was cut off" in replay(scratch), f"cut off at byte {size}")
    with Debugger(scratch) as debugger:
        expect(debugger.gdb("continue", "monitor where", "reverse-stepi", "stepi", "reverse-continue", "monitor where"),
               r"No more reverse-execution history", r"(\d+\.\d+) s of \1 s", r"No more reverse-execution history", r"\n0\.000000000 s of")
    scratch.write_bytes(data[:entries[0][1] + 3])
    check("cut off before its board has begun" in replay(scratch, status=1), "nothing left")


def refused():
    scratch = PLACE / "bad.recording"
    data = WHOLE.read_bytes()
    for contents, words in ((b"", "not a recording"), (data[:8], "not a recording"), (data[:30], "cut off before"), (data[24:], "not a recording"),
                            (data[:8] + b"\x09" + data[9:], "format 9"), (data[:5000] + b"\xa5" + data[5001:], "damaged")):
        scratch.write_bytes(contents)
        check(words in replay(scratch, status=1), words)
    check("none.recording" in replay(PLACE / "none.recording", status=1), "a file that is not there")
    home = PLACE / "home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()

    def board(*arguments, status=0):
        result = subprocess.run([MICROVISOR, "board", *map(str, arguments)], capture_output=True, text=True, timeout=60)
        check(result.returncode == status, f"{arguments}: {result.returncode} {result.stderr}")
        return result

    board("create", home / "board")
    for options, words in (((home / "none" / "file",), "cannot write"), ((home / "file", "--gdb", "0"), "--record cannot be used with --gdb")):
        check(words in board("run", home / "board", "--fast", "--for", "1s", "--record", *options, status=1).stderr, words)
    # As far as a board has had nothing from outside, the same with and without a recorder.
    board("clone", home / "board", home / "other")
    board("run", home / "board", "--fast", "--for", "300ms", "--save", home / "plain")
    board("run", home / "other", "--fast", "--for", "300ms", "--save", home / "recorded", "--record", home / "recording")
    states = [board("hash", home / name).stdout for name in ("plain", "recorded")]
    check(states[0] == states[1], f"recording changes nothing: {states}")
    check(states[0].strip() in replay(home / "recording"), "and its replay ends in the same state")


def resets_and_cuts():
    """The reset pin is an input like any other; a power cut that was asked for happens again at its instruction."""
    home = PLACE / "resets"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    subprocess.run([MICROVISOR, "board", "create", str(home / "board")], check=True, capture_output=True, timeout=60)
    command = [MICROVISOR, "board", "run", str(home / "board"), "--record", str(home / "recording")]
    board = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in board.stderr:
        if " is on" in line:
            subprocess.run([MICROVISOR, "board", "reset", str(home / "board")], check=True, timeout=60)
        if "reset: pin" in line.lower():
            break
    board.terminate()
    board.communicate(timeout=60)
    line = replay(home / "recording")
    check(" 1 from outside" in line and "state" in line, "recorded with its reset")
    entries = Entries((home / "recording").read_bytes())
    index = [kind for kind, *_ in entries.all].index(RESET_PIN)
    kept = entries.data[:entries.all[index][1]] + entries.data[entries.all[index + 1][1]:]
    (home / "without").write_bytes(kept)
    check("differs from its recording" in replay(home / "without", status=1), "without it the board goes another way")
    cut = subprocess.run(command + ["--fast", "--for", "2s", "--cut", "instruction:1000000"], capture_output=True, timeout=60)
    check(cut.returncode == 3, "the power is cut")
    check("1000000 instructions" in (line := replay(home / "recording")) and "ended by a power cut" in line, line)


def same_registers():
    """Back over forty instructions and more, each with the registers that it had on the way there."""
    script = """python
def registers():
  return {r.name: str(gdb.selected_frame().read_register(r)) for r in gdb.selected_frame().architecture().registers()}
seen = []
for _ in range(COUNT):
  seen.append(registers())
  gdb.execute('stepi', to_string=True)
different = 0
for before in reversed(seen):
  gdb.execute('reverse-stepi', to_string=True)
  different += registers() != before
print('steps', len(seen), 'different', different, 'places', len(set(s['pc'] for s in seen)))"""
    with Debugger() as debugger:
        # Through the application's code, its interrupt, and a call of Microvisor.
        expect(debugger.gdb("tbreak use", "continue", script.replace("COUNT", "150"), "tbreak SysTick_Handler", "continue",
                            script.replace("COUNT", "60")),
               r"steps 150 different 0 places \d{2,}", r"SysTick_Handler", r"steps 60 different 0 places")


def lines():
    """reverse-step, reverse-next and reverse-finish go the way of the source lines back: out of a function by its beginning, into one by
    its end, over calls."""
    with Debugger() as debugger:
        output = debugger.gdb("tbreak mix", "continue", "next", "reverse-next", "print value", "reverse-finish", "reverse-step", "reverse-step",
                              "print round", "reverse-finish", "print rounds", "reverse-next", "reverse-next", "print rounds", "next", "next", "next",
                              "reverse-next", "print rounds")
        expect(output, r"mix \(value=16\)", r"17\s+return mixed", r"use \(value=16\)", r"\$1 = 16", r"main \(\).*\n37\s", r"spoil \(round=16\).*\n22\s",
               r"\$2 = 16", r"main \(\).*\n36\s", r"\$3 = 16", r"\n35\s", r"\$4 = 15", r"\n36\s", r"\n37\s", r"\n38\s",
               r"\n37\s", r"\$5 = 16")


def crashed_board():
    """Forward to the crash, on to the end of the recording, back to the crash, and from there to the instruction that made the pointer bad.
    All calls of Microvisor that the application makes meanwhile are no faults."""
    with Debugger() as debugger:
        output = debugger.gdb("continue", "print $pc", "continue", "reverse-continue", "backtrace", "print rounds", "print/x (unsigned)place",
                              "watch place", "reverse-continue", "backtrace", "print rounds", "delete", "break use",
                              "continue", "print value", "reverse-continue", "print value")
        crash = r"The next instruction faults\.\s+Program received signal SIGSEGV.*\n.*in use \(value="
        expect(output, crash, r"\$1 = .*use\+", r"No more reverse-execution history", crash, r"#0 .*use \(value=", r"#1 .*main \(\)",
               r"\$2 = 48", r"\$3 = 0x7", r"Hardware watchpoint 1: place\s+Old value = .* 0x7\s+New value = .* 0x2\w+ <spare>", r"spoil \(round=",
               r"#0 .*spoil \(round=40\)", r"#1 .*main", r"\$4 = 40", r"Breakpoint 2, use", r"\$5 = 40", r"Breakpoint 2, use", r"\$6 = 39")
        # With the kernel's symbols, where it ends the application.
        output = debugger.gdb("monitor faults off", f"add-symbol-file {KERNEL}", "break end_or_halt", "continue", "backtrace", "delete", "monitor faults nonsecure",
                              "reverse-continue", "print $pc")
        expect(output, r"Breakpoint 1, .*end_or_halt \(cause=.*Fault", r"<signal handler called>", r"SIGSEGV", r"use\+")


def both_ends():
    with Debugger() as debugger:
        output = debugger.gdb("monitor faults off", "monitor where", "reverse-stepi", "reverse-continue", "continue", "monitor where", "stepi", "reverse-continue",
                              "monitor where", "set var rounds = 1", "print $r0 = 1", "monitor goto 1", "maintenance flush register-cache",
                              "monitor where", "monitor goto nowhere", "monitor faults what", "monitor help", "monitor nonsense")
        edge = r"No more reverse-execution history"
        expect(output, r"0\.000000000 s of", edge, edge, edge, r"(\d+\.\d+) s of \1 s, (\d+) instructions of \2;", edge, edge,
               r"0\.000000000 s of", r"Cannot access memory|could not write|Could not", r"Could not write register", r"1\.0000\d+ s of", r"1\.0000\d+ s of",
               r"goto begin, end", r"one of nonsecure", r"where ", r"no such command: nonsense")
        # GDB leaves and another comes to the same present.
        expect(debugger.gdb("monitor where", "monitor faults off", "continue"), r"1\.0000\d+ s of", edge)


globals()[sys.argv[5]]()
