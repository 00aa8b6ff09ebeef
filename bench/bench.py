#!/usr/bin/python3
"""All figures of the project, each with its peer measured in the same run where there is one.

Usage: bench.py BUILD_DIRECTORY [--json FILE] [--only PREFIX]. Times are medians of several runs; what is counted (instructions,
bytes) is exact. A figure is a function with the decorator below; it returns the value, or the value and its peer's.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path += [str(ROOT / "bench/update"), str(ROOT / "bench/debugging"), str(ROOT / "bench/travel")]
import recorded
import sessions as debug_sessions
import shares as update_shares
FIGURES = []


def figure(name, unit, better, how, peer=None):
    def register(function):
        FIGURES.append({"name": name, "unit": unit, "better": better, "how": how, "peer": peer, "measure": function})
        return function
    return register


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, **options)


def stats_of(stderr):
    return json.loads(stderr.strip().splitlines()[-1])


QEMU = "qemu-system-arm -M mps2-an505"


class Guest:
    """One of bench/guest, linked for the board and for QEMU's mps2-an505, with as many rounds as asked for."""

    def __init__(self, folder, source, rounds, *options):
        name = f"{source}-{rounds}"
        self.board = self.link(folder / f"board-{name}.elf", source, "0x0C000000", "0x30000000", f"-DROUNDS={rounds}", *options)
        self.qemu = self.link(folder / f"qemu-{name}.elf", source, "0x10000000", "0x38000000", f"-DROUNDS={rounds}", "-DMPS2",
                              *options)

    @staticmethod
    def link(output, source, flash, ram, *options):
        guest = ROOT / "bench/guest"
        run("arm-none-eabi-gcc", "-mcpu=cortex-m33", "-mthumb", "-mcmse", "-mfloat-abi=soft", "-O2", "-ffreestanding",
            "-nostdlib", "-Wl,--no-warn-rwx-segments", f"-Wl,--defsym=FLASH_BASE={flash}", f"-Wl,--defsym=RAM_BASE={ram}",
            *options, "-T", guest / "guest.ld", guest / "startup.c", guest / f"{source}.c", "-lgcc", "-o", output)
        return output

    def on_board(self):
        """Instructions, wall seconds and what the guest printed."""
        result = run(MICROVISOR, "board", "exec", self.board, "--semihosting", "--stats")
        stats = stats_of(result.stderr)
        return stats["instructions"], stats["wall_s"], result.stdout.strip()

    def on_qemu(self):
        started = time.monotonic()
        output = run("qemu-system-arm", "-M", "mps2-an505", "-semihosting", "-nographic", "-kernel", self.qemu, "-monitor",
                     "none", "-serial", "none")
        return time.monotonic() - started, (output.stdout + output.stderr).strip()


def guest_rates(source, rounds, peer_rounds, operations, *options):
    """Operations a second of a guest on the board and on QEMU. Each is the difference of a long run and a short one, so that
    start-up counts for neither side; `rounds` are (short, long). `operations` is how many there are in a round, None for
    instructions. QEMU may have fewer rounds in its long run; checksums are compared where both have the same."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        guests = {count: Guest(folder, source, count, *options) for count in {*rounds, *peer_rounds}}
        ours, theirs = [], []
        for _ in range(3):
            runs = [guests[count].on_board() for count in rounds]
            peers = [guests[count].on_qemu() for count in peer_rounds]
            instructions = runs[1][0] - runs[0][0]
            span = rounds[1] - rounds[0]
            scale = operations or instructions / span
            ours.append(span * scale / (runs[1][1] - runs[0][1]))
            theirs.append((peer_rounds[1] - peer_rounds[0]) * scale / (peers[1][0] - peers[0][0]))
            for count, result, peer in zip(rounds, runs, peers):
                if count in peer_rounds and result[2] != peer[1]:
                    raise RuntimeError(f"the engines disagree: {result[2]} and {peer[1]}")
        return statistics.median(ours), statistics.median(theirs)


@figure("board.instructions_per_s", "1/s", "higher", "integer mix of bench/guest, board exec; peer: same source, same run", QEMU)
def instructions_per_s():
    return guest_rates("mix", (40, 1240), (40, 1240), None)


@figure("board.svc_per_s", "1/s", "higher", "SVC, a handler of two instructions, and back", QEMU)
def svc_per_s():
    return guest_rates("svc", (10, 1510), (10, 60), 10_000)


@figure("board.world_switch_per_s", "1/s", "higher", "Secure code calls a Non-secure function and gets it back", QEMU)
def world_switch_per_s():
    return guest_rates("worlds", (10, 1510), (10, 810), 10_000)


@figure("board.gateway_per_s", "1/s", "higher", "Non-secure code calls a Secure function through SG and gets it back", QEMU)
def gateway_per_s():
    return guest_rates("worlds", (10, 1510), (10, 310), 10_000, "-DGATEWAY")


@figure("board.mmio_per_s", "1/s", "higher", "reads of peripheral registers, four blocks in turn, one of them a running timer", QEMU)
def mmio_per_s():
    return guest_rates("mmio", (10, 1010), (10, 410), 40_000)


def unexecuted_places(elf, count):
    """Addresses in the hot code of the mix that are never executed: the second halves of 32-bit instructions."""
    listing = run("arm-none-eabi-objdump", "-d", "--disassemble=run", elf).stdout
    wide = re.findall(r"^ *([0-9a-f]+):\t[0-9a-f]{4} [0-9a-f]{4} ", listing, re.MULTILINE)
    return [int(address, 16) + 2 for address in wide[:count]]


def under_debugger(elf, places):
    """Instructions and wall seconds of a guest let go by a debugger that has set breakpoints at these places."""
    process = subprocess.Popen([str(MICROVISOR), "board", "exec", str(elf), "--semihosting", "--stats", "--gdb", "127.0.0.1:0"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    port = int(process.stderr.readline().rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for packet in [*(f"Z1,{place:x},2" for place in places), "c"]:
            connection.sendall(f"${packet}#{sum(packet.encode()) & 0xFF:02x}".encode())
        with contextlib.suppress(ConnectionError):  # the board is done, and gone
            while connection.recv(4096):
                connection.sendall(b"+")
    stats = stats_of(process.stderr.read())
    process.wait()
    return stats["instructions"], stats["wall_s"]


def rate_beside_breakpoints(count):
    """Instructions a second with so many breakpoints that are not met, and with none and no debugger; see guest_rates()."""
    with tempfile.TemporaryDirectory() as name:
        guests = [Guest(pathlib.Path(name), "mix", rounds) for rounds in (40, 1240)]
        ours, plain = [], []
        for _ in range(5):
            short, long = (under_debugger(guest.board, unexecuted_places(guest.board, count)) for guest in guests)
            ours.append((long[0] - short[0]) / (long[1] - short[1]))
            short, long = (guest.on_board() for guest in guests)
            plain.append((long[0] - short[0]) / (long[1] - short[1]))
        return statistics.median(ours), statistics.median(plain)


def breakpoint_figure(count):
    @figure(f"board.breakpoints_{count}_instructions_per_s", "1/s", "higher",
            f"the mix under a debugger with {count} breakpoints in its hot code that are not met; peer: board exec without one, same run",
            "no debugger")
    def measure():
        return rate_beside_breakpoints(count)
    return measure


for breakpoints in (0, 1, 8):
    breakpoint_figure(breakpoints)


def idle_snapshot(folder):
    """The idle guest, and a snapshot of it after 50 ms of its time."""
    guest = Guest(folder, "idle", 1)
    snapshot = folder / "idle.snapshot"
    run(BUILD / "board/bench_boards", "snapshot", guest.board, snapshot, 50)
    return guest, snapshot


def private_bytes_of_qemu(elf):
    """QEMU's own memory while the guest idles, looked at once it has stopped growing."""
    process = subprocess.Popen(["qemu-system-arm", "-M", "mps2-an505", "-nographic", "-kernel", str(elf), "-monitor", "none",
                                "-serial", "none"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        sizes = [0]
        while len(sizes) < 3 or sizes[-1] != sizes[-3] or sizes[-1] == 0:
            time.sleep(0.2)  # between two looks
            rollup = pathlib.Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            sizes.append(sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_")) * 1024)
        return sizes[-1]
    finally:
        process.kill()
        process.wait()


@figure("board.idle_bytes", "bytes", "lower", "each of 1,000 boards of one snapshot in one process, after a second of its time each: "
        "proportional resident memory and page tables; peer: private memory of one process", QEMU)
def idle_bytes():
    with tempfile.TemporaryDirectory() as name:
        guest, snapshot = idle_snapshot(pathlib.Path(name))
        figures = json.loads(run(BUILD / "board/bench_boards", "figures", snapshot, 1000).stdout)
        return figures["bytes_each"], private_bytes_of_qemu(guest.qemu)


@figure("board.start_ms", "ms", "lower", "reading a snapshot, building its board and its next instruction, inside a process, median "
        "of 51; peer: a whole process whose guest ends at once", QEMU)
def start_ms():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        _, snapshot = idle_snapshot(folder)
        inside = json.loads(run(BUILD / "board/bench_boards", "figures", snapshot, 1).stdout)["start_us"] / 1000
        nothing = Guest(folder, "nothing", 1)
        return inside, 1000 * statistics.median(nothing.on_qemu()[0] for _ in range(11))


@figure("board.start_process_ms", "ms", "lower", "a whole process that reads a snapshot and executes one instruction, wall time, "
        "median of 11; peer: a whole process whose guest ends at once", QEMU)
def start_process_ms():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        _, snapshot = idle_snapshot(folder)
        walls = []
        for _ in range(11):
            started = time.monotonic()
            run(BUILD / "board/bench_boards", "start", snapshot)
            walls.append(1000 * (time.monotonic() - started))
        nothing = Guest(folder, "nothing", 1)
        return statistics.median(walls), 1000 * statistics.median(nothing.on_qemu()[0] for _ in range(11))


def application_run():
    """One `microvisor run` of the example: wall time to its first line, statistics, and the process's peak memory."""
    started = time.monotonic()
    process = subprocess.Popen([str(MICROVISOR), "run", str(BUILD / "examples/log_led_c/log_led_c.elf"), "--for", "2s", "--fast",
                                "--stats"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    first = None
    for line in process.stdout:
        if first is None and "[app_logging]" in line:
            first = time.monotonic() - started
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0 or first is None:
        raise RuntimeError(errors)
    return first, stats_of(errors), usage.ru_maxrss * 1024


@figure("run.first_log_ms", "ms", "lower", "wall time from `microvisor run log_led_c.elf --fast` to its first log line, median of 5")
def first_log_ms():
    return 1000 * statistics.median(application_run()[0] for _ in range(5))


@figure("boot.instructions_to_app", "instructions", "lower", "from reset to the application's first instruction, same run")
def instructions_to_app():
    return application_run()[1]["instructions_to_app"]


@figure("board.process_peak_bytes", "bytes", "lower", "peak resident memory of `microvisor run` (cloud and board in one process)")
def process_peak_bytes():
    return application_run()[2]


def sizes():
    return json.loads(run(MICROVISOR, "board", "images", "--json").stdout)


@figure("boot.stages_flash_bytes", "bytes", "lower", "preboot, one bootrom and one upgrader as linked")
def stages_flash_bytes():
    images = sizes()
    return images["preboot_bytes"] + images["bootrom_bytes"] + images["upgrader_bytes"]


INJECTION = {}


def injection():
    """Of each call: instructions of its path and how long an interrupt waits; measured once."""
    if not INJECTION:
        INJECTION.update(json.loads(run(BUILD / "tests/kernel/injection_torture", "--figures").stdout))
    return INJECTION


LOOP_INSTRUCTIONS = 3  # of the caller's loop around a call: count, compare, branch
GETTERS = ["mvGetMicroseconds", "mvGetWallTime", "mvGetSysClk", "mvGetHClk", "mvGetPClk1", "mvGetPClk2", "mvGetDeviceId",
           "mvGetNetworkStatus", "mvGetNetworkReasons", "mvGetWakeReason"]


def call_path(name):
    return next(call["path"] for call in injection()["calls"] if call["name"] == name) + LOOP_INSTRUCTIONS


@figure("kernel.null_call_instructions", "instructions", "lower", "mvNoOp from a loop, the loop's three instructions included")
def null_call_instructions():
    return call_path("mvNoOp")


for getter in GETTERS:
    figure(f"kernel.call_instructions.{getter}", "instructions", "lower", f"{getter} from a loop, like mvNoOp")(
        lambda name=getter: call_path(name))


@figure("kernel.irq_hold_instructions", "instructions", "lower", "longest wait of a non-secure interrupt of priority 0, pending in "
        "front of any instruction of any call with ordinary and with its largest arguments; docs/kernel-figures.md has each call")
def irq_hold_instructions():
    return max(call["wait"] for call in injection()["calls"])


@figure("kernel.irq_hold_erase_us", "us of the board", "lower", "the same with an erase of flash bank 2 going on throughout")
def irq_hold_erase_us():
    return max(call["erase_us"] for call in injection()["calls"])


@figure("kernel.irq_wait_background_instructions", "instructions", "lower", "longest of 20,000 waits of a non-secure interrupt of "
        "priority 0 while bytes from the modem's line keep the worker busy")
def irq_wait_background_instructions():
    return injection()["background_wait"]


def write_kernel_figures(file):
    """docs/kernel-figures.md: what the injection runs found, a line for each call, and what the stacks need."""
    lines = ["# What the kernel costs an application", "",
             "Written by `script/bench --kernel-document docs/kernel-figures.md`. Instructions of the core, counted on the board: of a",
             "call from the branch to the gate to the instruction behind it, ordinary arguments; how long a non-secure interrupt of",
             "priority 0 that becomes pending anywhere in it waits, ordinary and largest arguments; and the same wait in microseconds",
             "of the board at 160 MHz while flash bank 2 is being erased. A call that takes several traps lets interrupts in between",
             "them; calls that wait for the external flash are made again and again, and so are calls whose bodies lie in flash while it is",
             "being erased.", "",
             f"While background work goes on without calls, the longest wait is {injection()['background_wait']} instructions.", "",
             "| call | instructions | longest wait | with an erase, us |", "|---|---|---|---|"]
    for call in sorted(injection()["calls"], key=lambda call: (-call["wait"], call["name"])):
        path = call["path"] if call["path"] != 1000 else "waits"
        lines.append(f"| {call['name']} | {path} | {call['wait']} | {call['erase_us']:.1f} |")
    lines += ["", "## Stacks", "",
              "Bytes that each of the kernel's stacks needs at most, as the build computes it (docs/kernel.md, \"Stacks\"), and what was",
              "used on the board during start-up, handshakes, calls, an update and crash reports. The nesting of all exceptions, for which",
              "main and worker stack have room, hardly ever happens.", "",
              "| stack | at most | used | of |", "|---|---|---|---|"]
    used = stack_use()
    lines += [f"| {stack} | {bound:,} | {used[stack]:,} | {size:,} |" for stack, bound, size in stack_bounds()]
    file.write_text("\n".join([*lines, *memory_lines()]) + "\n")


def memory_lines():
    """The part of docs/kernel-figures.md about RAM."""
    names = {"arena": "arena of mbedTLS", "heap": "heap of lwIP", "packets": "packet buffers of lwIP"}
    lines = ["", "## RAM", "",
             f"Image and zeroed data take {sizes()['kernel_ram_bytes']:,} bytes of SRAM3, and the image {sizes()['kernel_flash_bytes']:,} of flash; the limits are",
             "131,072 and 229,376 (`firmware/limits.hpp`). What of the fixed memories in the RAM is used at most over",
             "handshakes with and without a ticket, an update, log messages as fast as they are taken, crash reports at any moment and",
             "reconnections, with certificates of the largest size (`MemoryUse.*`). Layers in transfer encodings (docs/update.md) take",
             "12,192 of these bytes, for the decoder, and 12,136 of the kernel's flash.", "", "| memory | size | peak |", "|---|---|---|"]
    return lines + [f"| {name} | {memory_use()[key][1]:,} | {memory_use()[key][0]:,} |" for key, name in names.items()]


def stack_bounds():
    """Of each stack of the kernel: name, the most that it needs, size (firmware/stack_check/check_stacks.py)."""
    lines = (BUILD / "firmware/device/kernel.stacks").read_text().splitlines()
    for symbol, _, bound, size in (line.split() for line in lines if not line.startswith(" ")):
        yield symbol.removeprefix("kernel_").removesuffix("_stack"), int(bound), int(size)


def stack_use():
    """Of each stack of the kernel what tests find used on the board (tests/kernel/stack_watermarks.cpp)."""
    used = {}
    for test, case in [("kernel/kernel_calls_test", "KernelMemory.Stacks*"), ("life/life_board_test", "CrashReportOnBoard.IsMade*:MemoryUse.*"),
                       ("kernel/kernel_stacks_test", "KernelStacks.*")]:
        output = run(BUILD / "tests" / test, f"--gtest_filter={case}").stdout
        for stack, count in re.findall(r"kernel_(\w+)_stack: (\d+) bytes used", output):
            used[stack] = max(used.get(stack, 0), int(count))
    return used


for the_stack in ("main", "thread", "worker"):
    figure(f"kernel.stack_bytes.{the_stack}", "bytes", "lower", "the most that this stack of the kernel's needs, exceptions included")(
        lambda name=the_stack: next(bound for stack, bound, _ in stack_bounds() if stack == name))


@figure("kernel.flash_bytes", "bytes", "lower", "kernel image as linked")
def kernel_flash_bytes():
    return sizes()["kernel_flash_bytes"]


@figure("kernel.ram_bytes", "bytes", "lower", "SRAM3 that the kernel's image and its zeroed data take")
def kernel_ram_bytes():
    return sizes()["kernel_ram_bytes"]


MEMORY_USE = {}


def memory_use():
    """Of each fixed memory of the kernel: peak and size, as tests/life/memory_use_test.cpp measures them; once."""
    if not MEMORY_USE:
        output = run(BUILD / "tests/life/life_board_test", "--gtest_filter=MemoryUse.*").stdout
        MEMORY_USE.update({name: (int(peak), int(size)) for name, peak, size in
                           re.findall(r"^(\w+): (\d+) of (\d+) \w+ used$", output, re.MULTILINE)})
    return MEMORY_USE


for memory, name, unit, what in [("arena", "arena_peak_bytes", "bytes", "mbedTLS's arena"), ("heap", "lwip_heap_peak", "bytes", "lwIP's heap"),
                                 ("packets", "pbuf_peak", "buffers", "lwIP's packet buffers")]:
    figure(f"kernel.{name}", unit, "lower", f"most of {what} in use over everything the link does, with certificates of the largest size; "
           "docs/kernel-figures.md has the sizes")(lambda memory=memory: memory_use()[memory][0])


def application_share(state, test):
    """Percent of the processor that a counting application has, as tests/kernel/share_test.cpp measures it."""
    output = run(BUILD / "tests/kernel/kernel_calls_test", f"--gtest_filter=Share.{test}").stdout
    return 100 * float(re.search(rf"app_cpu_share_{state}: ([0-9.]+)", output)[1])


@figure("kernel.app_cpu_share_handshake", "%", "higher", "counts of an application from the TCP connection to the gateway's Welcome, "
        "against the same application without a modem")
def app_cpu_share_handshake():
    return application_share("handshake", "OfAHandshakeIsAtLeastHalf")


@figure("kernel.app_cpu_share_idle", "%", "higher", "the same over 3 s of a connected, idle link")
def app_cpu_share_idle():
    return application_share("idle", "WhileConnectedAndIdleIsNineTenths")


@figure("kernel.app_cpu_share_download", "%", "higher", "the same while an update of 200 kB is fetched, staged and verified")
def app_cpu_share_download():
    return application_share("download", "OfADownloadIsAtLeastHalf")


@figure("kernel.fast_interrupt_cycles", "cycles", "lower", "the worst of 3,000 fast interrupts until the application's handler begins, "
        "with a busy worker and system calls, at 160 MHz")
def fast_interrupt_cycles():
    output = run(BUILD / "tests/kernel/kernel_board_test", "--gtest_filter=FastInterruptsOnBoard.ComeInTime*").stdout
    return int(re.search(r"at most (\d+) cycles", output)[1])


def median_share(kind):
    """The medians over the pairs, ours and the peer's."""
    return tuple(map(statistics.median, zip(*(pair[kind] for pair in update_shares.shares(BUILD).values()))))


for kind, peer, what in (("delta", "bsdiff and xz", "against the old image"), ("compressed", "xz", "without a base")):
    figure(f"update.{kind}_share", "%", "lower", f"bytes of the transfer encoding {what} per byte of the new image, median of ten "
           "pairs of firmware versions (bench/update)", peer)(lambda kind=kind: median_share(kind))
    for pair in update_shares.NAMES:
        figure(f"update.{kind}_share.{pair}", "%", "lower", "the same of this pair alone", peer)(
            lambda kind=kind, pair=pair: update_shares.shares(BUILD)[pair][kind])


UPDATE_TIMES = {}


def update_times(kind):
    """Of an update that travels whole or as a difference: seconds of the deployment, ms of outage and boot; measured once."""
    if not UPDATE_TIMES:
        output = run(BUILD / "tests/life/life_board_test", "--gtest_filter=UpdateFigures.*").stdout
        for name, *times in re.findall(r"^(\w+): deploy ([0-9.]+) s, outage ([0-9.]+) ms, boot ([0-9.]+) ms$", output, re.MULTILINE):
            UPDATE_TIMES[name] = tuple(map(float, times))
    return UPDATE_TIMES[kind]


@figure("update.deploy_seconds_at_100kbit", "s", "lower", "board time from the target's name to the new application's first instruction, "
        "over 100 kbit/s; 270 KB of application, of which one byte in a thousand has changed", "the update whole")
def deploy_seconds_at_100kbit():
    return update_times("difference")[0], update_times("whole")[0]


@figure("update.outage_ms", "ms", "lower", "board time of the same from the reset to the new application's first instruction: installed "
        "and verified")
def outage_ms():
    return update_times("difference")[1]


@figure("update.boot_ms", "ms", "lower", "board time from a reset to the first instruction of an application of 270 KB, with verification "
        "of kernel and application")
def boot_ms():
    return update_times("difference")[2]


NETWORK = {}


def network(name):
    """What tests/network/network_figures measures; once. Times are medians of 21."""
    if not NETWORK:
        NETWORK.update(json.loads(run(BUILD / "tests/network/network_figures").stdout))
    return NETWORK[name]


@figure("net.http_round_trip_ms", "ms", "lower", "board time from an application's mvSendHttpRequest to its notification, GET of 600 bytes over "
        "TLS from a server on loopback, median of 21; peer: the same by a curl process each, time_total", "curl on this host")
def http_round_trip_ms():
    return network("get_ms"), network("curl_get_ms")


AIR = "bytes of IP packets both ways, TLS and acknowledgements included: "
DIRECTLY = "MQTT over TLS directly"
for name, key, peer_key, peer, how in [
        ("log_line", "line_bytes", "direct_line_bytes", DIRECTLY, "a log line of 60 bytes by itself; peer: published with QoS 0"),
        ("http_get", "get_bytes", "curl_get_bytes", "HTTPS directly", "a GET of 600 bytes with its channel; peer: curl, with its handshake"),
        ("publish", "publish_bytes", "direct_publish_bytes", DIRECTLY, "a publication of QoS 1 on an open channel, and its answer"),
        ("idle_hour", "idle_hour_bytes", "direct_idle_hour_bytes", DIRECTLY, "an hour without a word of the application's; peer: 60 exchanges of "
         "PINGREQ at a keep-alive of 60 s, from the mean of 3")]:
    figure(f"net.bytes_{name}", "bytes", "lower", AIR + how, peer)(
        lambda key=key, peer_key=peer_key: (network(key), network(peer_key)))


@figure("net.mqtt_messages_per_s", "1/s", "higher", "publications of QoS 1 by one device, eight under way, answered by mosquitto on loopback, over 5 s of the board")
def mqtt_messages_per_s():
    return network("publications_per_s")


@figure("net.mqtt_messages_per_s_of_all", "1/s", "higher", "the same by one cloud process for 16 devices that have no board, on the same machine as they and "
        "the broker")
def mqtt_messages_per_s_of_all():
    return network("publications_per_s_of_all")


QEMU_GDB = "QEMU's GDB server behind the same delay"
AT_DISTANCE = "stock GDB on a device 150 ms away, through the cloud: "
ACTIONS = [("step", "stepi"), ("step_line", "step, a source line"), ("backtrace", "a back-trace of 16 frames after a stop"),
           ("continue", "continue to a breakpoint")]
COSTS = [("round_trips", "exchanges", "exchanges", "sequential request-reply exchanges on the link, mean"), ("ms", "ms", "ms", "median"),
         ("packets", "packets", "packets", "both ways, mean"), ("bytes", "bytes", "bytes", "both ways, mean")]
for action, words in ACTIONS:
    for cost, attribute, unit, how in COSTS:
        figure(f"debug.{action}_{cost}", unit, "lower", f"{AT_DISTANCE}{words}; {how}", QEMU_GDB)(
            lambda action=action, attribute=attribute: debug_sessions.figure_of(BUILD, action, attribute))


@figure("debug.steps_per_s", "1/s", "higher", "stepi 1000 by stock GDB through the cloud on loopback, a board in real time",
        "QEMU's GDB server on loopback")
def debug_steps_per_s():
    return debug_sessions.steps_per_s(BUILD)


@figure("travel.record_s", "s", "lower", "wall time of a minute of a device without a cloud, recorded, median of 5; peer: the same without a "
        "recorder, in turns", "not recorded")
def record_s():
    with recorded.places() as (board, folder):
        run(MICROVISOR, "board", "create", board)
        walls = [[recorded.run_copy(MICROVISOR, board, folder, "60s", *options) for options in ((), ("--record", folder / "recording"))]
                 for _ in range(5)]
        return statistics.median(wall[1] for wall in walls), statistics.median(wall[0] for wall in walls)


@contextlib.contextmanager
def ten_minutes():
    """A debugger at the end of the recording of a device without a cloud."""
    with recorded.places() as (board, folder):
        run(MICROVISOR, "board", "create", board)
        recorded.run_copy(MICROVISOR, board, folder, "600s", "--record", folder / "recording")
        with recorded.Debugger(MICROVISOR, folder / "recording") as debugger:
            debugger.ask("c")
            yield debugger


@figure("travel.step_back_us", "us", "lower", "reverse-stepi, median of 300; peer: stepi", "stepi")
def step_back_us():
    with ten_minutes() as debugger:
        back = [debugger.milliseconds("bs") for _ in range(300)]
        return 1000 * statistics.median(back), 1000 * statistics.median(debugger.milliseconds("s") for _ in range(300))


@figure("travel.search_back_ms", "ms", "lower", "reverse-continue over ten minutes of a device without a cloud, to a breakpoint that is never met; "
        "peer: continue over the same", "forward")
def search_back_ms():
    with ten_minutes() as debugger:
        debugger.ask("Z0,c0f0000,2")
        return debugger.milliseconds("bc"), debugger.milliseconds("c")


def main():
    global BUILD, MICROVISOR
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--kernel-document", type=pathlib.Path, help="write docs/kernel-figures.md and end")
    arguments = parser.parse_args()
    BUILD = arguments.build.resolve()
    MICROVISOR = BUILD / "microvisor"
    if arguments.kernel_document:
        write_kernel_figures(arguments.kernel_document)
        return
    results = []
    for entry in FIGURES:
        if not entry["name"].startswith(arguments.only):
            continue
        value = entry["measure"]()
        value, peer_value = value if isinstance(value, tuple) else (value, None)
        results.append({"name": entry["name"], "value": value, "unit": entry["unit"], "peer": entry["peer"],
                        "peer_value": peer_value, "better": entry["better"], "how": entry["how"]})
        digits = 2 if entry["unit"] in ("%", "s", "exchanges") else 0
        beside = f"   ({entry['peer']}: {peer_value:,.{digits}f}, ratio {value / peer_value:.2f})" if peer_value else ""
        print(f"{entry['name']:<44} {value:>16,.{digits}f} {entry['unit']}{beside}", flush=True)
    if not results:
        sys.exit(f"bench: no figure begins with {arguments.only}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
