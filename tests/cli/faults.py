#!/usr/bin/python3
"""Faults asked for on the command line: they happen, the command says so and ends with the documented status.

Usage: faults.py MICROVISOR GUESTS. The guests are bare programs of the board's own tests: `sum` adds 1, 2, 4 ... 128, `branches`
tries twelve conditional branches, `flash` programs, erases and programs again.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

MICROVISOR = sys.argv[1]
GUESTS = pathlib.Path(sys.argv[2])
POWER_CUT = 3


def command(*arguments):
    return subprocess.run([MICROVISOR, *map(str, arguments)], capture_output=True, text=True, timeout=120)


def execute(guest, *options):
    return command("board", "exec", GUESTS / f"{guest}.elf", "--semihosting", "--max-instructions", 1_000_000, *options)


def expect(result, status, *lines):
    said = [line.removeprefix("microvisor: ") for line in result.stderr.splitlines()]
    if result.returncode != status or not all(any(line in text for text in said) for line in lines):
        sys.exit(f"exit status {result.returncode} instead of {status}, wanted {lines}:\n{result.stderr}")


def bare_firmware():
    expect(execute("sum"), 255)
    expect(execute("sum", "--cut", "instruction:7"), POWER_CUT, "power cut instruction:7")
    expect(execute("flash", "--cut", "flash:2:torn"), POWER_CUT, "power cut flash:2:torn")
    expect(execute("flash", "--cut", "memory:3:after"), POWER_CUT, "power cut memory:3:after")
    expect(execute("flash", "--cut", "flash:4:before"), 0, "fault flash:4:before: the run was over before")
    drawn = execute("sum", "--cut", "random:5:10")
    expect(drawn, POWER_CUT, "power cut instruction:")
    if drawn.stderr != execute("sum", "--cut", "random:5:10").stderr:
        sys.exit("the same seed drew another moment")
    statuses = set()
    for number in range(1, 20):
        statuses.add(execute("sum", "--skip", number).returncode)
    if not {255 - (1 << bit) for bit in range(8)} <= statuses:
        sys.exit(f"skipping gave {sorted(statuses)}")
    normal = execute("branches").returncode
    expect(execute("branches", "--invert-branch", 2), normal ^ 2, "fault invert:2: inverted the instruction at 0x0c00")
    expect(execute("branches", "--invert-branch", 2, "--invert-branch", 4), normal ^ 10)
    stats = execute("sum", "--cut", "instruction:7", "--stats").stderr.splitlines()
    if json.loads(stats[-1])["instructions"] != 7:
        sys.exit(f"the last line is not the statistics: {stats}")


def board_directory(scratch):
    board = scratch / "board"
    made = command("board", "create", board)
    if made.returncode:
        sys.exit(made.stderr)
    begun = json.loads(command("board", "inspect", board, "--json").stdout)["flash_operations"]  # it has made its identity
    result = command("board", "run", board, "--fast", "--cut", "flash:3:torn", "--for", "60s")
    expect(result, POWER_CUT, "power cut flash:3:torn")
    state = json.loads(command("board", "inspect", board, "--json").stdout)
    if state["flash_operations"] != begun + 3 or state["power_cuts"] != 0:
        sys.exit(f"after the cut: {state}")
    expect(command("board", "run", board, "--fast", "--for", "1s"), 0)  # finds the torn operation, and runs
    state = json.loads(command("board", "inspect", board, "--json").stdout)
    if state["power_cuts"] != 1 or not state["last_cut"]:
        sys.exit(f"after power came back: {state}")
    print(command("board", "inspect", board).stdout, end="")


if __name__ == "__main__":
    bare_firmware()
    with tempfile.TemporaryDirectory(prefix="microvisor-faults-") as folder:
        board_directory(pathlib.Path(folder))
