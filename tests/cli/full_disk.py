#!/usr/bin/python3
"""A board directory on a full file system: one clear line, nothing broken, and it goes on when there is room again.

Usage: full_disk.py MICROVISOR APPLICATION.elf. Mounts a small tmpfs in a mount namespace of its own (as root, or in a user
namespace); exit status 77 where that is not allowed.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

MICROVISOR, APPLICATION = sys.argv[1:3]
INSIDE = "MICROVISOR_FULL_DISK_INSIDE"
DISK_BYTES = 6 << 20  # a board takes a little more than two MiB
PATIENCE = 150


def enter_namespace():
    options = ["-m"] if os.geteuid() == 0 else ["-rm"]
    probe = subprocess.run(["unshare", *options, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True)
    if probe.returncode:
        print(f"skipped: {probe.stderr.strip()}")
        sys.exit(77)
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", *options, sys.executable, *sys.argv])


def command(*arguments):
    return subprocess.run([MICROVISOR, *map(str, arguments)], capture_output=True, text=True, timeout=60)


def expect_refusal(result, *words):
    lines = result.stderr.splitlines()
    if result.returncode != 1 or len(lines) != 1 or not all(word in lines[0] for word in words):
        sys.exit(f"exit status {result.returncode}, wanted one line with {words}:\n{result.stderr}")
    print(lines[0])


def fill(file):
    with open(file, "wb", buffering=0) as ballast:
        for size in (1 << 16, 1):
            try:
                while True:
                    ballast.write(bytes(size))
            except OSError:
                pass


def await_condition(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"never happened: {what}")
        time.sleep(0.1)  # between two looks at the condition


def main(scratch):
    disk = scratch / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", disk], check=True)
    cloud = subprocess.Popen([MICROVISOR, "cloud", "serve", "--listen", "127.0.0.1:0", "--gateway", "127.0.0.1:0", "--data",
                              scratch / "cloud"], stderr=subprocess.PIPE, text=True)
    try:
        cloud.stderr.readline()  # it is ready
        credentials = scratch / "cloud" / "credentials.json"
        os.environ["MICROVISOR_CREDENTIALS"] = str(credentials)
        board = disk / "board"
        made = command("board", "create", board, "--cloud", credentials, "--json")
        if made.returncode:
            sys.exit(made.stderr)
        sid = json.loads(made.stdout)["sid"]
        fill(disk / "ballast")

        expect_refusal(command("board", "create", disk / "other"), "No space left on device", str(disk / "other"))
        expect_refusal(command("board", "clone", board, disk / "other"), "No space left on device", str(disk / "other"))
        expect_refusal(command("board", "snapshot", board, disk / "snapshot"), "No space left on device", str(disk / "snapshot"))
        if sorted(entry.name for entry in disk.iterdir()) != ["ballast", "board"]:
            sys.exit(f"left behind: {list(disk.iterdir())}")

        deployed = command("deploy", APPLICATION, "--device", sid)
        if deployed.returncode:
            sys.exit(deployed.stderr)
        run = subprocess.run([MICROVISOR, "board", "run", board], capture_output=True, text=True, timeout=PATIENCE)
        last = run.stderr.splitlines()[-1]
        if run.returncode != 1 or "nor.bin: No space left on device" not in last:
            sys.exit(f"exit status {run.returncode}:\n{run.stderr}")
        print(last)

        (disk / "ballast").unlink()
        recovered = subprocess.Popen([MICROVISOR, "board", "run", board], stderr=subprocess.PIPE, text=True)
        try:
            def up_to_date():
                if recovered.poll() is not None:
                    sys.exit(f"the board stopped:\n{recovered.stderr.read()}")
                shown = json.loads(command("devices", "show", sid, "--json").stdout)
                return shown["app"]["update_status"] == "up-to-date"
            await_condition(up_to_date, "the update after the disk had room again")
        finally:
            recovered.send_signal(signal.SIGTERM)
            recovered.wait(20)
    finally:
        cloud.send_signal(signal.SIGTERM)
        cloud.wait(20)
        subprocess.run(["umount", disk], check=False)
    print("updated after the disk had room again")


if __name__ == "__main__":
    if INSIDE not in os.environ:
        enter_namespace()
    with tempfile.TemporaryDirectory(prefix="microvisor-full-disk-") as folder:
        main(pathlib.Path(folder))
