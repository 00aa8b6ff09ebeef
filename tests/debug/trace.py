#!/usr/bin/python3
"""Traces of `board exec --trace` and `board run --trace`: well-formed, and what stands in them.

Usage: trace.py MICROVISOR GUESTS CASE. Each case is a function below.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

from trace_format import check_format, expect

MICROVISOR, GUESTS = sys.argv[1], pathlib.Path(sys.argv[2])


def run(*arguments, status=0):
    result = subprocess.run([MICROVISOR, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    expect(result.returncode == status, arguments, "status", result.returncode, result.stderr)
    return result


def traced(guest, *options, status=0):
    trace = scratch / "trace.json"
    run("board", "exec", GUESTS / guest, "--semihosting", "--trace", trace, *options, status=status)
    events = json.loads(trace.read_text())
    check_format(events)
    return events


def calls(events):
    """Functions as they begin and end, the exceptions with them, without times: what is inside stands in the list behind."""
    tree = []
    open_lists = [tree]
    for event in events:
        if event["ph"] == "B":
            open_lists[-1].append(event["name"])
            open_lists.append([])
        elif event["ph"] == "E":
            inside = open_lists.pop()
            if inside:
                open_lists[-1].append(inside)
    return tree


def slices(events, track):
    number, = (event["tid"] for event in events if event["name"] == "thread_name" and event["args"]["name"] == track)
    return [event for event in events if event["ph"] == "X" and event["tid"] == number]


# --- cases ------------------------------------------------------------------------------------------------------------


def calls_by_symbol():
    """The functions of guests/worlds.c, which makes no system call, as its text has them."""
    events = traced("worlds.elf", status=25)
    ask = ["ask", ["ask", ["ask", ["SVCall (S)", ["svc_handler"]]]]]
    wanted = ["start", ["main", ["print", ["semihosting"], "open_the_other_world", "visit", ["double_it"], "add", *ask, "add",
                                 "semihosting"]]]
    expect(calls(events) == wanted, calls(events), "instead of", wanted)
    expect([part["name"] for part in slices(events, "Non-secure")] == ["visit"], slices(events, "Non-secure"))


def gateways():
    """Calls through SG have the gateway's name, and end where Non-secure code goes on."""
    events = traced("gateway.elf")
    through = ["gateway", ["serve"]]
    wanted = ["main", ["set_region", "set_region", "visit", through + through]]
    expect(calls(events) == wanted, calls(events), "instead of", wanted)
    names = [part["name"] for part in slices(events, "Secure")]
    expect(names.count("gateway") == 2, names)
    expect(len(slices(events, "Non-secure")) == 3, slices(events, "Non-secure"))


def sleep_modes():
    """guests/modes.c sleeps 16 periods of 2048 Hz in each mode."""
    events = traced("modes.elf")
    asleep = slices(events, "Sleep")
    wanted = ["Sleep", "Stop 0", "Stop 1", "Stop 2", "Stop 3", "Standby"]
    expect([part["name"] for part in asleep] == wanted, asleep)
    period = 1e6 * 16 / 2048
    for part in asleep:
        expect(period - 1e6 / 2048 <= part["dur"] <= period, part)
    expect([event["name"] for event in events if event["ph"] == "i"] == ["reset: wake-up from Standby"],
           [event for event in events if event["ph"] == "i"])


def costs_no_instruction():
    plain, with_trace = (json.loads(run("board", "exec", GUESTS / "worlds.elf", "--semihosting", "--stats", *options, status=25)
                                    .stderr.splitlines()[-1]) for options in ((), ("--trace", scratch / "trace.json")))
    for key in ("instructions", "virtual_s"):
        expect(plain[key] == with_trace[key], key, plain, with_trace)


def full_disk():
    """One line, status 1, and the board is as it would be without a trace."""
    boards = [scratch / "plain", scratch / "board"]
    run("board", "create", boards[0])
    run("board", "clone", boards[0], boards[1])
    run("board", "run", boards[0], "--fast", "--for", "300ms")
    refused = run("board", "run", boards[1], "--fast", "--for", "300ms", "--trace", "/dev/full", status=1)
    lines = [line for line in refused.stderr.splitlines() if "/dev/full" in line]
    expect(lines == ["microvisor: /dev/full: No space left on device; the trace is not whole"], refused.stderr)
    run("board", "run", boards[1], "--fast", "--for", "300ms")
    refused = run("board", "run", boards[1], "--trace", scratch / "none" / "trace.json", status=1)
    expect(len(refused.stderr.splitlines()) <= 2 and "No such file" in refused.stderr, refused.stderr)


def kernel_by_symbol():
    """The boot of a whole device with the kernel's functions."""
    kernel = pathlib.Path(MICROVISOR).parent / "firmware/device/kernel.elf"
    run("board", "create", scratch / "board")
    trace = scratch / "trace.json"
    run("board", "run", scratch / "board", "--fast", "--for", "200ms", "--trace", trace, "--symbols", kernel)
    events = json.loads(trace.read_text())
    check_format(events)
    expect(any(event["name"] == "kernel_main" for event in events if event["ph"] == "B"), "kernel_main does not appear")


with tempfile.TemporaryDirectory() as folder:
    scratch = pathlib.Path(folder)
    globals()[sys.argv[3]]()
