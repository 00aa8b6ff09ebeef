#!/usr/bin/python3
"""An application on a board speaks to a server of the account's by a byte stream: there and back, endpoints that come and go
while the device is connected, and every way for a channel to end.

Usage: byte_streams.py MICROVISOR BYTE_STREAM.elf. The application (examples/applications/byte_stream) sends back what comes from
the endpoint "bytes", through buffers of 512 bytes, and opens a channel anew when one has ended.
"""
import contextlib
import json
import os
import random
import socket
import struct
import sys
import threading

from service import connected_board
from user import User, check

APPLICATION = os.path.abspath(sys.argv[2])
AMOUNT = 100 * 1024
user = User(sys.argv[1])
command, refused = user.command, user.refused


def accept():
    connection, _ = listener.accept()
    connection.settimeout(100)
    return connection


def there_and_back(connection):
    sent = random.Random(7).randbytes(AMOUNT)
    writer = threading.Thread(target=connection.sendall, args=(sent,), daemon=True)
    writer.start()
    back = bytearray()
    while len(back) < AMOUNT:
        piece = connection.recv(65536)
        if not piece:
            sys.exit(f"the stream ended after {len(back)} bytes")
        back += piece
    writer.join()
    check(bytes(back) == sent, f"{AMOUNT} bytes there and back, unharmed, through buffers of 512 bytes")


def the_endpoint_comes_while_the_device_is_connected():
    service.line('no channel to "bytes": status 13')  # MV_STATUS_UNKNOWNCHANNELENDPOINT
    refused("endpoints", "add", "by tes", f"tcp://far.test:{port}", words=["printable"])
    refused("endpoints", "add", "bytes", "far.test", words=["tcp://HOST:PORT"])
    command("endpoints", "add", "bytes", "tcp://far.test:7")
    listed = json.loads(command("endpoints", "list", "--json").stdout)
    check(listed == [{"name": "bytes", "url": "tcp://far.test:7"}], "the endpoint is listed")
    service.line('a channel to "bytes" is open')


def a_server_that_closes_in_order():
    with accept() as connection:
        there_and_back(connection)
    service.line(f"{AMOUNT} bytes have gone back")
    service.line("the channel had been closed: reason 1")


def a_server_that_breaks_off():
    with accept() as connection:
        connection.sendall(b"half a")
        check(connection.recv(6) == b"half a", "another channel is open")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    service.line("the channel had been closed: reason 2")


def a_connection_that_is_lost():
    with accept() as connection:
        with place.cloud_down():
            service.until(lambda: ended(connection), "the server hears that the stream is broken off")
        service.until_connected(device)
        service.watch(device, since=1000)
    service.line("the channel had been closed: reason 3")
    service.line('a channel to "bytes" is open')


def ended(connection):
    try:
        return not connection.recv(1)
    except ConnectionResetError:
        return True


def an_endpoint_that_leads_inside(connection):
    command("endpoints", "add", "bytes", f"tcp://127.0.0.1:{port}")
    connection.close()
    service.line(f"Channel to bytes ended: 127.0.0.1:{port} is not on the public internet")
    service.line("the channel had been closed: reason 4")


def the_endpoint_goes():
    command("endpoints", "remove", "bytes")
    service.line('no channel to "bytes": status 13')
    refused("endpoints", "remove", "bytes", words=["no endpoint"])
    check(json.loads(command("endpoints", "list", "--json").stdout) == [], "the endpoint is gone")


with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
    listener.settimeout(100)
    port = listener.getsockname()[1]
    user.cloud_options = ["--relay-resolve", f"far.test:7:127.0.0.1:{port}"]
    with connected_board(user) as place:
        service, device = place.service, place.device
        service.watch(device)
        command("apps", "bundle", APPLICATION, "stream.zip")
        service.deploy(device, command("apps", "create", "stream.zip", "stream").stdout.strip())
        the_endpoint_comes_while_the_device_is_connected()
        a_server_that_closes_in_order()
        a_server_that_breaks_off()
        a_connection_that_is_lost()
        an_endpoint_that_leads_inside(accept())
        the_endpoint_goes()
