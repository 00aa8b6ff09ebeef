#!/usr/bin/python3
"""All figures of the project, each with its peer measured in the same run where there is one.

Usage: bench.py BUILD_DIRECTORY [--json FILE] [--only PREFIX]. Times are medians of several runs; what is counted (instructions,
bytes) is exact. A figure is a function with the decorator below; it returns the value, or the value and its peer's.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
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


class Guest:
    """The mix, linked for the board and for QEMU's mps2-an505, with as many rounds as asked for."""

    def __init__(self, folder, rounds):
        self.rounds = rounds
        self.board = self.link(folder / f"board-{rounds}.elf", "0x0C000000", "0x30000000")
        self.qemu = self.link(folder / f"qemu-{rounds}.elf", "0x10000000", "0x38000000")

    def link(self, output, flash, ram):
        guest = ROOT / "bench/guest"
        run("arm-none-eabi-gcc", "-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=soft", "-O2", "-ffreestanding", "-nostdlib",
            "-Wl,--no-warn-rwx-segments", f"-Wl,--defsym=FLASH_BASE={flash}", f"-Wl,--defsym=RAM_BASE={ram}",
            f"-DROUNDS={self.rounds}", "-T", guest / "guest.ld", guest / "mix.c", "-lgcc", "-o", output)
        return output


def run_qemu(elf):
    started = time.monotonic()
    output = run("qemu-system-arm", "-M", "mps2-an505", "-semihosting", "-nographic", "-kernel", elf, "-monitor", "none",
                 "-serial", "none")
    return time.monotonic() - started, (output.stdout + output.stderr).strip()


@figure("board.instructions_per_s", "1/s", "higher", "integer mix of bench/guest, board exec; peer: same source, same run",
        peer="qemu-system-arm -M mps2-an505")
def instructions_per_s():
    """Rates by difference of a long and a short run, so that start-up counts for neither side."""
    with tempfile.TemporaryDirectory() as folder:
        short, long = Guest(pathlib.Path(folder), 40), Guest(pathlib.Path(folder), 1240)
        ours, theirs = [], []
        for _ in range(3):
            counts, walls, checksums = [], [], []
            for guest in (short, long):
                result = run(MICROVISOR, "board", "exec", guest.board, "--semihosting", "--stats")
                stats = stats_of(result.stderr)
                counts.append(stats["instructions"])
                walls.append(stats["wall_s"])
                checksums.append(result.stdout.strip())
            ours.append((counts[1] - counts[0]) / (walls[1] - walls[0]))
            peers = [run_qemu(guest.qemu) for guest in (short, long)]
            theirs.append((counts[1] - counts[0]) / (peers[1][0] - peers[0][0]))
            if checksums != [peer[1] for peer in peers]:
                raise RuntimeError(f"the engines disagree: {checksums} and {[peer[1] for peer in peers]}")
        return statistics.median(ours), statistics.median(theirs)


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


@figure("boot.stages_flash_bytes", "bytes", "lower", "preboot and one bootrom as linked")
def stages_flash_bytes():
    images = sizes()
    return images["preboot_bytes"] + images["bootrom_bytes"]


@figure("kernel.flash_bytes", "bytes", "lower", "kernel image as linked")
def kernel_flash_bytes():
    return sizes()["kernel_flash_bytes"]


@figure("kernel.ram_bytes", "bytes", "lower", "SRAM3 that the kernel's image and its zeroed data take")
def kernel_ram_bytes():
    return sizes()["kernel_ram_bytes"]


def main():
    global BUILD, MICROVISOR
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    BUILD = arguments.build.resolve()
    MICROVISOR = BUILD / "microvisor"
    results = []
    for entry in FIGURES:
        if not entry["name"].startswith(arguments.only):
            continue
        value = entry["measure"]()
        value, peer_value = value if isinstance(value, tuple) else (value, None)
        results.append({"name": entry["name"], "value": value, "unit": entry["unit"], "peer": entry["peer"],
                        "peer_value": peer_value, "better": entry["better"], "how": entry["how"]})
        beside = f"   ({entry['peer']}: {peer_value:,.0f}, ratio {value / peer_value:.2f})" if peer_value else ""
        print(f"{entry['name']:<28} {value:>16,.0f} {entry['unit']}{beside}", flush=True)
    if not results:
        sys.exit(f"bench: no figure begins with {arguments.only}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
