#!/usr/bin/python3
"""A production line at the command line: what it writes for the programmer, and what becomes of the chips.

Usage: factory_line.py MICROVISOR CASE APPLICATION.elf TEST_APPLICATIONS. Each case is a function below.
"""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading

from service import Service
from user import User, check

APPLICATION = os.path.abspath(sys.argv[3])
TEST_APPLICATIONS = pathlib.Path(sys.argv[4]).resolve()
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


def made(board, *options):
    """A chip, programmed and provisioned: what the station knows of it."""
    if not (user.home / "line").exists():
        command("factory", "image", "line")
    command("board", "create", board, "--image", "line")
    return json.loads(command("factory", "provision", board, "--json", *options).stdout)


def flash_of(board):
    return (user.home / board / "flash.bin").read_bytes()[1 << 20:]


def provision():
    """The device makes its key, tells its request, takes the certificate, and connects by it."""
    device = made("board")
    check(device["sid"].startswith("UV") and len(device["claim_code"]) == 16 and device["readout_protection"] == "1",
          f"the device says what it is: {device}")
    check(json.loads((user.home / "board" / "identity.json").read_text())["sid"] == device["sid"], "the board bears its SID")
    other = made("other")
    check(other["sid"] != device["sid"] and other["claim_code"] != device["claim_code"], "another chip is another device")
    line = (user.home / "line" / "microvisor.bin").read_bytes()
    pages = slice(99 * 8192, 101 * 8192)
    check(flash_of("board")[pages] != line[pages] and flash_of("board")[pages] != flash_of("other")[pages],
          "each has its own identity in the vault")
    check(device["sid"].encode() in flash_of("board")[pages], "with its SID")
    board = user.run_board("board")
    service.until_connected(device["sid"])
    stop(board)
    refused("factory", "provision", "board", words=["no new device"])


def refused_chips():
    """A chip at level 0 is no product; a line without a device, and one that says nonsense, are told."""
    command("factory", "image", "line", "--rdp", "0")
    command("board", "create", "board", "--image", "line")
    refused("factory", "provision", "board", words=["level 0", "--development"])
    sid = json.loads(command("factory", "provision", "board", "--development", "--json").stdout)["sid"]
    check(sid in command("devices", "list").stdout, "asked for, it is taken; and the first refusal cost nothing")
    refused("factory", "provision", "--port", "/dev/null", words=["/dev/null"])
    refused("factory", "provision", words=["--port"])
    own, device = os.openpty()
    answers = {"hello": "MV request 00ff CODE"}
    thread = threading.Thread(target=answer, args=(own, answers), daemon=True)
    thread.start()
    refused("factory", "provision", "--port", os.ttyname(device), words=["not a device's request"])


def answer(descriptor, answers):
    """A device at the other end of a serial port, that knows these answers only."""
    text = b""
    while True:
        text += os.read(descriptor, 4096)
        *lines, text = text.split(b"\n")
        for line in lines:
            if reply := answers.get(line.decode().removeprefix("MV ").split(" ")[0]):
                os.write(descriptor, (reply + "\n").encode())


def other_account():
    """Another account of the installation: as environment for command(), and its view of the service."""
    login = json.loads(command("account", "create", "--json").stdout)
    login["base_url"] = json.loads(user.credentials.read_text())["base_url"]
    login["gateway"] = "unused:1"
    file = user.home / (login["account_sid"] + ".json")
    file.write_text(json.dumps(login))
    return {"MICROVISOR_CREDENTIALS": str(file)}, Service(file)


def signers_of(account):
    return [signer["key_id"] for signer in account.get("/api/signers")["signers"]]


def stop(process):
    process.terminate()
    process.wait(20)


def on_the_line(application):
    """A device whose first application is the line's test application, until the verdict is there."""
    command("factory", "image", "line", "--test")
    sid = made("board")["sid"]
    refused("factory", "test", sid, words=["not complete"])
    board = user.run_board("board")
    service.until_connected(sid)
    app = command("apps", "create", application).stdout.strip()
    command("devices", "update", sid, "--target-app", app)
    service.until(lambda: service.get(f"/api/devices/{sid}/test")["verdict"] is not None, "the test is complete")
    return sid, board


def test_passed():
    """The test's log and verdict are kept; then the product is installed, and it is no test any more."""
    sid, board = on_the_line(TEST_APPLICATIONS / "factory_passed.elf")
    try:
        lines = command("factory", "test", sid).stdout.splitlines()
        check([line.split(" ", 1)[1] for line in lines] == ["line test begins", "line test ends"], f"the log is kept: {lines}")
        service.deploy(sid, command("apps", "create", APPLICATION).stdout.strip())
        service.until(lambda: service.device(sid)["app_running"], "the product runs")
    finally:
        stop(board)


def test_failed():
    """A device that has failed says so, and is told apart by the exit status."""
    sid, board = on_the_line(TEST_APPLICATIONS / "factory_failed.elf")
    stop(board)
    result = command("factory", "test", sid, "--json", status=1)
    check(json.loads(result.stdout)["verdict"] == 7 and "failed its test: 7" in result.stderr, "the verdict is 7")


def installed(board):
    return json.loads(command("board", "inspect", board, "--json").stdout)["update"]["installed"]


def uploaded(application, *name):
    return json.loads(command("apps", "create", application, *name, "--json").stdout)


def applications():
    """A line without a network: test application and product come with the external flash, one after the other."""
    test = uploaded(TEST_APPLICATIONS / "factory_passed.elf")
    product = uploaded(APPLICATION, "product")
    command("factory", "image", "line", "--test-app", test["sid"], "--app", "product")
    nor = (user.home / "line" / "nor.bin").read_bytes()
    check(options_of("line")["nor_sha256"] == hashlib.sha256(nor).hexdigest(), "what goes into the external flash is described")
    script = (user.home / "line" / "program.sh").read_text()
    check(script.index("nor.hex") < script.index("TZEN=1"), "it is programmed while the chip is as delivered")
    made("board")
    failing = uploaded(TEST_APPLICATIONS / "factory_failed.elf")
    command("factory", "image", "failing", "--test-app", failing["sid"], "--app", "product")
    command("board", "create", "bad", "--image", "failing")
    command("factory", "provision", "bad")
    stop(server)
    for board, app, what in (("board", product, "the test is passed, and the product is there"),
                             ("bad", failing, "no product for a device that has failed")):
        command("board", "run", board, "--for", "40s", "--fast")
        check(installed(board) == app["hash"].removeprefix("sha256:"), what)
    cells = (user.home / "board" / "nor.bin").read_bytes()  # stored inverted
    check(not any(cells[4 << 20:]), "the application gets its external flash blank")


def refused_applications():
    """What devices would refuse is refused before there are any."""
    command("apps", "bundle", APPLICATION, "unsigned.zip")
    refused("factory", "image", "line", "--app", "unsigned.zip", words=["unsigned.zip", "not signed"])
    command("bundle", "keypair")
    command("bundle", "sign", "unsigned.zip", "foreign.zip", "--key", "signing_private.pem")
    refused("factory", "image", "line", "--test-app", "foreign.zip", words=["foreign.zip", "not signed by one"])
    refused("factory", "image", "line", "--app", "nobodys", words=["nobodys", "not found"])
    (user.home / "data").write_bytes(bytes(4096))
    command("apps", "bundle", APPLICATION, "far.zip", "--external-flash", f"{(60 << 20) - 4096}=data")
    far = uploaded("far.zip")
    refused("factory", "image", "line", "--app", far["sid"], words=["external flash", "reaches"])
    check(not (user.home / "line").exists(), "nothing was written")
    command("factory", "image", "line", "--app", uploaded(APPLICATION)["sid"])
    hex_file = user.home / "line" / "nor.hex"
    hex_file.write_text("".join(hex_file.read_text().splitlines(keepends=True)[:-3]) + ":00000001FF\n")
    refused("board", "create", "board", "--image", "line", words=["nor.hex", "not what its description says"])


def installed(board):
    return json.loads(command("board", "inspect", board, "--json").stdout)["update"]["installed"]


def claim():
    """Whoever has the label gets the device; whoever knows the SID alone does not, and nobody else gets it later."""
    device = made("board", "--claimable")
    sid, code = device["sid"], device["claim_code"]
    buyer, theirs = other_account()
    thief, _ = other_account()
    refused("devices", "claim", sid, "--code", "A" * 16, words=["no device to be claimed"], **thief)
    refused("devices", "claim", "UV" + "0" * 32, "--code", code, words=["no device to be claimed"], **thief)
    refused("devices", "claim", sid, words=["no claim"], **thief)
    refused("devices", "claim", sid, "--code", code, words=["no device to be claimed"])
    label = command("factory", "label", sid, "--code", code).stdout.splitlines()[-1]
    check(label.split("/")[2] == sid, f"the label says {label}")
    check(json.loads(command("devices", "claim", label, "--json", **buyer).stdout)["state"] == "pending",
          "the claim waits for the device")
    refused("devices", "claim", sid, "--code", code, words=["no device to be claimed"], **thief)
    board = user.run_board("board")
    try:
        service.until(lambda: json.loads(command("devices", "claim", sid, "--json", **buyer).stdout)["state"] == "claimed",
              "the device moves")
        service.until(lambda: theirs.device(sid)["connected"], "and connects for the buyer")
        check(theirs.device(sid)["keys"]["signers"] == signers_of(theirs), "it trusts the buyer alone")
        check(sid not in command("devices", "list").stdout, "the maker has it no more")
        refused("devices", "claim", sid, "--code", code, words=["no device to be claimed"], **thief)
        theirs.deploy(sid, command("apps", "create", APPLICATION, **buyer).stdout.strip())
        decommissioned(sid, code, buyer, theirs)
    finally:
        stop(board)


def decommissioned(sid, code, owner, theirs):
    """Erased and without the owner's keys it is the maker's again, who may sell it again."""
    check(json.loads(command("devices", "decommission", sid, "--json", **owner).stdout)["state"] == "pending", "it is told")
    service.until(lambda: sid in command("devices", "list").stdout, "it goes back to its maker")
    service.until(lambda: service.device(sid)["connected"], "and connects")
    state = service.device(sid)
    check(state["keys"]["signers"] == signers_of(service) and not state["app_running"], "without keys and application of its owner")
    check(sid not in command("devices", "list", **owner).stdout, "the owner has it no more")
    inspected = json.loads(command("board", "inspect", "board", "--json").stdout)["update"]
    check(inspected["installed"] == "", "its flash has no application")
    flash = (user.home / "board" / "flash.bin").read_bytes()
    check(set(flash[:1 << 20]) == {0xFF}, "bank 1 is blank")
    check(json.loads(command("devices", "claim", sid, "--code", code, "--json", **owner).stdout)["state"] == "pending",
          "it can be claimed again")


def transfer():
    """From one owner to another: offered, accepted, signed by the owner's own key, and moved."""
    sid = made("board")["sid"]
    refused("devices", "transfer", sid, "--withdraw", words=["no offer"])
    code = json.loads(command("devices", "transfer", sid, "--json").stdout)["code"]
    buyer, theirs = other_account()
    command("devices", "transfer", sid, "--withdraw")
    refused("devices", "claim", sid, "--code", code, words=["no device to be claimed"], **buyer)
    command("bundle", "keypair")
    command("signers", "add", "signing_public.pem")
    maker = [each["key_id"] for each in service.get("/api/signers")["signers"] if each["held_by_cloud"]]
    command("signers", "remove", maker[0], "--key", "signing_private.pem")
    code = json.loads(command("devices", "transfer", sid, "--json").stdout)["code"]
    state = json.loads(command("devices", "claim", sid, "--code", code, "--json", **buyer).stdout)["state"]
    check(state == "awaiting_signature", "the cloud alone cannot give it away")
    board = user.run_board("board")
    try:
        service.until(lambda: service.device(sid)["connected"], "the device is connected, and still the owner's")
        refused("devices", "transfer", sid, "--key", foreign_key(), words=["none of the signers"])
        command("devices", "transfer", sid, "--key", "signing_private.pem")
        service.until(lambda: sid in command("devices", "list", **buyer).stdout, "signed by its owner, it moves")
        service.until(lambda: theirs.device(sid)["connected"], "and connects for the receiver")
        check(theirs.device(sid)["keys"]["signers"] == signers_of(theirs), "it trusts the receiver alone")
        refused("devices", "show", sid, words=["not found"])
    finally:
        stop(board)


def foreign_key():
    folder = user.home / "elsewhere"
    folder.mkdir()
    subprocess.run([user.microvisor, "bundle", "keypair"], cwd=folder, check=True, capture_output=True)
    return folder / "signing_private.pem"


server = user.start_cloud()
service = Service(user.credentials)
try:
    globals()[sys.argv[2]]()
finally:
    stop(server)
    shutil.rmtree(user.home)
