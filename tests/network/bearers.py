#!/usr/bin/python3
"""Applications on a virtual board with two ways to the cloud, of which one or the other fails.

Usage: bearers.py MICROVISOR CASE FOLDER of the test applications. Each case is a function below.
"""
import os
import re
import sys

from user import User, check

user = User(sys.argv[1])
folder = os.path.abspath(sys.argv[3])
ACCESS_POINT = "ssid=workshop,password=secret-99"
NO_MODEM = ("--modem", "sim=missing")


def run(application, seconds, *options):
    """What the application has logged."""
    result = user.command("run", f"{folder}/{application}.elf", "--for", f"{seconds}s", "--fast", *options)
    return [found[1] for line in result.stdout.splitlines() if (found := re.search(r"\[app_logging\] (.*)$", line))]


def seconds_of(lines):
    return [int(line.split()[1]) for line in lines if line.startswith("second ")]


def events_of(lines):
    return [line for line in lines if line.startswith("event ")]


def complete(lines, first, last):
    said = [second for second in seconds_of(lines) if first <= second <= last]
    check(said == list(range(first, last + 1)), f"seconds {first} to {last}, each once and in order")


def a_cable_alone():
    """No SIM, no Wi-Fi settings: only the cable is left, and all of it goes over that."""
    lines = run("wifi_wrong", 6, *NO_MODEM, "--ethernet")
    complete(lines, 0, 5)


def set_by_the_application():
    """It comes over the modem; from second 20 of the board's life on only Wi-Fi carries anything."""
    lines = run("wifi_set", 40, "--wifi", ACCESS_POINT, "--link", "cellular:outage=19s/20s")
    complete(lines, 0, 39)


def a_wrong_password():
    lines = run("wifi_wrong", 12, "--wifi", ACCESS_POINT)
    complete(lines, 0, 11)
    check(events_of(lines) == ["event 1, status 1"], "the application hears of one connection and nothing else")


def an_access_point_that_goes():
    """Away from second 60 to 70 of the board's life; Wi-Fi is let alone for 15 to 30 seconds, so the device is back before the end."""
    lines = run("wifi_set", 115, "--wifi", ACCESS_POINT + ",away=10s/60s")
    said = seconds_of(lines)
    check(said == sorted(set(said)) and said[0] == 0 and said[-1] == 114, "each line once and in order")
    missing = sorted(set(range(115)) - set(said))
    check(len(missing) <= 2 and all(55 <= second <= 61 for second in missing), f"none but what was on its way is lost: {missing}")
    events = events_of(lines)
    check(set(events) <= {"event 1, status 1", "event 1, status 2"}, "the network's state, and no other event")
    check(len(events) == 1 + 3 * 2, "to Wi-Fi, to the modem, and back to Wi-Fi")
    check(events[-1] == "event 1, status 1", "connected at the end")


def cleared_by_the_application():
    """At second 25; from second 30 of the board's life on only the modem carries anything."""
    lines = run("wifi_cleared", 45, "--wifi", ACCESS_POINT, "--link", "wifi:outage=29s/30s")
    complete(lines, 0, 44)
    events = events_of(lines)
    check(len(events) == 1 + 2 * 2, "to Wi-Fi when it is set, and away from it when it is cleared")


def a_network_that_goes():
    """The modem's, for 10 seconds from second 30 of the board's life on."""
    lines = run("tick", 58, "--modem", "away=10s/30s")
    said = seconds_of(lines)
    missing = sorted(set(range(58)) - set(said))
    check(said == sorted(set(said)) and len(missing) <= 4, f"called again; lost on the way: {missing}")


def recorded_and_replayed():
    """A recording has what stands around the chip in it."""
    cloud = user.start_cloud()
    try:
        user.create_board()
        user.command("board", "run", "board", "--for", "8s", "--fast", "--ethernet", *NO_MODEM, "--record", "session.rec")
    finally:
        cloud.terminate()
        cloud.wait(20)
    user.command("board", "replay", "session.rec")
    check(True, "the replay, cable and SIM included, ends in the same state")


globals()[sys.argv[2]]()
