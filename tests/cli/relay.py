#!/usr/bin/python3
"""An account's list of hosts by the command, and the options of whoever runs a cloud.

Usage: relay.py MICROVISOR APPLICATION.elf
"""
import json
import os
import sys

from user import Started, User, check

APPLICATION = os.path.abspath(sys.argv[2])
user = User(sys.argv[1])
command, refused = user.command, user.refused


def the_list():
    check(command("relay", "list").stdout == "", "at first there is no host on the list")
    check(command("relay", "allow", "API.Example.com").stdout == "api.example.com\n", "a host is put on it, in lower case")
    command("relay", "allow", "*.devices.example:8443")
    command("relay", "allow", "api.example.com")
    check(command("relay", "list").stdout == "*.devices.example:8443\napi.example.com\n", "each host stands there once")
    refused("relay", "allow", "https://api.example.com/", words=["host has to be a name"])
    refused("relay", "remove", "other.example", words=["other.example is not on the list"])
    command("relay", "remove", "*.devices.example:8443")
    check(json.loads(command("relay", "list", "--json").stdout) == {"hosts": ["api.example.com"]}, "a host is taken off it")


def options():
    serve = ("cloud", "serve", "--data", "other", "--listen", "127.0.0.1:0", "--gateway", "127.0.0.1:0")
    for program in (serve, ("run", APPLICATION)):
        refused(*program, "--relay-resolve", "server.test", words=["HOST:PORT:ADDRESS", "server.test"])
        refused(*program, "--relay-ca", "missing.pem", words=["cannot read missing.pem"])


with Started() as started:
    started.keep(user.start_cloud())
    the_list()
options()
