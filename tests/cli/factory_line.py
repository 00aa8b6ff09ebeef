#!/usr/bin/python3
"""A production line at the command line: what it writes for the programmer, and what becomes of the chips.

Usage: factory_line.py MICROVISOR CASE APPLICATION.elf. Each case is a function below.
"""
import hashlib
import json
import os
import shutil
import sys

from user import User, check

APPLICATION = os.path.abspath(sys.argv[3])
user = User(sys.argv[1])
command, refused = user.command, user.refused


def options_of(directory):
    return json.loads((user.home / directory / "option-bytes.json").read_text())


def image():
    """All devices get the same files, which the virtual board takes as a programmer does."""
    command("factory", "image", "line")
    command("factory", "image", "again")
    files = sorted(path.name for path in (user.home / "line").iterdir())
    check(files == ["microvisor.bin", "microvisor.hex", "option-bytes.json", "program.sh"], f"files: {files}")
    check(all((user.home / "line" / name).read_bytes() == (user.home / "again" / name).read_bytes() for name in files),
          "written twice they are the same")
    flash = (user.home / "line" / "microvisor.bin").read_bytes()
    options = options_of("line")
    check(len(flash) == 1 << 20 and options["flash_sha256"] == hashlib.sha256(flash).hexdigest(), "bank 2 is whole")
    login = json.loads(user.credentials.read_text())
    check(login["auth_token"].encode() not in flash and b"PRIVATE KEY" not in flash, "no secret of the account is in it")
    check(int(options["registers"]["FLASH_OPTR"], 16) & 0xFF == 0xDC, "read-out protection is at level 1")
    script = (user.home / "line" / "program.sh").read_text()
    check(script.rstrip().endswith("RDP=0xDC") and script.index("-d microvisor.hex") < script.index("RDP="),
          "the script raises read-out protection last")
    made = json.loads(command("board", "create", "board", "--image", "line", "--json").stdout)
    check(made["sid"] is None, "a chip that was only programmed has no SID")
    command("board", "run", "board", "--for", "1s", "--fast")


def damaged_files():
    """What a programmer would not take, the virtual board does not take either."""
    command("factory", "image", "line", "--rdp", "0.5")
    check(int(options_of("line")["registers"]["FLASH_OPTR"], 16) & 0xFF == 0x55, "level 0.5 as asked for")
    refused("board", "create", "board", "--image", "nowhere", words=["microvisor.hex"])
    hex_file = user.home / "line" / "microvisor.hex"
    whole = hex_file.read_text()
    hex_file.write_text(whole[:5000] + ("1" if whole[5000] != "1" else "2") + whole[5001:])
    refused("board", "create", "board", "--image", "line", words=["microvisor.hex", "line "])
    hex_file.write_text(whole[:-13])
    refused("board", "create", "board", "--image", "line", words=["microvisor.hex", "end"])
    command("factory", "image", "other")
    hex_file.write_text(whole)
    options = options_of("line")
    options["flash_sha256"] = "0" * 64
    (user.home / "line" / "option-bytes.json").write_text(json.dumps(options))
    refused("board", "create", "board", "--image", "line", words=["option-bytes.json", "another"])
    check(not (user.home / "board").exists(), "nothing is left of boards that were not made")


server = user.start_cloud()
try:
    globals()[sys.argv[2]]()
finally:
    server.terminate()
    server.wait(20)
    shutil.rmtree(user.home)
