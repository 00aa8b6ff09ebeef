#!/usr/bin/python3
"""The example applications with channels, on a virtual board behind a private cloud, against real servers on loopback: an HTTPS server
and a broker (mosquitto), both of a private authority, and the cloud's own configuration store.

Usage: examples.py MICROVISOR CASE APPLICATION.elf. Each case is a function below.
"""
import http.server
import shutil
import socket
import ssl
import subprocess
import sys
import threading

from authority import Authority
from user import Started, User, check

user = User(sys.argv[1])
application = sys.argv[3]
BROKER = "broker.example.com"


def run(seconds, *options):
    """The lines of the application's log."""
    result = user.command("run", application, "--for", f"{seconds}s", *options)
    return result.stdout.splitlines()


def said(lines, text):
    check(any(text in line for line in lines), f"said: {text}" if any(text in line for line in lines) else f"{text!r} in {lines}")


def values_of_configuration():
    (user.home / "token").write_text("a secret of twenty bytes")
    lines = run(5, "--config", "greeting=good morning", "--secret", "token=@token")
    check(sum("greeting: good morning" in line for line in lines) == 2, "the value, of the device and of the account")
    said(lines, "token: a secret of 24 bytes")
    check(not any("twenty" in line for line in lines), "and the secret is nowhere")
    said(run(5), "status 0, result 1")


class Page(http.server.BaseHTTPRequestHandler):
    seen = []

    def do_GET(self):
        Page.seen.append((self.path, self.headers["Host"], self.headers["Accept"]))
        self.send_response(200)
        self.send_header("Content-Length", "12")
        self.end_headers()
        self.wfile.write(b"hello device")

    def log_message(self, *_):
        pass


def page_by_http():
    authority = Authority(user.home)
    key, certificate = authority.issue("example.com")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    there = ("--relay-resolve", f"example.com:443:127.0.0.1:{server.server_address[1]}")
    lines = run(14, *there, "--relay-ca", authority.certificate)
    said(lines, "HTTP 200")
    said(lines, "12 bytes: hello device")
    check(Page.seen[0] == ("/", "example.com", "text/plain"), "the server was asked what the application asks")
    asked = len(Page.seen)
    check(asked >= 2, "every ten seconds")
    said(run(8, *there), "the request has failed: result 5")
    check(len(Page.seen) == asked, "not without the authority")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for_port(port):
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            pass


def start_broker(authority, port):
    key, certificate = authority.issue(BROKER)
    (user.home / "mosquitto.conf").write_text(f"""listener {port} 127.0.0.1
cafile {authority.certificate}
certfile {certificate}
keyfile {key}
require_certificate true
allow_anonymous true
user root
""")
    broker = subprocess.Popen([shutil.which("mosquitto", path="/usr/sbin:/usr/bin"), "-c", user.home / "mosquitto.conf"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for_port(port)
    return broker


def sensor_by_mqtt():
    authority, port = Authority(user.home), free_port()
    key, certificate = authority.issue("sensor")
    values = {"broker-host": BROKER, "broker-port": port, "broker-ca": authority.hexadecimal(authority.certificate, "x509"),
              "client-certificate": authority.hexadecimal(certificate, "x509")}
    options = [option for name, value in values.items() for option in ("--config", f"{name}={value}")]
    options += ["--secret", "client-key=" + authority.hexadecimal(key, "pkcs8"),
                "--relay-resolve", f"{BROKER}:{port}:127.0.0.1:{port}"]
    client = ["-h", "127.0.0.1", "-p", str(port), "--insecure", "--cafile", authority.certificate, "--cert", certificate, "--key", key]
    with Started() as started:
        started.keep(start_broker(authority, port))
        subprocess.run(["mosquitto_pub", *client, "-t", "sensors/commands", "-m", "be quiet", "-r", "-q", "1"], check=True)
        readings = started.keep(subprocess.Popen(["mosquitto_sub", *client, "-t", "sensors/readings", "-C", "2", "-q", "1"],
                                                 stdout=subprocess.PIPE, text=True))
        lines = run(14, *options)
        check(readings.communicate(timeout=60)[0].split() == ["1", "2"], "two readings have reached a subscriber")
    said(lines, "connected to the broker")
    said(lines, "subscribed: state 0, reason 1")
    said(lines, "published 1: state 0, reason 0")
    said(lines, "sensors/commands: be quiet")


globals()[sys.argv[2]]()
