#!/usr/bin/python3
"""Bad input ends in one clear line, exit status non-zero, and nothing changed.

Usage: refusals.py MICROVISOR CASE. Each case is a function below; it names the command, and what the line must speak of.
"""
import hashlib
import http.client
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import bundles

MICROVISOR = sys.argv[1]


def command(*arguments, file_limit=None, **environment):
    limit = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))) if file_limit else None
    return subprocess.run([MICROVISOR, *map(str, arguments)], capture_output=True, text=True, timeout=60, preexec_fn=limit,
                          env={**os.environ, "HOME": str(scratch), "XDG_CONFIG_HOME": str(scratch / "config"), **environment})


def expect_success(result):
    if result.returncode:
        sys.exit(f"exit status {result.returncode}\nstderr: {result.stderr}")


def fingerprint(folder):
    if not folder.exists():
        return None
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(str(path.relative_to(folder)).encode())
        if path.is_file() and path.name != "lock" and path.stat().st_size < 4 << 20:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def expect_refusal(result, *words, status=None):
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    problem = None
    if result.returncode <= 0 or (status is not None and result.returncode != status):
        problem = f"exit status {result.returncode}"
    elif len(lines) != 1 or not lines[0].startswith("microvisor: "):
        problem = "stderr is not one line of the command"
    elif result.stdout:
        problem = "something on stdout"
    elif missing := [word for word in words if word.lower() not in lines[0].lower()]:
        problem = f"the line does not speak of {missing}"
    if problem:
        sys.exit(f"{problem}\nstdout: {result.stdout}\nstderr: {result.stderr}")
    print(lines[0])


def put(name, content):
    path = scratch / name
    path.write_bytes(content)
    return path


def refused_by_run_and_bundle(path, *words):
    """What `run` refuses, `apps bundle` refuses alike, and leaves no output behind."""
    expect_refusal(command("run", path, "--for", "1s", "--fast"), *words)
    output = scratch / "out.zip"
    expect_refusal(command("apps", "bundle", path, output), *words)
    if output.exists() or pathlib.Path(f"{output}.part").exists():
        sys.exit("an output file was left behind")


def not_an_elf():
    refused_by_run_and_bundle(put("readme.txt", b"just text, at some length, to look at\n" * 10), "readme.txt", "neither")


def missing_file():
    refused_by_run_and_bundle(scratch / "nothing.elf", "nothing.elf", "no such file")


def empty_file():
    refused_by_run_and_bundle(put("empty.elf", b""), "empty.elf")


def truncated_elf():
    refused_by_run_and_bundle(put("cut.elf", bundles.elf()[:70]), "cut.elf")


def elf_for_another_machine():
    refused_by_run_and_bundle(put("pc.elf", bundles.elf(machine=3)), "pc.elf", "arm")


def elf_of_64_bits():
    refused_by_run_and_bundle(put("wide.elf", bundles.elf(elf_class=2)), "wide.elf", "32-bit")


def elf_outside_the_flash():
    refused_by_run_and_bundle(put("bank2.elf", bundles.elf(address=0x08100000)), "bank2.elf", "0x08100000")


def elf_straddling_the_end():
    refused_by_run_and_bundle(put("end.elf", bundles.elf(address=0x080FFFF0)), "end.elf")


def elf_in_secure_flash():
    refused_by_run_and_bundle(put("secure.elf", bundles.elf(address=0x0C000000)), "secure.elf")


def zip_without_manifest():
    refused_by_run_and_bundle(put("photos.zip", bundles.archive([("cat.jpg", b"meow")])), "photos.zip", "manifest")


def layer_with_wrong_hash():
    bad = bundles.bundle(fetch_hash=hashlib.sha256(b"another").digest(), entry_name=hashlib.sha256(b"another").hexdigest())
    refused_by_run_and_bundle(put("wrong.zip", bad), "wrong.zip", "hash")


def wrong_measurement():
    refused_by_run_and_bundle(put("measure.zip", bundles.bundle(measurement=bytes(32))), "measure.zip", "measurement")


def manifest_over_the_limits():
    refused_by_run_and_bundle(put("layers.zip", bundles.bundle(layers=17)), "layers.zip", "layers")


def region_beyond_the_flash():
    refused_by_run_and_bundle(put("region.zip", bundles.bundle(size=bundles.FLASH_BYTES + 16)), "region.zip")


def entry_that_escapes():
    refused_by_run_and_bundle(put("escape.zip", bundles.archive([("../evil", b"x")])), "escape.zip")


def zip_bomb():
    bomb = bytes(64 << 20)
    layer = put("layer.zip", bundles.bundle(bomb))
    stowaway = put("stowaway.zip", bundles.bundle(extra=[("readme.txt", bomb)]))
    started = time.monotonic()
    refused_by_run_and_bundle(layer, "layer.zip", "too large")
    refused_by_run_and_bundle(stowaway, "stowaway.zip", "too much")
    if time.monotonic() - started > 10:
        sys.exit("took longer than 10 s")


class Cloud:
    """A cloud on loopback, stopped by its own process id."""

    def __enter__(self):
        self.data = scratch / "cloud"
        self.process = subprocess.Popen([MICROVISOR, "cloud", "serve", "--listen", "127.0.0.1:0", "--gateway", "127.0.0.1:0",
                                         "--data", self.data], stderr=subprocess.PIPE, text=True)
        self.process.stderr.readline()  # "REST API at ...": it is ready
        self.credentials = self.data / "credentials.json"
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)

    def changed_credentials(self, **changes):
        document = {**json.loads(self.credentials.read_text()), **changes}
        return put("changed.json", json.dumps(document).encode())


def wrong_credentials():
    with Cloud() as cloud:
        bad = cloud.changed_credentials(auth_token="0" * 32)
        expect_refusal(command("apps", "list", MICROVISOR_CREDENTIALS=str(bad)), "refused")
        expect_refusal(command("devices", "list", MICROVISOR_CREDENTIALS=str(bad)), "refused")
        app = put("good.elf", bundles.elf())
        expect_refusal(command("apps", "create", app, MICROVISOR_CREDENTIALS=str(bad)), "refused")
        good = command("apps", "list", "--json", MICROVISOR_CREDENTIALS=str(cloud.credentials))
        if json.loads(good.stdout) != []:
            sys.exit("the refused upload left something behind")


def no_credentials():
    expect_refusal(command("apps", "list", MICROVISOR_CREDENTIALS=""), "credentials")
    expect_refusal(command("apps", "list", MICROVISOR_CREDENTIALS=str(scratch / "none.json")), "none.json")
    expect_refusal(command("apps", "list", MICROVISOR_CREDENTIALS=str(put("broken.json", b"{"))), "broken.json")


def server_not_there():
    with Cloud() as cloud:
        credentials = put("gone.json", cloud.credentials.read_bytes())
    expect_refusal(command("apps", "list", MICROVISOR_CREDENTIALS=str(credentials)), "cannot reach")


def server_says_nothing():
    with socket.create_server(("127.0.0.1", 0)) as mute:  # connections wait in its queue for ever
        address = f"http://127.0.0.1:{mute.getsockname()[1]}"
        credentials = put("mute.json", json.dumps({"base_url": address, "account_sid": "AC" + "0" * 32, "auth_token": "0" * 32}).encode())
        expect_refusal(command("apps", "list", MICROVISOR_CREDENTIALS=str(credentials)), "cannot reach", "does not answer")


def bundle_refused_by_the_cloud():
    """The server checks for itself: the same bad bundle sent past the command's own checks."""
    with Cloud() as cloud:
        document = json.loads(cloud.credentials.read_text())
        host = document["base_url"].removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=20)
        content = bundles.bundle(measurement=bytes(32))
        boundary = "boundary7c1f"
        body = (f'--{boundary}\r\nContent-Disposition: form-data; name="File"; filename="b.zip"\r\n\r\n'.encode() + content +
                f"\r\n--{boundary}--\r\n".encode())
        import base64
        token = base64.b64encode(f'{document["account_sid"]}:{document["auth_token"]}'.encode()).decode()
        connection.request("POST", "/v1/Apps", body, {"Authorization": f"Basic {token}",
                                                       "Content-Type": f"multipart/form-data; boundary={boundary}"})
        answer = connection.getresponse()
        text = answer.read().decode()
        if not 400 <= answer.status < 500 or "sid" in json.loads(text):
            sys.exit(f"answered {answer.status}: {text}")
        print(json.loads(text)["message"])


def listening_off_loopback():
    expect_refusal(command("cloud", "serve", "--listen", "0.0.0.0:0", "--data", scratch / "open"), "loopback")
    if (scratch / "open").exists():
        sys.exit("a data directory was made")


def unknown_command():
    expect_refusal(command("frobnicate"), "frobnicate", status=2)
    expect_refusal(command("board", "frobnicate"), "frobnicate", status=2)
    expect_refusal(command("run", "--frobnicate", "app.elf"), "--frobnicate", status=2)


def device_or_pin_that_is_none():
    application = put("good.elf", bundles.elf())
    for place in ("0x18=toaster", "0x80=mcp9808", "0x03=mcp9808", "mcp9808", "=mcp9808", "0x18"):
        expect_refusal(command("run", application, "--for", "1s", "--i2c", place), place.split("=")[-1])
    for pin in ("PA16", "PJ0", "5"):
        expect_refusal(command("run", application, "--for", "1s", "--pins", pin), pin)


def nothing_to_update():
    with Cloud() as cloud:
        expect_refusal(command("devices", "update", "UV" + "0" * 32, MICROVISOR_CREDENTIALS=str(cloud.credentials)), "nothing to change")


def make_board():
    board = scratch / "board"
    result = command("board", "create", board)
    if result.returncode:
        sys.exit(result.stderr)
    return board


def board_in_use():
    board = make_board()
    running = subprocess.Popen([MICROVISOR, "board", "run", board], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        running.stdout.readline()  # it has the board
        expect_refusal(command("board", "run", board, "--for", "1s"), "in use")
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(20)


def refused_and_unchanged(board, *words):
    before = fingerprint(board)
    expect_refusal(command("board", "run", board, "--for", "1s"), *words)
    if fingerprint(board) != before:
        sys.exit("the directory was changed")


BOARD_FILES = ("flash.bin", "otp.bin", "flash.state", "nor.bin", "nor.state", "backup.bin", "identity.json")


def board_half_written():
    board = make_board()
    (board / "version").unlink()  # it is written last
    refused_and_unchanged(board, "half-written")


def board_with_a_missing_file():
    board = make_board()
    for name in BOARD_FILES:
        (board / name).rename(scratch / name)
        refused_and_unchanged(board, name, "missing")
        (scratch / name).rename(board / name)
    expect_success(command("board", "inspect", board))


def board_with_a_truncated_file():
    board = make_board()
    for name in BOARD_FILES:
        kept = scratch / name
        shutil.copyfile(board / name, kept)
        for size in (kept.stat().st_size // 2, 0):
            os.truncate(board / name, size)
            refused_and_unchanged(board, name, "damaged")
        kept.rename(board / name)
    expect_success(command("board", "inspect", board))


def board_with_a_damaged_file():
    board = make_board()
    for name in ("flash.state", "nor.state", "identity.json", "version"):
        kept = (board / name).read_bytes()
        (board / name).write_bytes(b"?" * len(kept))
        refused_and_unchanged(board, name, "damaged")
        (board / name).write_bytes(kept)
    for name in ("flash.state", "nor.state"):  # another format of the state file itself
        kept = (board / name).read_bytes()
        (board / name).write_bytes(kept[:4] + b"\x63\0\0\0" + kept[8:])
        refused_and_unchanged(board, name, "damaged")
        expect_refusal(command("board", "inspect", board), "version")
        (board / name).write_bytes(kept)


def board_that_may_not_grow():
    """A limit of the process on the size of files: what a full disk is, at any size."""
    limits = ((1 << 20), (4 << 20), 4096)
    for limit in limits:
        expect_refusal(command("board", "create", scratch / "board", file_limit=limit), "board", "too large")
        left = [entry.name for entry in scratch.iterdir() if "board" in entry.name]
        if left:
            sys.exit(f"left behind: {left}")
    expect_success(command("board", "create", scratch / "board"))


def board_of_another_version():
    board = make_board()
    version = (board / "version").read_text()
    number = int(version.split()[-1])
    for other, word in ((99, "newer"), (number - 1, "older")):
        (board / "version").write_text(version.replace(str(number), str(other)))
        refused_and_unchanged(board, word)
    for text in ("", "microvisor board\n", f"microvisor board {number}x\n", "microvisor board -1x\n"):
        (board / "version").write_text(text)
        refused_and_unchanged(board)


def faults_that_cannot_be():
    board = make_board()
    bad = (("--cut", "flash:0:torn"), ("--cut", "flash:1"), ("--cut", "flash:1:soon"), ("--cut", "skip:1"), ("--cut", ""),
           ("--cut", "random:"), ("--cut", "instruction:-1"), ("--skip", "0"), ("--invert-branch", "0"))
    for option, value in bad:
        for arguments in (("run", board), ("exec", board / "none.elf")):
            before = fingerprint(board)
            expect_refusal(command("board", *arguments, option, value), value.split(":")[0])
            if fingerprint(board) != before:
                sys.exit("the directory was changed")
    for option in ("--skip", "--invert-branch"):
        expect_refusal(command("board", "run", board, option, "x"), "x", status=2)


def board_that_is_none():
    folder = scratch / "photos"
    folder.mkdir()
    (folder / "cat.jpg").write_bytes(b"meow")
    before = fingerprint(folder)
    expect_refusal(command("board", "run", folder, "--for", "1s"), "photos")
    expect_refusal(command("board", "create", folder), "photos")
    if fingerprint(folder) != before:
        sys.exit("the directory was changed")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="microvisor-refusals-") as folder:
        scratch = pathlib.Path(folder)
        globals()[sys.argv[2]]()
