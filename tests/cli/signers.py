#!/usr/bin/python3
"""An owner takes the signing of applications into its own hands: a key of its own is added, then the cloud's is removed. The
device on the board takes what the new key has signed, refuses what the removed one has, and stays connected.

Usage: signers.py MICROVISOR APPLICATION.elf
"""
import json
import os
import sys

from service import connected_board
from user import User, check

APPLICATION = os.path.abspath(sys.argv[2])
user = User(sys.argv[1])
command, refused = user.command, user.refused


def keys_of(device):
    return service.device(device)["keys"]


def take_over(device):
    before = json.loads(command("signers", "list", "--json").stdout)["signers"]
    check(len(before) == 1 and before[0]["held_by_cloud"], "at first the cloud signs")
    by_cloud = command("apps", "create", APPLICATION, "by-cloud").stdout.strip()
    command("bundle", "keypair")
    refused("signers", "add", "signing_public.pem", "--key", "signing_private.pem", words=["none of the signers"])
    command("signers", "add", "signing_public.pem")
    own = [signer["key_id"] for signer in json.loads(command("signers", "list", "--json").stdout)["signers"]
           if not signer["held_by_cloud"]]
    service.until(lambda: set(keys_of(device)["signers"]) == {before[0]["key_id"], *own}, "the device accepts both keys")
    command("signers", "remove", before[0]["key_id"], "--key", "signing_private.pem")
    service.until(lambda: keys_of(device)["signers"] == own, "the device accepts the owner's key alone")
    return by_cloud, own[0]


def afterwards(device, by_cloud, own):
    command("apps", "bundle", APPLICATION, "app.zip")
    refused("apps", "create", "app.zip", words=["not signed"])
    command("bundle", "sign", "app.zip", "signed.zip", "--key", "signing_private.pem")
    by_owner = command("apps", "create", "signed.zip", "by-owner").stdout.strip()
    check(service.outcome(device, by_owner)["update_status"] == "up-to-date", "what the owner has signed is installed")
    check(service.outcome(device, by_cloud)["update_status"] == "error", "what the removed key has signed is refused")
    state = service.device(device)
    check(state["connected"] and state["app_running"] and state["update"]["error_code"] == 31,
          "with an error code of its own; the device is connected and its application runs")
    refused("signers", "remove", own, "--key", "signing_private.pem", words=["no signer would be left"])
    refused("signers", "add", "signing_public.pem", words=["own key is not a signer"])
    refused("signers", "remove", "0000000000000000", words=["no signer 0000000000000000"])
    refused("signers", "remove", "xyz", "--key", "signing_private.pem", words=["16 hex digits"])
    refused("signers", "add", APPLICATION, words=["PEM"])


with connected_board(user) as place:
    service = place.service
    afterwards(place.device, *take_over(place.device))
