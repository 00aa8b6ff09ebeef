#!/usr/bin/python3
"""What ends or shakes a debug session in the middle: power, the link, an update, a restart, another developer.

GDB is told, the command says why and ends, and the device is left with its application running and nothing of the debugger's in it.

Usage: cuts.py MICROVISOR APPLICATION.elf CASE [ANOTHER.elf]. Each case is a function below.
"""
import os
import re
import socket
import sys
import threading

from field import Field as AnyField
from stock_gdb import expect
from middleman import Connection, Middleman, json_answer
from user import check

APPLICATION = os.path.abspath(sys.argv[2])
ANOTHER = os.path.abspath(sys.argv[4]) if len(sys.argv) > 4 else None
# In the loop of each task, so that a breakpoint that is left behind is met at once.
EVERYWHERE = "yield"


class GatewayRelay:
    """Between device and gateway, on TCP: cuts what there is, and lets nothing new through until it is mended."""

    def __init__(self, gateway):
        host, port = gateway.rsplit(":", 1)
        self.gateway = (host, int(port))
        self.server = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.server.getsockname()[1]}"
        self.connections, self.whole = [], True
        self.flows = threading.Event()
        self.flows.set()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            device = Connection(self.server.accept()[0])
            if not self.whole:
                device.close()
                continue
            gateway = Connection(socket.create_connection(self.gateway))
            self.connections += [device, gateway]
            for source, sink in ((device, gateway), (gateway, device)):
                threading.Thread(target=self.forward, args=(source, sink), daemon=True).start()

    def forward(self, source, sink):
        try:
            while True:
                source.more()
                self.flows.wait()
                sink.send(source.take(len(source.buffer)))
        except (OSError, EOFError):
            sink.close()

    def freeze(self):
        """Nothing is closed, and nothing arrives."""
        self.flows.clear()

    def cut(self):
        self.whole = False
        for connection in self.connections:
            connection.close()
        self.connections = []

    def mend(self):
        self.whole = True
        self.flows.set()


class Field(AnyField):
    """With a relay at which the device's link can be cut."""

    def new_board(self, name):
        """The device is told that the gateway is where the relay is."""
        truth = self.user.credentials
        middle = Middleman(truth, self.user.home)
        self.relay = GatewayRelay(middle.truth["gateway"])

        def gateway_is_the_relay(connection, head):
            if not head.startswith(b"GET /api/factory "):
                return False
            return json_answer(connection, {**middle.answer_of_the_cloud(head), "gateway": self.relay.address})

        middle.answer = gateway_is_the_relay
        self.user.credentials = middle.credentials
        try:
            return super().new_board(name)
        finally:
            self.user.credentials = truth
            middle.close()

    def goes_on_unpatched(self, log, start):
        """The log goes on, which it does not where a breakpoint is left; a new session meets its own breakpoint alone, and finds the
        flash as it was made."""
        first, at = log.wait_for(r"count (\d+)$", start)
        second, _ = log.wait_for(r"count (\d+)$", at)
        check(int(second[1]) > int(first[1]), "the application runs")
        process, port = self.debug()
        output = self.gdb(port, "tbreak tell", "continue", "compare-sections", "detach")
        expect(output, r"breakpoint 1, tell", r"Section \.text, range .*: matched", "detached")
        differ = re.findall(r"Section (\S+), range .*: MIS-MATCHED", output)
        check(set(differ) <= {".data"}, f"the flash is as it was installed; not so: {differ}")  # that is in RAM
        process.terminate()
        check(process.wait(20) == 0, "another session")


def ended(process, words, seconds=60):
    """The command has ended, and said why in its last line."""
    status = process.wait(seconds)
    lines = process.stderr.read().splitlines()
    check(status == 1 and lines and re.search(words, lines[-1]), f"it says why: {lines[-1:]}")


def halted_gdb(field):
    """At a breakpoint, and its user thinks."""
    process, port = field.debug()
    gdb = field.typed_gdb(port)
    expect(gdb.ask(f"break {EVERYWHERE}", "continue", "continue"), f"Breakpoint 1, {EVERYWHERE}")
    return process, gdb


def waiting_gdb(field):
    """Its user waits for a breakpoint that does not come."""
    process, port = field.debug()
    gdb = field.typed_gdb(port)
    gdb.ask("break fall", "watch spins")
    gdb.type("continue")
    gdb.wait_for("Continuing")
    return process, gdb


def hears_while_it_waits(gdb, words):
    gdb.wait_for(words)
    gdb.wait_for("exited normally")


def hears_at_its_prompt(gdb):
    gdb.type("stepi")
    gdb.wait_for("Remote connection closed|Remote communication error")


# --- cases ------------------------------------------------------------------------------------------------------------


def cut_off(field, cut, mend, words, seconds=60):
    """A session of a GDB at its prompt, and one of a GDB that waits: both hear of the cut, and the device goes on."""
    log = field.log()
    for prepared in (halted_gdb, waiting_gdb):
        process, gdb = prepared(field)
        cut()
        ended(process, words, seconds)
        hears_at_its_prompt(gdb) if prepared is halted_gdb else hears_while_it_waits(gdb, words)
        start = len(log.lines)
        mend()
        field.goes_on_unpatched(log, start)


def power():
    with Field(sys.argv[1], APPLICATION) as field:

        def cut():
            field.board.kill()
            field.board.wait(20)

        def mend():
            field.board = field.run_board("board")

        cut_off(field, cut, mend, "not connected any more")


def link():
    with Field(sys.argv[1], APPLICATION) as field:
        cut_off(field, field.relay.cut, field.relay.mend, "not connected any more")


def silence():
    """The link stands and carries nothing: both sides find out by themselves."""
    with Field(sys.argv[1], APPLICATION) as field:

        def mend():
            field.relay.cut()
            field.relay.mend()

        cut_off(field, field.relay.freeze, mend, "does not answer|not connected any more", 120)


def update():
    """Halted at a breakpoint or waiting for one: another application is installed, and GDB hears it from the device."""
    with Field(sys.argv[1], APPLICATION) as field:
        log = field.log()
        process, gdb = halted_gdb(field)
        field.deploy(ANOTHER)
        ended(process, "The device installs an update")
        hears_at_its_prompt(gdb)
        log.wait_for("log_led_c tick")
        start = len(log.lines)
        field.deploy(APPLICATION)
        field.goes_on_unpatched(log, start)

        process, gdb = waiting_gdb(field)
        field.deploy(ANOTHER)
        ended(process, "The device installs an update")
        hears_while_it_waits(gdb, "The device installs an update")
        log.wait_for("log_led_c tick", len(log.lines))


def restart():
    """The service restarts the application: the session goes on with the new life, breakpoints and all."""
    with Field(sys.argv[1], APPLICATION) as field:
        log = field.log()
        process, gdb = waiting_gdb(field)
        field.user.command("devices", "update", field.sid, "--restart-app")
        gdb.wait_for("started anew")
        gdb.interrupt()  # while the new life clears what is watched: GDB goes on from that by itself
        gdb.wait_for("SIGINT")
        expect(gdb.ask("print mode = 1"), "= 1")
        gdb.type("continue")
        gdb.wait_for("Breakpoint 1, fall")
        gdb.ask("print mode = 0", "delete", "detach")

        process.terminate()
        check(process.wait(20) == 0, "it ends when it is told to")
        process, gdb = halted_gdb(field)
        start = len(log.lines)
        field.user.command("devices", "update", field.sid, "--restart-app")
        for line in process.stderr:
            if "started anew" in line:
                break
        # GDB does not know yet, and its user steps on: told, and halted in the new life.
        gdb.type("stepi")
        gdb.wait_for("started anew")
        gdb.wait_for(f"SIGINT|Breakpoint 1|in {EVERYWHERE}")  # where it is, or where it has come meanwhile
        expect(gdb.ask("continue"), f"Breakpoint 1, {EVERYWHERE}")
        gdb.ask("delete", "detach")
        check(process.poll() is None, "the session stands")
        process.terminate()
        process.wait(20)
        field.goes_on_unpatched(log, start)


def take_over():
    with Field(sys.argv[1], APPLICATION) as field:
        log = field.log()
        process, gdb = waiting_gdb(field)
        second, port = field.debug()
        ended(process, "Another debugger has taken the session over")
        hears_while_it_waits(gdb, "Another debugger has taken the session over")
        second.terminate()
        check(second.wait(20) == 0, "the second one ends when it is told to")
        field.goes_on_unpatched(log, len(log.lines))


globals()[sys.argv[3]]()
