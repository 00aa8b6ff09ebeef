#!/usr/bin/python3
"""A program that uses what the board does not model: whoever runs it is told, once a register, by each command that runs it.

Usage: unmodelled.py MICROVISOR GUESTS APPLICATION. The guest `unmodelled` reads, writes and reads two registers each of SPI1
and ADC1; the application two of SPI1, twice.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

MICROVISOR, GUESTS, APPLICATION = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]


def named(stderr):
    return [line.split(" uses ")[1].split(",")[0] for line in stderr.splitlines() if "does not model" in line]


def check(wanted, *arguments):
    result = subprocess.run([MICROVISOR, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    if result.returncode != 0 or named(result.stderr) != wanted:
        sys.exit(f"{arguments[:2]}: exit status {result.returncode}, named {named(result.stderr)}:\n{result.stderr}")


def check_board(folder, wanted):
    """A board with a cloud, until the application that is deployed to it has used the registers."""
    cloud = subprocess.Popen([MICROVISOR, "cloud", "serve", "--listen", "127.0.0.1:0", "--gateway", "127.0.0.1:0", "--data",
                              folder / "cloud"], stderr=subprocess.PIPE, text=True)
    try:
        cloud.stderr.readline()  # it is ready
        os.environ["MICROVISOR_CREDENTIALS"] = str(folder / "cloud/credentials.json")
        made = subprocess.run([MICROVISOR, "board", "create", folder / "board", "--cloud", folder / "cloud/credentials.json", "--json"],
                              capture_output=True, text=True, check=True, timeout=60)
        subprocess.run([MICROVISOR, "deploy", APPLICATION, "--device", json.loads(made.stdout)["sid"]], check=True, timeout=60,
                       capture_output=True)
        board = subprocess.Popen([MICROVISOR, "board", "run", folder / "board", "--fast"], stderr=subprocess.PIPE, text=True)
        lines = []
        for line in board.stderr:
            lines.append(line)
            if len(named("".join(lines))) == len(wanted):
                break
        board.terminate()
        lines.append(board.communicate(timeout=30)[1])
        if named("".join(lines)) != wanted or board.returncode != 0:
            sys.exit(f"board run: exit status {board.returncode}\n{''.join(lines)}")
    finally:
        cloud.terminate()
        cloud.wait(30)


check(["SPI1.CFG1", "SPI1.CRCPOLY", "ADC1.CFGR1", "ADC1.CCR"], "board", "exec", GUESTS / "unmodelled.elf", "--semihosting")
check(["SPI1.CFG1", "SPI1.CRCPOLY"], "run", APPLICATION, "--fast", "--for", "500ms")
with tempfile.TemporaryDirectory() as scratch:
    check_board(pathlib.Path(scratch), ["SPI1.CFG1", "SPI1.CRCPOLY"])
