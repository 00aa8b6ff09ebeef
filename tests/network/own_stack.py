#!/usr/bin/python3
"""Applications with an IP stack of their own, on a virtual board that stays connected for Microvisor: the example with its own TCP
connection, and one that sends all it can.

Usage: own_stack.py MICROVISOR CASE APPLICATION.elf [NEXT_VERSION.elf]. Each case is a function below.
"""
import contextlib
import os
import re
import socket
import sys
import threading

from service import connected_board
from user import User, check

applications = [os.path.abspath(path) for path in sys.argv[3:]]
user = User(sys.argv[1])
command = user.command


def settings(device, **values):
    for name, value in values.items():
        command("configs", "set", name, str(value), "--device", device)


def bundle(number):
    command("apps", "bundle", applications[number], f"{number}.zip")
    return command("apps", "create", f"{number}.zip", f"application-{number}").stdout.strip()


def own_connection():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server, connected_board(user) as place:
        server.settimeout(100)
        service, device = place.service, place.device
        settings(device, server="10.0.2.2", port=server.getsockname()[1])
        service.watch(device)
        service.deploy(device, bundle(0))
        service.line("the network interface is up")
        for answer in ("the first", "x" * 79):
            connection, _ = server.accept()
            with connection:
                connection.settimeout(100)
                line = b""
                while not line.endswith(b"\n"):
                    line += connection.recv(100)
                check(line == b"a line from a stack of its own\n", "the server has the line")
                connection.sendall(answer.encode())
            service.line(f"10.0.2.2 answers: {answer}")
        with place.cloud_down():
            connection, _ = server.accept()
            with connection:
                check(connection.recv(100) == b"a line from a stack of its own\n", "its connections need no cloud")
                connection.sendall(b"meanwhile")
        service.until_connected(device)
        service.watch(device, since=100)
        service.line("10.0.2.2 answers: meanwhile")


class Listener:
    """Datagrams that have come: how many of each text."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.texts = {}
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            datagram, _ = self.socket.recvfrom(2000)
            text = datagram.rstrip(b"\0").decode(errors="replace")
            self.texts[text] = self.texts.get(text, 0) + 1


def flood():
    listener = Listener()
    with connected_board(user) as place:
        service, device = place.service, place.device
        settings(device, port=listener.port)
        service.watch(device)
        service.deploy(device, bundle(0))
        for second in range(3):
            service.line(f"version 1 floods for {second} s")
        service.deploy(device, bundle(1))
        for second in range(2):
            service.line(f"version 2 floods for {second} s")
        check(service.device(device)["connected"], "the device has stayed connected")
        numbers = [tuple(map(int, re.search(r"(\d+) packets, (\d+) refused", line).groups()))
                   for line in service.messages if "version 2 floods" in line]
        packets, refused = numbers[-1]
        check(packets > 50 and refused > packets // 5, f"{packets} packets, {refused} of them refused")
        check(set(listener.texts) == {"good"}, f"nothing else has left the device: {listener.texts}")


globals()[sys.argv[2]]()
