#!/usr/bin/python3
"""Firmware of the Wi-Fi module over the air: the virtual board with a module that takes it, or does not, against the cloud as it is
run, by the command.

Usage: module_update.py MICROVISOR VENDOR_KEY.pem
"""
import pathlib
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from service import Service
from user import Started, User, check

VENDOR_KEY = pathlib.Path(sys.argv[2]).resolve()
MODULE_FAILED = 43  # protocol/link.proto, UpdateError

user = User(sys.argv[1])
command = user.command


def release(version, size=20_000):
    image, bundle = user.home / "image.bin", user.home / f"{version}.zip"
    image.write_bytes(bytes((version * 31 + at) % 251 for at in range(size)))
    made = command("modules", "bundle", image, bundle, "--module", "MV-WIFI1", "--version", version, "--key", VENDOR_KEY)
    check(f"version {version}, {size} bytes" in made.stdout, f"version {version} is made")
    return command("modules", "upload", bundle).stdout.strip()


class Module:
    def __init__(self, name):
        self.sid = user.create_board(name)
        self.name = name
        self.service = Service(user.credentials)

    def run(self, *options):
        return user.start("board", "run", self.name, "--fast", *options, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def until(self, condition, what):
        self.service.until(lambda: condition(self.service.device(self.sid)), what, 200)


def is_updated(started):
    device = Module("good")
    started.keep(device.run("--ethernet", "--modem", "sim=missing"))
    device.until(lambda state: state["module"]["kind"] == "MV-WIFI1" and state["module"]["version"] == 1, "the module is known")
    command("modules", "deploy", release(2), "--all")
    device.until(lambda state: state["module"]["version"] == 2 and state["module"]["update_status"] == "up-to-date"
                 and state["connected"], "it is updated, over the one bearer that there is")
    shown = command("devices", "show", device.sid).stdout
    check("MV-WIFI1, version 2" in shown, "the command shows it")
    user.refused("modules", "deploy", "0" * 64, device.sid, words=["no module firmware"])


def goes_back(started):
    device = Module("bad")
    started.keep(device.run("--ethernet", "--wifi", "ssid=workshop,firmware=no-join"))
    device.until(lambda state: state["module"]["version"] == 1, "the module is known")
    command("modules", "deploy", release(3), device.sid)
    device.until(lambda state: state["module"]["update_status"] == "error", "what does not join has failed")
    state = device.service.device(device.sid)["module"]
    check(state["update_error_code"] == MODULE_FAILED and state["version"] == 1, "the old version is back, and the cloud shows why")
    check("carried no session" in command("devices", "show", device.sid).stdout, "so does the command")
    device.until(lambda state: state["connected"], "and the device is connected")


cloud = user.start_cloud()
with Started() as all_started:
    all_started.keep(cloud)
    is_updated(all_started)
    goes_back(all_started)
    user.refused("modules", "upload", VENDOR_KEY, words=["zip"])
