"""What debugging at a distance costs: stock GDB on an application on a board through the cloud, and on QEMU's GDB server, both 150 ms
away.

The delay stands between `microvisor debug` and the cloud, and between GDB and QEMU. Exchanges, packets and bytes are counted there,
at the developer's end. Both debug the same source (chain.c) by the same commands.
"""
import contextlib
import functools
import json
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path += [str(ROOT / "bench/debugging"), str(ROOT / "tests/cli")]
from delay_line import DelayLine
from user import User

ROUND_TRIP = 0.150
STEPS, LINES, TRACES, CONTINUES, FAST_STEPS = 10, 4, 3, 3, 1000
COMMON = ["-mcpu=cortex-m33+nodsp", "-mthumb", "-mfloat-abi=soft", "-Og", "-g", "-ffreestanding", "-Wl,--no-warn-rwx-segments"]


def link(build, folder):
    """chain.c as an application and as a program for QEMU."""
    guests, bare = ROOT / "tests/kernel/guests", ROOT / "bench/guest"
    application, program = folder / "application.elf", folder / "qemu.elf"
    gcc = ["arm-none-eabi-gcc", *COMMON]
    subprocess.run([*gcc, "-nostartfiles", "--specs=nano.specs", "--specs=nosys.specs", "-T", guests / "guest.ld", ROOT / "bench/debugging/chain.c", ROOT / "sdk/startup/startup_stm32u585.c", "-o", application], check=True)
    subprocess.run([*gcc, "-nostdlib", "-DMPS2", "-Wl,--defsym=FLASH_BASE=0x10000000", "-Wl,--defsym=RAM_BASE=0x38000000",
                    f"-I{bare}", "-T", bare / "guest.ld", bare / "startup.c", ROOT / "bench/debugging/chain.c", "-lgcc", "-o", program], check=True)
    return application, program


class Gdb:
    """A GDB that is given commands one by one."""

    def __init__(self, elf, port):
        self.process = subprocess.Popen(["gdb-multiarch", "-nx", "-quiet", str(elf)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        for setting in ("confirm off", "pagination off", "style enabled off", "remotetimeout 20", "backtrace past-main off"):
            self.do(f"set {setting}")
        self.do(f"target remote 127.0.0.1:{port}")

    def do(self, command):
        """Its output, once it is done."""
        self.process.stdin.write(f"{command}\necho \\n--done--\\n\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.strip().removeprefix("(gdb) ").strip() == "--done--":
                return "".join(lines)
            lines.append(line)
        raise RuntimeError("GDB has gone: " + "".join(lines))

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)


class Measured:
    """Medians of the time, means of the counts, over several times of the same command."""

    def __init__(self, gdb, line, command, times, expected):
        spans, before = [], (line.counts.exchanges, line.counts.packets, line.counts.bytes)
        for _ in range(times):
            started = time.monotonic()
            output = gdb.do(command)
            spans.append(time.monotonic() - started)
            if not re.search(expected, output):
                raise RuntimeError(f"{command}: {output}")
        after = (line.counts.exchanges, line.counts.packets, line.counts.bytes)
        self.exchanges, self.packets, self.bytes = ((b - a) / times for a, b in zip(before, after))
        self.ms = 1000 * statistics.median(spans)


def far(gdb, line):
    """The actions of a session with the delay."""
    gdb.do("hbreak bottom")
    found = {"continue": Measured(gdb, line, "continue", CONTINUES, r"Breakpoint 1, bottom")}
    traces = []
    for _ in range(TRACES):  # each after a stop of its own, since GDB and the command remember what they have seen
        gdb.do("continue")
        traces.append(Measured(gdb, line, "backtrace 16", 1, r"#15 "))
    found["backtrace"] = traces[len(traces) // 2]
    found["backtrace"].exchanges = statistics.mean(trace.exchanges for trace in traces)
    found["backtrace"].ms = statistics.median(trace.ms for trace in traces)
    found["step_line"] = Measured(gdb, line, "step", LINES, r"value|sum")
    found["step"] = Measured(gdb, line, "stepi", STEPS, r"\d")
    return found


def near(gdb):
    """Steps a second without a delay."""
    gdb.do("hbreak bottom")
    gdb.do("continue")
    gdb.do("delete")
    started = time.monotonic()
    gdb.do(f"stepi {FAST_STEPS}")
    return FAST_STEPS / (time.monotonic() - started)


@contextlib.contextmanager
def stopped(process):
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def field(build, application):
    """A user whose board runs the application, and the address of the cloud."""
    user = User(build / "microvisor")
    user.command("apps", "debug-keypair")
    user.command("apps", "bundle", application, "app.zip", "--debug-auth-pubkey", "debug_auth_pub_key.pem")
    with stopped(user.start_cloud()):
        sid = user.create_board()
        with stopped(user.run_board("board", fast=False)):
            user.command("deploy", "app.zip", "--device", sid, "--wait")
            yield user, sid


@contextlib.contextmanager
def debugged(user, sid, elf, base_url):
    """GDB on the device, over the API at this address."""
    credentials = json.loads(user.credentials.read_text())
    through = user.home / "through.json"
    through.write_text(json.dumps({**credentials, "base_url": base_url}))
    through.chmod(0o600)
    user.environment["MICROVISOR_CREDENTIALS"] = str(through)
    with stopped(user.start("debug", sid, "debug_auth_prv_key.pem", "--listen", "0", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)) as server:
        gdb = Gdb(elf, server.stdout.readline().rpartition(":")[2].strip())
        yield gdb
        gdb.close()
    user.environment["MICROVISOR_CREDENTIALS"] = str(user.credentials)


def on_device(build, application):
    with field(build, application) as (user, sid):
        url = json.loads(user.credentials.read_text())["base_url"]
        line = DelayLine(("127.0.0.1", int(url.rpartition(":")[2])), ROUND_TRIP)
        with debugged(user, sid, application, f"http://127.0.0.1:{line.port}") as gdb:
            found = far(gdb, line)
        line.close()
        with debugged(user, sid, application, url) as gdb:
            return found, near(gdb)


def wait_until_it_listens(port):
    until = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


@contextlib.contextmanager
def qemu(program):
    """QEMU, halted at its reset, and the port of its GDB server."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with stopped(subprocess.Popen(["qemu-system-arm", "-M", "mps2-an505", "-nographic", "-kernel", program, "-monitor", "none", "-serial", "none",
                                   "-S", "-gdb", f"tcp:127.0.0.1:{port}"], stdin=subprocess.DEVNULL)):
        wait_until_it_listens(port)
        yield port


def on_qemu(program):
    with qemu(program) as port:
        line = DelayLine(("127.0.0.1", port), ROUND_TRIP)
        gdb = Gdb(program, line.port)
        found = far(gdb, line)
        gdb.close()
        line.close()
    with qemu(program) as port:
        gdb = Gdb(program, port)
        rate = near(gdb)
        gdb.close()
        return found, rate


@functools.cache
def sessions(build):
    """((actions, steps a second) on the device, the same on QEMU)."""
    with tempfile.TemporaryDirectory() as name:
        application, program = link(build, pathlib.Path(name))
        return on_device(build, application), on_qemu(program)


def figure_of(build, action, what):
    """Of one action its exchanges, packets, bytes or ms: ours and QEMU's."""
    ours, theirs = sessions(build)
    return getattr(ours[0][action], what), getattr(theirs[0][action], what)


def steps_per_s(build):
    ours, theirs = sessions(build)
    return ours[1], theirs[1]
