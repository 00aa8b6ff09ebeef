#!/usr/bin/python3
"""How a device reaches its network: access point names (APN) from the factory and from the bench, and what the cloud tells of the bearer.

Usage: bearer_settings.py MICROVISOR CASE APPLICATION.elf. Each case is a function below.
"""
import contextlib
import json
import os
import re
import subprocess
import sys

from service import Service
from user import Started, User, check

APN, OTHER = "fleet.example", "other.example"
ONLY_APN = ("--modem", f"apn={APN}")
ACCESS_POINT = "ssid=workshop,password=secret-99,signal=-60"
APPLICATION = os.path.abspath(sys.argv[3])
started = Started()
user = User(sys.argv[1])


@contextlib.contextmanager
def running(*options, board="board"):
    """Meanwhile the board runs with these modules. Behind it nobody is connected any more."""
    process = started.keep(user.start("board", "run", board, "--fast", *options, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    yield
    process.terminate()
    process.wait(20)
    devices = [device["sid"] for device in service.get("/v1/Devices")["devices"]]
    service.until(lambda: not any(service.device(device)["connected"] for device in devices), "the board is off")


@contextlib.contextmanager
def on_the_bench(board="board"):
    """Meanwhile its modem's line is this machine's: the line's name."""
    process = started.keep(user.start("board", "run", board, "--direct", stderr=subprocess.PIPE))
    for line in process.stderr:
        if found := re.search(r"the modem's line is (\S+)$", line):
            yield found[1]
            break
    else:
        sys.exit("the board does not say its line")
    process.terminate()
    process.wait(20)


def shown(device):
    """What `devices show` says of the bearers."""
    lines = user.command("devices", "show", device).stdout.splitlines()
    fields = dict(re.split(r"\s{2,}", line.strip() + "   ", maxsplit=1) for line in lines)
    return fields["bearer"].strip(), fields["other bearer"].strip()


def until_shown(device, bearer, other=""):
    service.until(lambda: shown(device) == (bearer, other), f"{bearer}; the other one: {other or 'nothing'}")


def made_with(*options):
    """A board of the cloud's; its SID."""
    user.command("board", "create", "board", "--cloud", user.credentials, *options)
    return service.get("/v1/Devices")["devices"][0]["sid"]


def access_points():
    device = made_with("--apn", APN)
    check(shown(device) == ("unknown", ""), "of a device that has never connected nothing is known")
    with running(*ONLY_APN):
        service.until_connected(device)
    with on_the_bench() as line:
        apn = lambda *arguments: user.command("apn", *arguments, line).stdout.strip()
        check(apn("get") == APN, "the factory's name is there")
        apn("set", OTHER)
        check(apn("get") == OTHER, "and gives way to another")
        user.refused("apn", "set", "a b", line, words=["1 to 100"])
        user.refused("apn", "set", "a" * 101, line, words=["1 to 100"])
    check(OTHER.encode() not in (user.home / "board" / "flash.bin").read_bytes(), "it is not in the flash in clear")
    with running("--modem", f"apn={APN},own=accepted"):
        service.until_connected(device)
    with running("--modem", f"apn={OTHER}"):
        service.until_connected(device)
    with on_the_bench() as line:
        user.command("apn", "clear", line)
        check("own" in user.command("apn", "get", line).stdout, "it is gone")
    with running():
        service.until_connected(device)


def factory():
    """The line's image has it, and a board of `run` too."""
    user.refused("factory", "image", "line", "--apn", "-", words=["1 to 100"])
    user.command("factory", "image", "line", "--apn", APN)
    user.command("board", "create", "board", "--image", "line")
    user.command("factory", "provision", "board")
    device = service.get("/v1/Devices")["devices"][0]["sid"]
    with running(*ONLY_APN):
        service.until_connected(device)
    user.refused("board", "create", "another", "--apn", "a b", words=["1 to 100"])
    output = user.command("run", APPLICATION, "--for", "2s", "--fast", "--apn", APN, *ONLY_APN).stdout
    check("[app_logging]" in output, "the application of `run` has come over that network")


def former_owner():
    """With the owner goes the name that he has chosen; the next one's device dials with the subscription's own."""
    device = made_with("--apn", APN)
    login = json.loads(user.command("account", "create", "--json").stdout)
    login.update(base_url=json.loads(user.credentials.read_text())["base_url"], gateway="unused:1")
    (user.home / "buyer.json").write_text(json.dumps(login))
    code = json.loads(user.command("devices", "transfer", device, "--erase", "--json").stdout)["code"]
    user.command("devices", "claim", device, "--code", code, MICROVISOR_CREDENTIALS=str(user.home / "buyer.json"))
    theirs = Service(user.home / "buyer.json")
    process = started.keep(user.start("board", "run", "board", "--fast", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    moved = lambda: any(each["sid"] == device for each in theirs.get("/v1/Devices")["devices"])
    service.until(moved, "the device moves")
    service.until(lambda: theirs.device(device)["connected"], "and connects for its new owner")
    process.terminate()
    process.wait(20)
    with on_the_bench() as line:
        check("own" in user.command("apn", "get", line).stdout, "the former owner's name is gone")


def what_the_cloud_tells():
    device = made_with()
    with on_the_bench() as line:
        user.command("wificonfig", "set", "workshop", "not the password", line)
    with running("--modem", "signal=-85,network=roaming", "--wifi", ACCESS_POINT):
        until_shown(device, "cellular, -85 dBm, roaming", "wrong password")
    state = service.device(device)["bearer"]
    check(state == {"kind": "cellular", "signal_dbm": -85, "roaming": True, "other_failed": "wrong_password"}, f"also as JSON: {state}")
    with running("--modem", "signal=unknown", "--wifi", "ssid=elsewhere"):
        until_shown(device, "cellular", "no access point")
    with on_the_bench() as line:
        user.command("wificonfig", "set", "workshop", "secret-99", line)
    with running("--wifi", ACCESS_POINT):
        until_shown(device, "wifi, -60 dBm")
    with running("--modem", "sim=missing", "--ethernet"):
        until_shown(device, "cable")


with started:
    started.keep(user.start_cloud())
    service = Service(user.credentials)
    globals()[sys.argv[2]]()
