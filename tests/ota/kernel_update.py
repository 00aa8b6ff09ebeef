#!/usr/bin/python3
"""Updates of Microvisor itself over the air: the shipped images on the virtual board, against the cloud as it is run.

A release here is the shipped one with a few bytes behind each image, so that it is another one and runs; a kernel that is to
fail is a handful of instructions. All are signed with the vendor's key of this build, but where a test wants otherwise.

Usage: kernel_update.py MICROVISOR IMAGES VENDOR_KEY.pem APPLICATION.elf      IMAGES: directory with kernel.bin and the others
"""
import hashlib
import json
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests" / "cli"), str(ROOT / "firmware" / "device")]
import sign_kernel
from line import Line
from service import Service
from user import User, check

IMAGES, VENDOR_KEY, APPLICATION = (pathlib.Path(argument).resolve() for argument in sys.argv[2:5])
KERNEL, GATES, BOOT, UPGRADER = 1, 2, 3, 4  # KernelLayerRegion (protocol/bundle.proto)
KERNEL_MAXIMUM = 40 * 8192 - 1024           # docs/boot.md: pages 17 to 56, the trailer at their end
KERNEL_ADDRESS, STACK = 0x0C10_0000 + 17 * 8192, 0x300C_0000
# protocol/link.proto, UpdateError
SIGNER, DEVICE, DOWNGRADE, CONTENT, SIZE, GATE, TRIAL_FAILED, NOT_CONNECTED = 20, 21, 22, 23, 24, 25, 27, 28
NO_LAYER_KEY = 36

user = User(sys.argv[1])
command = user.command


def image(name, mark):
    return (IMAGES / f"{name}.bin").read_bytes() + bytes([mark]) * 16


def stage(name, mark):
    """Both copies in one layer, as the build makes it, of images that are marked."""
    copies = [user.home / f"{name}-{copy}.bin" for copy in "ab"]
    for path in copies:
        path.write_bytes(image(path.stem, mark))
    return sign_kernel.stage_layer(copies)


def hanging_kernel():
    """cpsid i; wfi; b to the wfi: asleep for good, until the watchdog ends it."""
    return (struct.pack("<II", STACK, KERNEL_ADDRESS + 0x81) + bytes(0x78) + struct.pack("<HHH", 0xB672, 0xBF30, 0xE7FD)).ljust(
        0x100, b"\0")


class Release:
    number = 100_000

    def __init__(self, layers, ratchet=0, key=VENDOR_KEY, device_type=1, layer_key=None):
        Release.number += 1
        self.number = Release.number
        self.version = f"{self.number}.test"
        self.path = user.home / f"{self.version}.zip"
        sign_kernel.DEVICE_TYPE = device_type
        manifest = sign_kernel.sign(key, layers, self.version, self.number, ratchet)
        sign_kernel.write_bundle(self.path, manifest, layers)
        if layer_key:
            command("kernels", "encrypt", self.path, self.path, "--for", layer_key, "--key", VENDOR_KEY)
        command("kernels", "upload", self.path)

    def deploy(self, *device):
        command("kernels", "deploy", self.version, *device)


def port_of(address):
    return int(address.rsplit(":", 1)[1])


class Fleet:
    """One device, seen through the API."""

    def __init__(self):
        self.service = Service(user.credentials)
        self.sid = user.create_board()

    def start_cloud_behind_a_line(self):
        """At the API that it had and another gateway, to which the line leads from the one that the device knows."""
        self.line = Line(port_of(self.service.login["gateway"]))
        with socket.create_server(("127.0.0.1", 0)) as free:
            gateway = free.getsockname()
        server = user.start_cloud(self.service.login["base_url"].removeprefix("http://"), f"127.0.0.1:{gateway[1]}")
        self.line.lead_to(gateway)
        return server

    def state(self):
        return self.service.device(self.sid)

    def until(self, condition, what):
        self.service.until(lambda: condition(self.state()), what, 400)

    def updates_to(self, release, what):
        self.until(lambda state: state["connected"] and state["kernel_version"] == release.version
                   and state["kernel"]["update_status"] == "up-to-date", what)

    def application(self):
        app = self.service.get(f"/v1/Devices/{self.sid}")["app"]
        return app["reported_sid"], app["update_status"], app["date_targeted"]


PLACE = 32 * 1024  # pages of a boot stage (docs/boot.md)


def sha256(content, filled_to=0):
    return hashlib.sha256(content.ljust(filled_to, b"\xff")).hexdigest()


def attests(fleet, measured, status, what):
    """The device has proven, after its last start, that it runs just this; nobody else's word is asked."""
    def matches(state):
        statement = state["attestation"]["statement"]
        return (state["connected"] and statement is not None and state["attestation"]["status"] == status
                and {part: statement[part]["sha256"] for part in measured} == measured)

    fleet.until(matches, what)
    return fleet.state()["attestation"]["statement"]


def shipped():
    return {"kernel": sha256((IMAGES / "kernel.bin").read_bytes()),
            "kernel_manifest": sha256((IMAGES / "kernel.manifest").read_bytes()),
            "bootrom": sha256((IMAGES / "bootrom-a.bin").read_bytes(), PLACE),
            "upgrader": sha256((IMAGES / "upgrader-a.bin").read_bytes(), PLACE)}


def half_b(layer):
    return layer[len(layer) // 2:]


def attests_what_was_shipped(fleet):
    statement = attests(fleet, shipped(), "unknown", "a device from the factory attests the shipped images; nobody knows them yet")
    check(statement["application"]["hash"] is None, "and that there is no application")
    shown = command("devices", "show", fleet.sid).stdout
    check("unknown: bootrom, upgrader, kernel, kernel_manifest" in shown, "the command shows what is unknown")
    command("kernels", "upload", IMAGES / "release.zip")
    attests(fleet, shipped(), "trusted", "they are known once their release is uploaded")
    check("trusted" in command("devices", "show", fleet.sid).stdout, "the command shows it")


def attests_the_application(fleet, sid):
    fleet.until(lambda state: state["attestation"]["statement"]["application"]["sid"] == sid, "the application that runs is attested")
    manifest = fleet.service.get(f"/v1/Apps/{sid}")["hash"]
    check(fleet.state()["attestation"]["statement"]["application"]["hash"] == manifest, "by its manifest")


def updates(fleet):
    application, before = fleet.application(), fleet.state()
    kernel, bootrom, upgrader = image("kernel", 0x22), stage("bootrom", 0x33), stage("upgrader", 0x44)
    release = Release([(KERNEL, kernel), (BOOT, bootrom), (UPGRADER, upgrader), (GATES, b"")])
    release.deploy("--all")
    fleet.updates_to(release, "kernel and boot stages are updated, and the new kernel connects")
    state = fleet.state()
    sent = state["kernel"]["bytes_sent"]
    check(0 < sent < len(bootrom) + len(upgrader), f"with {sent} bytes: the kernel as a difference, the stages compressed")
    check(state["update"]["bytes_sent"] == before["update"]["bytes_sent"], "none of them the application's")
    check(state["kernel"]["state"] == "COMPLETE" and state["kernel_version_number"] == Release.number, "its version is the new one")
    check(state["kernel"]["manifest_hash"] != before["kernel"]["manifest_hash"], "and its manifest")
    measured = {"kernel": sha256(kernel), "kernel_manifest": state["kernel"]["manifest_hash"].removeprefix("sha256:"),
                "bootrom": sha256(half_b(bootrom), PLACE), "upgrader": sha256(half_b(upgrader), PLACE)}
    attests(fleet, measured, "trusted", "all of it is attested")
    fleet.until(lambda state: state["app_running"], "the application runs")
    check(fleet.application() == application, "untouched")
    shown = command("devices", "show", fleet.sid).stdout
    check(release.version in shown and "up-to-date" in shown, "the command shows it")
    return release


def travels_without_a_base(fleet, running):
    """As to a device whose kernel the cloud does not have: what it tells of it is of no use."""
    command("kernels", "remove", running.version)
    kernel = image("kernel", 0x77)
    release = Release([(KERNEL, kernel)])
    release.deploy(fleet.sid)
    fleet.updates_to(release, "a kernel is updated that the cloud has not")
    sent = fleet.state()["kernel"]["bytes_sent"]
    check(len(kernel) / 2 < sent < len(kernel) * 0.9, f"with {sent} bytes of {len(kernel)}: compressed")
    return release


def flash_holds(kernel):
    """Whether it stands in the board's kernel pages: bank 2 begins at 1 MiB (docs/boot.md, docs/board.md)."""
    with open(user.home / "board" / "flash.bin", "rb") as flash:
        flash.seek((1 << 20) + 17 * 8192)
        return flash.read(len(kernel)) == kernel


def returns_without_the_cloud(fleet, previous, old_kernel):
    """A kernel that is all right, and finds nobody: the device alone decides, and tells it once it can."""
    new_kernel = image("kernel", 0x88)
    fleet.line.close()
    Release([(KERNEL, new_kernel)]).deploy(fleet.sid)
    fleet.service.until(lambda: flash_holds(new_kernel), "a new kernel is installed, and the gateway cannot be reached", 300)
    fleet.service.until(lambda: flash_holds(old_kernel), "after a quarter of an hour the previous one is back", 300)
    fleet.line.open()
    fleet.until(lambda state: state["connected"] and state["kernel"]["update_status"] == "error", "and tells the cloud")
    state = fleet.state()
    check(state["kernel"]["update_error_code"] == NOT_CONNECTED, "with its code")
    check(state["kernel_version"] == previous.version, "the previous kernel runs")
    fleet.until(lambda state: state["app_running"], "and the application")


def returns(fleet, previous):
    Release([(KERNEL, hanging_kernel())]).deploy(fleet.sid)
    fleet.until(lambda state: state["connected"] and state["kernel"]["update_status"] == "error",
                "a kernel that hangs gives way, and the API says so")
    state = fleet.state()
    check(state["kernel"]["update_error_code"] == TRIAL_FAILED, "with its code")
    check(state["kernel_version"] == previous.version, "the previous kernel runs")
    fleet.until(lambda state: state["app_running"], "and the application")
    check(state["attestation"]["status"] == "trusted" and state["attestation"]["statement"]["kernel_version_number"]
          == previous.number, "it is what is attested")
    check("did not prove itself" in command("devices", "show", fleet.sid).stdout, "the command says why")


def is_refused(fleet, code, what, layers, **how):
    boots = fleet.state()["boot_count"]
    Release(layers, **how).deploy(fleet.sid)
    fleet.until(lambda state: state["kernel"]["update_error_code"] == code, f"refused with {code}: {what}")
    state = fleet.state()
    check(state["connected"] and state["boot_count"] == boots, "the device is connected and has not been reset")


def refuses(fleet):
    kernel, bootrom, upgrader = (KERNEL, image("kernel", 0x55)), stage("bootrom", 0x55), stage("upgrader", 0x55)
    raised = Release([kernel], ratchet=1)
    raised.deploy(fleet.sid)
    fleet.updates_to(raised, "a kernel of a higher ratchet runs")
    is_refused(fleet, DOWNGRADE, "below the ratchet", [kernel], ratchet=0)
    stranger = user.home / "stranger.pem"
    sign_kernel.generate(stranger)
    is_refused(fleet, SIGNER, "another signer", [kernel], ratchet=1, key=stranger)
    is_refused(fleet, DEVICE, "another device type", [kernel], ratchet=1, device_type=2)
    is_refused(fleet, GATE, "gates", [kernel, (GATES, bytes(64))], ratchet=1)
    is_refused(fleet, CONTENT, "swapped layers", [kernel, (BOOT, upgrader), (UPGRADER, bootrom)], ratchet=1)
    is_refused(fleet, SIZE, "a truncated layer", [kernel, (BOOT, bootrom[:-1])], ratchet=1)
    is_refused(fleet, SIZE, "a layer that is too long", [(KERNEL, kernel[1].ljust(KERNEL_MAXIMUM + 16, b"\xff"))], ratchet=1)


def travels_encrypted(fleet):
    """Nobody but devices with the layer key can read such a release."""
    layers = [(KERNEL, image("kernel", 0x66)), (BOOT, stage("bootrom", 0x66)), (UPGRADER, stage("upgrader", 0x66))]
    command("decrypters", "keypair")
    is_refused(fleet, NO_LAYER_KEY, "a release for others", layers, ratchet=1, layer_key="layer_public.pem")
    command("decrypters", "add", "layer_private.pem")
    fleet.until(lambda state: state["keys"]["layer_keys"], "the device has the key")
    release = Release(layers, ratchet=1, layer_key="layer_public.pem")
    with zipfile.ZipFile(release.path) as bundle:
        stored = [bundle.read(name) for name in bundle.namelist()]
    check(not any(layer[:64] in entry for _, layer in layers for entry in stored), "nothing of it can be read")
    release.deploy(fleet.sid)
    fleet.updates_to(release, "kernel and boot stages are updated out of encrypted layers")


def the_command(fleet):
    kernels = json.loads(command("kernels", "list", "--json").stdout)
    name = kernels[0]["version"]
    user.refused("kernels", "upload", user.home / f"{name}.zip", words=["there already"])
    user.refused("kernels", "upload", APPLICATION, words=["zip"])
    user.refused("kernels", "deploy", "no such", fleet.sid, words=["no such"])
    user.refused("kernels", "deploy", name, words=["--all"])
    command("kernels", "remove", name)
    check(name not in command("kernels", "list").stdout, "a release is removed")
    check(fleet.state()["kernel"]["target_hash"] is None, "and no device's target any more")


server = user.start_cloud()
board = None
try:
    fleet = Fleet()
    board = user.start("board", "run", "board", "--fast", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    fleet.service.until_connected(fleet.sid)
    attests_what_was_shipped(fleet)
    application = command("apps", "create", APPLICATION).stdout.strip()
    fleet.service.deploy(fleet.sid, application)
    attests_the_application(fleet, application)
    release = updates(fleet)
    returns(fleet, release)
    release = travels_without_a_base(fleet, release)
    server.terminate()
    server.wait(20)
    server = fleet.start_cloud_behind_a_line()
    fleet.service.until_connected(fleet.sid)
    returns_without_the_cloud(fleet, release, image("kernel", 0x77))
    refuses(fleet)
    travels_encrypted(fleet)
    the_command(fleet)
finally:
    for process in (board, server):
        if process is not None:
            process.terminate()
            process.wait(20)
    shutil.rmtree(user.home)
