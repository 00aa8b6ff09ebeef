#!/usr/bin/python3
"""A signal ends `cloud serve` whichever of its threads the system picks to take it.

Usage: stopping.py MICROVISOR
"""
import ctypes
import pathlib
import platform
import signal
import subprocess
import sys
import tempfile

SYS_TGKILL = {"x86_64": 234, "aarch64": 131}


def signal_thread(process, thread, number):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(SYS_TGKILL[platform.machine()], process, thread, int(number)) != 0:
        sys.exit(f"tgkill: errno {ctypes.get_errno()}")


def started(data):
    server = subprocess.Popen([sys.argv[1], "cloud", "serve", "--listen", "127.0.0.1:0", "--gateway", "127.0.0.1:0",
                               "--data", data], stderr=subprocess.PIPE, text=True)
    for _ in range(2):  # the second line is the last before it waits
        server.stderr.readline()
    return server


def main():
    checked = 0
    for number in (signal.SIGTERM, signal.SIGINT):
        with tempfile.TemporaryDirectory() as data:
            server = started(data)
            threads = [int(task.name) for task in pathlib.Path(f"/proc/{server.pid}/task").iterdir()]
            others = [thread for thread in threads if thread != server.pid]
            if not others:
                sys.exit("the server has no thread but its first")
            signal_thread(server.pid, others[0], number)
            try:
                status = server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                sys.exit(f"{number.name} to thread {others[0]} did not end the server")
            if status != 0:
                sys.exit(f"{number.name}: exit status {status}")
            checked += 1
    print(f"{checked} signals to another thread, {checked} ends")


main()
