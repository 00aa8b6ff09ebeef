#!/usr/bin/python3
"""Real GDB on `microvisor board exec --gdb`, in batch mode; and clients that GDB is not.

Usage: gdb.py MICROVISOR GUEST.elf CASE. Each case is a function below.
"""
import json
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

from stock_gdb import expect, gdb_on

MICROVISOR, GUEST = sys.argv[1:3]
ASLEEP = str(pathlib.Path(GUEST).with_name("asleep.elf"))


class Board:
    """`board exec --gdb` on a port of its own."""

    def __init__(self, *options, guest=GUEST):
        self.process = subprocess.Popen([MICROVISOR, "board", "exec", guest, "--semihosting", "--gdb", "127.0.0.1:0", *options],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        line = self.process.stderr.readline()
        found = re.fullmatch(r"microvisor: GDB server listening on (127\.0\.0\.1):(\d+)\n", line)
        if not found:
            self.process.kill()
            sys.exit(f"no line that names the port, but: {line!r}")
        self.port = int(found[2])

    def end(self):
        try:
            out, err = self.process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            sys.exit("the board did not end")
        return self.process.returncode, out, err

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def gdb(board, *commands, guest=GUEST, target="remote"):
    """Connects and performs the commands; what GDB prints."""
    return gdb_on(guest, board.port, *commands, target=target)


def expect_end(board, status):
    code, out, err = board.end()
    if code != status:
        sys.exit(f"exit status {code} instead of {status}\n{out}\n{err}")
    return out, err


# --- cases ------------------------------------------------------------------------------------------------------------


def break_and_continue():
    """Waits at the reset vector; breakpoints by name and by line; the status of the firmware reaches GDB and the shell."""
    with Board() as board:
        output = gdb(board, "info registers pc", "break add", "continue", "print value", "continue", "print value", "print total",
                     "delete", "continue")
        expect(output, r"pc +0xc0", r"Breakpoint 1, add \(value=21\)", r"\$1 = 21", r"Breakpoint 1, add \(.*=3\)", r"\$2 = 3",
               r"\$3 = 21", r"exited with code 031")
        expect_end(board, 25)


def no_determinism_lost():
    """As many instructions and as much virtual time with breakpoints, watchpoints and steps as without."""
    plain = subprocess.run([MICROVISOR, "board", "exec", GUEST, "--semihosting", "--stats"], capture_output=True, text=True, timeout=60)
    expected = json.loads(plain.stderr.splitlines()[-1])
    with Board("--stats") as board:
        gdb(board, "break add", "break double_it", "watch total", "continue", "continue", "stepi", "stepi", "next", "continue",
            "continue", "delete", "continue")
        out, err = expect_end(board, 25)
        seen = json.loads(err.splitlines()[-1])
        for key in ("instructions", "virtual_s"):
            if seen[key] != expected[key]:
                sys.exit(f"{key}: {seen[key]} under the debugger, {expected[key]} without")


def banked_registers():
    with Board() as board:
        output = gdb(board, "break visit", "continue", "print $secure", "print/x $msp_ns", "print/x $msplim_s", "print $basepri_ns",
                     "print $primask_s", "print $sp == $msp_ns", "print $control_s", "print/x $msplim_ns", "up", "print $sp == $msp_s",
                     "print/x $d0 == $d0", "info registers xpsr")
        expect(output, r"Breakpoint 1, visit \(value=10\)", r"\$1 = 0", r"\$2 = 0x200380", r"\$3 = 0x30008000", r"\$4 = 240", r"\$5 = 0",
               r"\$6 = 1")


def step_into_the_other_world():
    """Single steps from Secure to Non-secure state and back, by the register that says which it is."""
    with Board() as board:
        output = gdb(board, "break open_the_other_world", "continue", "finish", "print $secure",
                     "python\nfor _ in range(400):\n  gdb.execute('stepi', to_string=True)\n"
                     "  if int(gdb.parse_and_eval('$secure')) == 0: break\nend", "print $secure", "info symbol $pc",
                     "python\nfor _ in range(400):\n  gdb.execute('stepi', to_string=True)\n"
                     "  if int(gdb.parse_and_eval('$secure')) == 1: break\nend", "print $secure", "print $r0")
        expect(output, r"\$1 = 1", r"\$2 = 0", r"visit in section \.nonsecure", r"\$3 = 1", r"\$4 = 21")


def watchpoints():
    with Board() as board:
        output = gdb(board, "break main", "continue", "next", "watch total", "rwatch calls", "continue", "continue", "delete 2",
                     "continue", "info watchpoints")
        expect(output, r"Hardware watchpoint 2: total", r"Hardware read watchpoint 3: calls",
               r"Hardware watchpoint 2: total\s+Old value = 0\s+New value = 21", r"Hardware read watchpoint 3: calls\s+Value = 0")


def watch_the_other_alias():
    """A watchpoint on the Non-secure address of a variable sees the Secure code that uses the Secure one."""
    with Board() as board:
        output = gdb(board, "break add", "continue", "delete", "set $other = (unsigned)&total - 0x10000000",
                     "watch *(unsigned*)$other", "continue", "print total")
        expect(output, r"Hardware watchpoint 2", r"Old value = 0\s+New value = 21", r"\$1 = 21")


def backtrace_through_an_exception():
    with Board() as board:
        output = gdb(board, "break svc_handler", "continue", "backtrace", "finish", "backtrace 1")
        expect(output, r"#0 +svc_handler", r"#1 +<signal handler called>", r"#2 .*ask \(depth=.*0\)", r"#3 .*ask \(depth=", r"#5 .*main")


def change_a_variable():
    with Board() as board:
        output = gdb(board, "break add if value == 3", "continue", "set var total = 100", "set var value = 5", "continue")
        expect(output, r"add \(.*=3\)", r"exited with code 0152")  # 106 in octal
        expect_end(board, 106)


def backtrace_from_the_other_world():
    with Board() as board:
        output = gdb(board, "break double_it", "continue", "backtrace")
        expect(output, r"#0 +double_it \(value=10\)", r"#1 .*visit", r"#2 +<signal handler called>", r"#3 .*", r"main \(\)")


def call_a_function():
    with Board() as board:
        output = gdb(board, "break ask", "continue", "print add(4)", "print total", "delete", "continue")
        expect(output, r"\$1 = 25", r"\$2 = 25", r"exited with code 035")
        expect_end(board, 29)


def reset():
    with Board() as board:
        output = gdb(board, "break add", "continue", "monitor reset", "maintenance flush register-cache", "info registers pc",
                     "continue", "print total", "print value")
        expect(output, r"add \(value=21\)", r"pc +0xc0\w+ +0xc0\w+ <start>", r"add \(value=21\)", r"\$1 = 0", r"\$2 = 21")


def run_again():
    """In extended mode `run` starts the chip anew."""
    with Board() as board:
        output = gdb(board, "break add", "continue", "run", "print total", target="extended-remote")
        expect(output, r"add \(value=21\)", r"add \(value=21\)", r"\$1 = 0")


def halt_on_reset():
    with Board() as board:
        output = gdb(board, "monitor halt-on-reset on", "set {unsigned}0xE000ED0C = 0x05FA0004", "continue", "info registers pc",
                     "monitor state")
        expect(output, r"came out of a reset", r"pc +0xc0\w+ +0xc0\w+ <start>", r"secure, privileged thread; resets: 1")


def console():
    """What the firmware writes reaches both the shell and GDB."""
    with Board() as board:
        output = gdb(board, "break open_the_other_world", "continue", "delete", "continue")
        expect(output, r"worlds\n")
        out, _ = expect_end(board, 25)
        if out != "worlds\n":
            sys.exit(f"stdout: {out!r}")


def load():
    """`load` writes flash and SRAM; the program then runs from its reset vector."""
    with Board() as board:
        output = gdb(board, "break add", "continue", "load", "compare-sections", "monitor reset", "maintenance flush register-cache",
                     "delete", "continue")
        expect(output, r"Loading section \.nonsecure", r"Loading section \.vectors", r"Section \.text.*matched", r"exited with code 031")
        if "MIS-MATCHED" in output:
            sys.exit(output)


def monitor():
    with Board() as board:
        output = gdb(board, "monitor help", "monitor time", "monitor world nonsecure", "print/x *(unsigned*)0xE000ED08",
                     "monitor world secure", "print/x *(unsigned*)0xE000ED08", "monitor nonsense", "monitor world here")
        expect(output, r"halt-on-reset on\|off", r"0\.000000000 s, 0 instructions", r"as nonsecure code sees it", r"\$1 = 0x0\b",
               r"as secure code sees it", r"\$2 = 0xc000000\b", r"no such command: nonsense", r"world is one of")


def many_breakpoints():
    """More than any chip has comparators."""
    with Board() as board:
        places = [f"break *{hex(0x0C000100 + 2 * n)}" for n in range(64)]
        output = gdb(board, *places, "break add", "continue", "info breakpoints")
        expect(output, r"Breakpoint 65, add|Breakpoint \d+, ")
        if "Cannot insert" in output:
            sys.exit(output)


def ctrl_c():
    """SIGINT, as a terminal sends it, to a GDB that waits for a core in WFI: the prompt comes back, at the instruction behind."""
    with Board(guest=ASLEEP) as board:
        debugger = subprocess.Popen(["gdb-multiarch", "-nx", "-batch", "-ex", "set confirm off", "-ex", "set style enabled off",
                                     "-ex", f"target remote 127.0.0.1:{board.port}", "-ex", "continue", "-ex", "backtrace 1",
                                     "-ex", "kill", ASLEEP],
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        board.process.stdout.readline()  # it is going to sleep, so GDB has let it go
        debugger.send_signal(signal.SIGINT)
        expect(debugger.communicate(timeout=60)[0], "Program received signal SIGINT", r"#0 .*(sleep_for_good|main)")
        expect_end(board, 0)


def line_by_line():
    with Board() as board:
        output = gdb(board, "break main", "continue", "next", "next", "next", "next", "step", "info source")
        expect(output, r"Breakpoint 1, main", r"total = 0|calls = 0", r"print\(", r"open_the_other_world")


# --- without GDB ------------------------------------------------------------------------------------------------------


class Client:
    """The protocol by hand."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(b"$" + data + b"#" + b"%02x" % (sum(data) & 0xFF))

    def answer(self):
        while True:
            found = re.search(rb"\$([^#]*)#[0-9a-f]{2}", self.buffer)
            if found:
                self.buffer = self.buffer[found.end():]
                return found[1]
            more = self.socket.recv(4096)
            if not more:
                raise EOFError
            self.buffer += more

    def acknowledged(self, data):
        """Sends it, and comes back when it has been taken: what is sent then is not taken along with it."""
        self.send(data)
        while b"+" not in self.buffer:
            self.buffer += self.socket.recv(4096)
        self.buffer = self.buffer[self.buffer.index(b"+") + 1:]

    def ask(self, data):
        self.send(data)
        return self.answer()


def interrupt():
    """Ctrl-C stops a program that runs for ever, and only then."""
    with Board() as board:
        client = Client(board.port)
        pc = int.from_bytes(bytes.fromhex(client.ask(b"pf").decode()), "little")
        assert client.ask(b"M%x,2:fee7" % pc) == b"OK"  # B .
        client.send(b"c")
        client.socket.sendall(b"\x03")
        assert client.answer().startswith(b"T02"), "not stopped by Ctrl-C"
        assert client.ask(b"pf") == pc.to_bytes(4, "little").hex().encode()


def interrupt_in_its_sleep():
    """The same for a core in WFI that nothing is going to wake: it halts asleep, and sleeps on when it is let go."""
    with Board(guest=ASLEEP) as board:
        client = Client(board.port)
        client.send(b"c")
        assert client.answer() == b"O" + b"asleep\n".hex().encode()
        for _ in range(3):
            # A halt between the message and the WFI is possible. Acknowledged: a Ctrl-C that comes along with it halts at once.
            until = time.monotonic() + 30
            while time.monotonic() < until:
                client.socket.sendall(b"\x03")
                assert client.answer().startswith(b"T02"), "not stopped by Ctrl-C"
                state = bytes.fromhex(client.ask(b"qRcmd," + b"state".hex().encode()).decode()).decode()
                client.acknowledged(b"c")
                if "asleep" in state:
                    break
            else:
                sys.exit(f"awake: {state}")


def several_connections():
    """One after another, with and without a goodbye; a second one at the same time is turned away."""
    with Board() as board:
        first = Client(board.port)
        pc = int.from_bytes(bytes.fromhex(first.ask(b"pf").decode()), "little")
        assert first.ask(b"M%x,2:fee7" % pc) == b"OK"
        second = Client(board.port)
        try:
            second.ask(b"?")
            sys.exit("two debuggers at a time")
        except (EOFError, ConnectionResetError):
            pass
        assert first.ask(b"D") == b"OK"
        for _ in range(3):
            client = Client(board.port)
            assert client.ask(b"?").startswith(b"T02")
            client.send(b"c")
            client.socket.close()
        client = Client(board.port)
        assert client.ask(b"qC") == b"QC1"
        client.send(b"k")
        expect_end(board, 0)


def malformed_packets():
    """Are refused, and the session goes on."""
    with Board() as board:
        client = Client(board.port)
        client.socket.sendall(b"$g#00")
        assert client.socket.recv(1) == b"-"
        for packet in (b"m", b"mzz,4", b"m20000000,4,4", b"P", b"Pffffffff=00000000", b"Z0", b"vCont;x", b"G00", b"qRcmd,1", b"X0,9:a"):
            answer = client.ask(packet)
            assert answer.startswith(b"E"), (packet, answer)
        client.socket.sendall(b"\x00\xff}}}" * 5000 + b"$" + b"a" * 40000 + b"#00")
        assert client.ask(b"qC") == b"QC1"


def address_taken():
    with Board() as board:
        result = subprocess.run([MICROVISOR, "board", "exec", GUEST, "--gdb", str(board.port)], capture_output=True, text=True, timeout=60)
        lines = result.stderr.splitlines()
        if result.returncode == 0 or len(lines) != 1 or "cannot listen for GDB" not in lines[0]:
            sys.exit(f"{result.returncode} {lines}")


def not_a_port():
    for where in ("", "x", "70000", "127.0.0.1:", "nowhere.invalid:1", "1:2:3:4"):
        result = subprocess.run([MICROVISOR, "board", "exec", GUEST, "--gdb", where], capture_output=True, text=True, timeout=60)
        lines = result.stderr.splitlines()
        if where and (result.returncode == 0 or len(lines) != 1):
            sys.exit(f"{where!r}: {result.returncode} {lines}")


globals()[sys.argv[3]]()
