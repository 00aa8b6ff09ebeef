#!/usr/bin/python3
"""Configs and secrets at the command line: set, listed, shown and removed, for the account and for one device, from arguments, files
and the standard input; what cannot be is told in one line. And `run --config --secret` stores them in both scopes.

Usage: configs.py MICROVISOR CASE APPLICATION.elf. Each case is a function below.
"""
import json
import os
import shutil
import signal
import subprocess
import sys

from service import Service
from user import Started, User, check

user = User(sys.argv[1])
command, refused = user.command, user.refused
ODD_KEYS = [".", "..", "a/b?c#d", "%2e%2E", " ", "'\"\\", "k" * 100]


def from_input(content, *arguments):
    return subprocess.run([user.microvisor, *arguments], input=content, capture_output=True, env=user.environment, cwd=user.home,
                          timeout=60)


def values(group, *scope):
    return {item["key"]: item.get("value") for item in json.loads(command(group, "list", "--json", *scope).stdout)}


def live(group, *scope):
    """From the first to the last command on one item."""
    one = group.removesuffix("s")
    readable = group == "configs"
    check(f"set {one} k" in command(group, "set", "k", "first value", *scope).stderr, f"{group} {scope}: it is said")
    made = json.loads(command(group, "show", "k", "--json", *scope).stdout)
    check(made.get("value") == ("first value" if readable else None), "shown, if it is no secret")
    shown = command(group, "show", "k", *scope).stdout
    check(("first value" in shown) == readable and made["date_updated" if readable else "date_rotated"] in shown, "as text")
    anew = json.loads(command(group, "set", "k", "second", "--json", *scope).stdout)
    check(anew["key"] == "k" and anew["url"] == made["url"], "set anew")
    check(values(group, *scope) == {"k": "second" if readable else None}, "there is one")
    lines = command(group, "list", *scope).stdout.splitlines()
    check(len(lines) == 2 and lines[1].startswith("k ") and lines[1].endswith(" second" if readable else "Z"), "a table")
    check(f"removed {one} k" in command(group, "remove", "k", *scope).stderr, "removed")
    refused(group, "show", "k", *scope, words=["k was not found"])
    refused(group, "remove", "k", *scope, words=["k was not found"])
    check(values(group, *scope) == {}, "there is none")


def both_groups_and_scopes():
    device = user.create_board()
    command("devices", "update", device, "--unique-name", "roof")
    for group in ("configs", "secrets"):
        live(group)
        live(group, "--device", device)
    command("configs", "set", "k", "of the roof", "--device", "roof")
    check(values("configs") == {} and values("configs", "--device", device) == {"k": "of the roof"}, "by unique name")


def where_values_come_from():
    (user.home / "file").write_text("from a file\n")
    (user.home / "dos").write_bytes(b"line\r\nlast\r\n")
    command("configs", "set", "file", "@file")
    command("configs", "set", "dos", "@dos")
    command("configs", "set", "empty", "")
    command("configs", "set", "dash", "--", "-5")
    check(from_input(b"piped\n\n", "configs", "set", "pipe", "-").returncode == 0, "from the standard input")
    check(from_input("€ä\n".encode(), "secrets", "set", "pipe", "-").returncode == 0, "also a secret")
    check(values("configs") == {"file": "from a file", "dos": "line\r\nlast", "empty": "", "dash": "-5", "pipe": "piped\n"},
          "one line end less at the end")
    table = command("configs", "list").stdout.splitlines()
    check(len(table) == 6 and any(line.endswith(" line...") for line in table), "a line each in the table")


def odd_keys():
    for key in ODD_KEYS:
        command("configs", "set", key, "value of " + key)
        command("configs", "set", key, "new value of " + key)
        check(json.loads(command("configs", "show", key, "--json").stdout)["value"] == "new value of " + key, key)
    check(set(values("configs")) == set(ODD_KEYS), "all of them are listed")
    for key in ODD_KEYS:
        command("configs", "remove", key)
    check(values("configs") == {}, "and none is left")


def what_cannot_be():
    (user.home / "binary").write_bytes(b"a\0b")
    (user.home / "latin").write_bytes(b"\xe4")
    for group in ("configs", "secrets"):
        refused(group, "set", "k" * 101, "v", words=["Key has to be 1 to 100 printable ASCII characters"])
        refused(group, "set", "ä", "v", words=["Key has to be 1 to 100 printable ASCII characters"])
        refused(group, "set", "", "v", words=["Key has to be 1 to 100 printable ASCII characters"])
        refused(group, "set", "k", "v" * 4097, words=["Value", "4096 characters"])
        refused(group, "set", "k", "@latin", words=["Value", "UTF-8"])
        refused(group, "set", "k", "@binary", words=["binary", "NUL", "hex or base64"])
        refused(group, "set", "k", "@nowhere", words=["nowhere"])
        refused(group, "set", "k", "v", "--device", "nobody", words=["nobody", "not found"])
        refused(group, "list", "--device", "nobody", words=["nobody", "not found"])
    check(values("configs") == {} and values("secrets") == {}, "nothing was stored")
    command("configs", "set", "k", "ä" * 4096)
    check(values("configs") == {"k": "ä" * 4096}, "4096 characters fit, of whatever length")
    check(command("configs", "set", "k", status=2).stderr.count("\n") == 1, "a value is needed")


def run_stores_both_scopes():
    """The private cloud of `run` is asked while it runs."""
    application = os.path.abspath(sys.argv[3])
    (user.home / "key.hex").write_text("308187\n")
    for option in ("--config", "--secret"):
        for bad in ("novalue", "=v"):
            refused("run", application, option, bad, words=[option, "KEY=VALUE"])
        refused("run", application, option, "k=@nowhere", words=["nowhere"])
        refused("run", application, option, "k" * 101 + "=v", words=["Key has to be"])
    scratch = user.home / "scratch"
    scratch.mkdir()
    user.environment["TMPDIR"] = str(scratch)
    with Started() as started:
        run = started.keep(user.start("run", application, "--fast", "--config", "host=a=b", "--config", "empty=", "--config",
                                      "host=again", "--secret", "key=@key.hex", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL))
        check(run.stdout.readline() != "", "it runs")
        service = Service(next(scratch.glob("microvisor-*/cloud/credentials.json")))
        device = service.get("/v1/Devices")["devices"][0]["sid"]
        for parent in ("/v1", f"/v1/Devices/{device}"):
            configs = {item["key"]: item["value"] for item in service.get(f"{parent}/Configs")["configs"]}
            check(configs == {"host": "again", "empty": ""}, f"{parent}: the last one of a key counts")
            check([item["key"] for item in service.get(f"{parent}/Secrets")["secrets"]] == ["key"], f"{parent}: the secret")
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=60)
        check(run.returncode == 0 and not any(scratch.iterdir()), "nothing of it is left")


def nothing_stands_in():
    """To examples/applications/read_config, which asks for a config "greeting" in both scopes and a secret "token": a key that is
    in the other store only is not there."""
    lines = command("run", os.path.abspath(sys.argv[3]), "--fast", "--for", "5s", "--secret", "greeting=x", "--config",
                    "token=y").stdout
    check(lines.count("greeting: status 0, result 1") == 2 and lines.count("token: status 0, result 1") == 1,
          f"three keys that are not found: {lines}")
    check("a secret of" not in lines, "nothing else")



try:
    if sys.argv[2] in ("run_stores_both_scopes", "nothing_stands_in"):
        globals()[sys.argv[2]]()
    else:
        with Started() as processes:
            processes.keep(user.start_cloud())
            globals()[sys.argv[2]]()
finally:
    shutil.rmtree(user.home)
