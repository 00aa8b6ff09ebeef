#!/usr/bin/python3
"""What a device joins a Wi-Fi network with, set on the bench: `board run --direct` and `microvisor wificonfig`.

Usage: wificonfig.py MICROVISOR
"""
import re
import subprocess
import sys

from user import Started, User, check

NAME, PASSWORD = "the workshop, 2nd floor", 'a "secret"\\ of café'.replace("é", "e")


def run_board(user, started):
    """Its line, as it says it."""
    board = started.keep(user.start("board", "run", "board", "--direct", stderr=subprocess.PIPE))
    for line in board.stderr:
        if found := re.search(r"the modem's line is (\S+)$", line):
            return board, found[1]
    sys.exit("the board does not say its line")


with Started() as started:
    user = User(sys.argv[1])
    cloud = started.keep(user.start_cloud())
    user.create_board()
    board, line = run_board(user, started)
    wificonfig = lambda *arguments: user.command("wificonfig", *arguments, line).stdout.strip()
    check(wificonfig("get") == "the device has no Wi-Fi settings", "there is nothing at first")
    wificonfig("set", NAME, PASSWORD)
    check(wificonfig("get") == f"{NAME}, with a password", "the name comes back, the password does not")
    board.terminate()
    board.wait(20)
    memory = (user.home / "board" / "flash.bin").read_bytes()
    check(PASSWORD.encode() not in memory and NAME.encode() not in memory, "neither is in the flash in clear")
    board, line = run_board(user, started)
    check(wificonfig("get") == f"{NAME}, with a password", "a power cut later it is still there")
    wificonfig("set", "open to all", "")
    check(wificonfig("get") == "open to all, without a password", "one without a password")
    wificonfig("clear")
    check(wificonfig("get") == "the device has no Wi-Fi settings", "and it is gone")
    user.refused("wificonfig", "set", "name", "short", line, words=["8 to 63"])
    user.refused("wificonfig", "set", "x" * 33, "long enough", line, words=["1 to 32"])
    user.refused("wificonfig", "get", "/dev/null", words=["/dev/null"])
    user.command("wificonfig", "ports")
