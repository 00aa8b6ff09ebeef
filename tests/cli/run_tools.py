#!/usr/bin/python3
"""`microvisor run APP.elf` with the tools that look into a board.

Usage: run_tools.py MICROVISOR APPLICATION CASE. Each case is a function below. The application is one of a small RTOS with five
tasks (tests/applications/guests/tasks.c).
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

from trace_format import check_format, expect

MICROVISOR, APPLICATION = sys.argv[1:3]
TASKS = {"led_loop", "blink_loop", "ping_loop", "sensor_loop", "idle_loop"}


def debugger():
    """Waits at the first instruction of the chip; a breakpoint set there halts in a task of the application, once it is
    installed, and one in the kernel's world is met behind it."""
    run = subprocess.Popen([MICROVISOR, "run", APPLICATION, "--fast", "--gdb", "127.0.0.1:0", "--halt"], stderr=subprocess.PIPE,
                           stdout=subprocess.DEVNULL, text=True)
    port = re.search(r":(\d+)\n", run.stderr.readline())[1]
    kernel = pathlib.Path(MICROVISOR).parent / "firmware/device/kernel.elf"
    commands = [f"target remote 127.0.0.1:{port}", "info registers pc", "break blink_loop", "continue", "print $secure",
                "print $sp == $psp_ns", "backtrace 1", "delete", f"add-symbol-file {kernel}", "break secure_fault_handler",
                "continue", "print $secure", "info symbol $pc", "kill"]
    output = subprocess.run(["gdb-multiarch", "-nx", "-batch", "-ex", "set confirm off", "-ex", "set style enabled off",
                             *(word for command in commands for word in ("-ex", command)), APPLICATION], capture_output=True,
                            text=True, timeout=180).stdout
    position = 0
    for pattern in (r"pc +0xc10\w+", "Breakpoint 1, blink_loop", r"\$1 = 0", r"\$2 = 1", r"#0 +blink_loop", "Breakpoint 2",
                    r"\$3 = 1", "secure_fault_handler"):
        found = re.compile(pattern).search(output, position)
        expect(found, "not found:", pattern, "in\n" + output)
        position = found.end()
    expect(run.wait(timeout=60) == 0, "kill did not end the run in order:", run.stderr.read())
    refused = subprocess.run([MICROVISOR, "run", APPLICATION, "--halt"], capture_output=True, text=True, timeout=60)
    expect(refused.returncode == 1 and "--gdb" in refused.stderr, refused.stderr)


def trace():
    """The application's functions by name, each task on a track of its own, and its system calls by name."""
    subprocess.run([MICROVISOR, "run", APPLICATION, "--fast", "--for", "150ms", "--trace", scratch / "trace.json"], check=True,
                   capture_output=True, timeout=180)
    events = json.loads((scratch / "trace.json").read_text())
    check_format(events)
    threads = {event["args"]["name"].split(": ")[-1] for event in events if event["name"] == "thread_name"}
    expect(threads == {"Secure", "Non-secure", "Exceptions", "Sleep", "Reset_Handler"} | TASKS, threads)
    calls = {event["name"] for event in events if event["ph"] == "b"}
    expect({"mvSetupNotifications", "mvRequestNetwork", "mvServerLog"} <= calls, calls)
    functions = {event["name"] for event in events if event["ph"] == "B" and event["tid"] > 10}
    expect({"main", "tick", *TASKS} <= functions, functions)
    resets = [event["name"] for event in events if event["ph"] == "i"]
    expect("reset: software" in resets, resets)  # the installation goes through one


def trace_to_a_full_disk():
    result = subprocess.run([MICROVISOR, "run", APPLICATION, "--fast", "--for", "10ms", "--trace", "/dev/full"], capture_output=True,
                            text=True, timeout=180)
    lines = [line for line in result.stderr.splitlines() if "/dev/full" in line]
    expect(result.returncode == 1 and lines == ["microvisor: /dev/full: No space left on device; the trace is not whole"],
           result.returncode, result.stderr)


with tempfile.TemporaryDirectory() as folder:
    scratch = pathlib.Path(folder)
    globals()[sys.argv[3]]()
