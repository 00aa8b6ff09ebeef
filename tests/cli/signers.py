#!/usr/bin/python3
"""An owner takes the signing of applications into its own hands: a key of its own is added, then the cloud's is removed. The
device on the board takes what the new key has signed, refuses what the removed one has, and stays connected.

Usage: signers.py MICROVISOR APPLICATION.elf
"""
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request

from user import User, check

APPLICATION = os.path.abspath(sys.argv[2])
user = User(sys.argv[1])
command, refused, credentials = user.command, user.refused, user.credentials


def get(path):
    login = json.loads(credentials.read_text())
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, login["base_url"], login["account_sid"], login["auth_token"])
    handler = urllib.request.HTTPBasicAuthHandler(passwords)
    request = urllib.request.build_opener(handler)
    with request.open(login["base_url"] + path, timeout=130) as answer:
        return json.load(answer)


def until(condition, what, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"not within {seconds} s: {what}")
        time.sleep(0.1)
    print(what)


def keys_of(device):
    return get(f"/api/devices/{device}")["keys"]


def deployed(device, app):
    command("devices", "update", device, "--target-app", app)
    return get(f"/api/devices/{device}/wait?Timeout=120")["app"]["update_status"]


def take_over(device):
    before = json.loads(command("signers", "list", "--json").stdout)["signers"]
    check(len(before) == 1 and before[0]["held_by_cloud"], "at first the cloud signs")
    by_cloud = command("apps", "create", APPLICATION, "by-cloud").stdout.strip()
    command("bundle", "keypair")
    refused("signers", "add", "signing_public.pem", "--key", "signing_private.pem", words=["none of the signers"])
    command("signers", "add", "signing_public.pem")
    own = [signer["key_id"] for signer in json.loads(command("signers", "list", "--json").stdout)["signers"]
           if not signer["held_by_cloud"]]
    until(lambda: set(keys_of(device)["signers"]) == {before[0]["key_id"], *own}, "the device accepts both keys")
    command("signers", "remove", before[0]["key_id"], "--key", "signing_private.pem")
    until(lambda: keys_of(device)["signers"] == own, "the device accepts the owner's key alone")
    return by_cloud, own[0]


def afterwards(device, by_cloud, own):
    command("apps", "bundle", APPLICATION, "app.zip")
    refused("apps", "create", "app.zip", words=["not signed"])
    command("bundle", "sign", "app.zip", "signed.zip", "--key", "signing_private.pem")
    by_owner = command("apps", "create", "signed.zip", "by-owner").stdout.strip()
    check(deployed(device, by_owner) == "up-to-date", "what the owner has signed is installed")
    check(deployed(device, by_cloud) == "error", "what the removed key has signed is refused")
    state = get(f"/api/devices/{device}")
    check(state["connected"] and state["app_running"] and state["update"]["error_code"] == 3,
          "with an error code of its own; the device is connected and its application runs")
    refused("signers", "remove", own, "--key", "signing_private.pem", words=["no signer would be left"])
    refused("signers", "add", "signing_public.pem", words=["own key is not a signer"])
    refused("signers", "remove", "0000000000000000", words=["no signer 0000000000000000"])
    refused("signers", "remove", "xyz", "--key", "signing_private.pem", words=["16 hex digits"])
    refused("signers", "add", APPLICATION, words=["PEM"])


server = user.start_cloud()
board = None
try:
    device = json.loads(command("board", "create", "board", "--cloud", credentials, "--json").stdout)["sid"]
    board = user.start("board", "run", "board", "--fast", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: get(f"/api/devices/{device}")["connected"], "the device is connected")
    afterwards(device, *take_over(device))
finally:
    for process in (board, server):
        if process is not None:
            process.terminate()
            process.wait(20)
    shutil.rmtree(user.home)
