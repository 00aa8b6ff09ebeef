#!/usr/bin/python3
"""Attacks on a debug session of a whole device: by who carries it, by the cloud, by who connects to the GDB server.

In each the session is refused or ended, the command says why in one line, the application goes on, and another session can be had.

Usage: attacks.py MICROVISOR APPLICATION.elf CASE [SEED COUNT]. Each case is a function below.
"""
import os
import random
import re
import select
import socket
import sys
import time

from field import Field as AnyField
from stock_gdb import expect
from middleman import BINARY, CLOSE, PING, TEXT, Middleman, frame_of, json_answer
from user import check, one_line

APPLICATION = os.path.abspath(sys.argv[2])
BUSINESS = re.compile(r"GDB is connected, the application is halted|GDB has left, the application runs")
# What a developer does while it happens: writes that wait and reads behind them, steps, a breakpoint, and stays a while.
WORK = ["print unit = 1", "x/1wx &stacks", "stepi", "print spins = 0", "x/8wx (char*)&stacks + 512", "stepi", "tbreak tell", "continue",
        "print said", "stepi", "print spins = 1", "x/8wx (char*)&stacks + 1600", "stepi", "stepi"]


class Field(AnyField):
    def __init__(self):
        super().__init__(sys.argv[1], APPLICATION)
        self.log_lines = self.log()
        self.middle = Middleman(self.user.credentials, self.user.home)

    def __exit__(self, *_):
        self.middle.close()
        super().__exit__()

    def goes_on(self):
        start = len(self.log_lines.lines)
        first, at = self.log_lines.wait_for(r"count (\d+)$", start)
        second, _ = self.log_lines.wait_for(r"count (\d+)$", at)
        if int(second[1]) <= int(first[1]):
            sys.exit(f"count {second[1]} behind {first[1]}")

    def works(self):
        """A session like any other."""
        process, port = self.debug()
        expect(self.gdb(port, "tbreak tell", "continue", "print workers[0].name", "detach"), r"breakpoint 1, tell", "teller", "detached")
        process.terminate()
        check(process.wait(20) == 0, "a good session is had")


def reason_of(process, seconds=60):
    """The line by which the command has ended."""
    status = process.wait(seconds)
    text = process.stderr.read()
    lines = [line for line in text.splitlines() if not BUSINESS.search(line)]
    if status != 1 or len(lines) != 1:
        sys.exit(f"exit status {status}, and not one line:\n{text}")
    return lines[0]


# --- who carries the session ------------------------------------------------------------------------------------------


class Attack:
    """One deed at a record of one direction; everything else passes. `recording` is an older session."""
    KINDS = ("drop", "double", "reorder", "flip", "truncate", "garbage", "length", "replay")

    def __init__(self, kind, to_device, number, seed, recording):
        self.kind, self.to_device, self.number = kind, to_device, number
        self.random, self.old = random.Random(seed), recording[to_device]
        self.held, self.done = None, False

    def __str__(self):
        return f"{self.kind} record {self.number} {'to' if self.to_device else 'from'} the device"

    def __call__(self, to_device, number, record):
        if to_device != self.to_device or number < self.number:
            return [record]
        if number == self.number:
            self.done = True
            return getattr(self, self.kind)(record)
        held, self.held = self.held, None
        return [record, held] if held else [record]

    def drop(self, _):
        return []

    def double(self, record):
        return [record, record]

    def reorder(self, record):
        self.held = record
        return []

    def flip(self, record):
        at = self.random.randrange(2, len(record))
        return [record[:at] + bytes([record[at] ^ 1 << self.random.randrange(8)]) + record[at + 1:]]

    def truncate(self, record):
        rest = record[2:self.random.randrange(3, len(record))]
        return [len(rest).to_bytes(2, "big") + rest]

    def garbage(self, record):
        size = self.random.randrange(17, 2000)
        return [size.to_bytes(2, "big") + self.random.randbytes(size), record]

    def length(self, record):
        return [self.random.choice((0, 1, 16, 2065, 65535)).to_bytes(2, "big") + record[2:]]

    def replay(self, _):
        return self.old[self.number:]


def under_attack(field, attack):
    field.middle.alter = attack
    process = field.start_debug(credentials=field.middle.credentials)
    if found := re.search(r":(\d+)$", process.stdout.readline()):
        field.gdb(found[1], *WORK, *20 * ["stepi"], seconds=120)
    began = time.monotonic()
    reason = reason_of(process)
    if not attack.done:
        sys.exit(f"{attack}: it did not come to that")
    field.middle.honest()
    field.goes_on()
    print(f"{attack}: {reason} ({time.monotonic() - began:.1f} s)", flush=True)


def between_machine_and_cloud():
    """One of each kind, then as many as the command line says."""
    seed, count = int(sys.argv[4]), int(sys.argv[5])
    draw = random.Random(seed)
    attacks = [("drop", False, 2), ("double", True, 3), ("reorder", False, 2), ("flip", True, 4), ("truncate", False, 3), ("length", True, 3),
               ("garbage", False, 5), ("replay", True, 0), ("flip", False, 0)]
    attacks += [(draw.choice(Attack.KINDS), draw.random() < 0.5, draw.randrange(12)) for _ in range(count)]
    with Field() as field:
        process, port = field.debug(credentials=field.middle.credentials)
        field.gdb(port, *WORK)
        process.terminate()
        check(process.wait(20) == 0, "a session through the middleman is one like any other")
        recording = field.middle.sessions[-1]
        for kind, to_device, number in attacks:
            under_attack(field, Attack(kind, to_device, number, draw.random(), recording))

        # Delay alone does nothing, and a replay beside a session that stands does not disturb it.
        field.middle.alter = lambda to_device, number, record: time.sleep(0.05) or [record]
        process, port = field.debug(credentials=field.middle.credentials)
        field.middle.honest()
        gdb = field.typed_gdb(port)
        expect(gdb.ask("tbreak tell", "continue", "print workers[0].name"), "breakpoint 1, tell", "teller")
        code, words = field.middle.replay(recording)
        check(4000 <= code < 4100, f"replayed from its first record on: {words}")
        expect(gdb.ask("stepi", "print workers[0].name", "detach"), r"\$\d+ = .*teller", "detached")
        check(process.poll() is None, "the session beside it stands")
        field.goes_on()
        field.works()
    print(f"torture: {len(attacks)} cases, 0 failed")


# --- who connects to the GDB server -----------------------------------------------------------------------------------


def packet(data):
    return b"$" + data + b"#%02x" % (sum(data) & 0xFF)


class Stranger:
    """Whoever can reach the port."""

    def __init__(self, port, room=None):
        self.socket = socket.socket()
        if room:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data)

    def ask(self, data):
        self.send(packet(data))
        return self.answer()

    def answer(self):
        while not (found := re.search(rb"\$([^#]*)#[0-9a-f]{2}", self.buffer)):
            piece = self.socket.recv(65536)
            if not piece:
                raise EOFError
            self.buffer += piece
        self.buffer = self.buffer[found.end():]
        self.send(b"+")
        return found[1]

    def is_dropped(self):
        """Waits for that, and reads nothing."""
        hangup = select.poll()
        hangup.register(self.socket, select.POLLRDHUP)
        check(hangup.poll(20_000), "who does not read is let go")

    def close(self):
        self.socket.close()


SECURE = (0x0C000000, 0x0C100000, 0x08100000, 0x30000000, 0x300BFFFC, 0x20080000, 0x0E000000, 0x0BF90000, 0x50022000, 0x40022008, 0x40003000,
          0x90000000, 0xE0001000, 0xE0002000, 0xE000EDFC, 0xE002ED00, 0x00000000, 0xFFFFFFFC)


def malformed_packets(draw):
    yield from (b"", b"m", b"m,", b"m0,ffffffff", b"mffffffff,ffffffff", b"m20000000", b"m20000000,", b"m20000000,100000000", b"M20000000,4:00",
                b"M20000000,ffffffff:00", b"M20000000,4:0000000g", b"X20000000,10:", b"G00", b"G", b"P", b"Pffffffff=00", b"P0=", b"P0=0",
                b"pffffffff", b"vCont;", b"vCont;r1,2,3", b"vCont;x", b"vCont", b"vFile:open:2f,0,0", b"qXfer:features:read:target.xml:ffffffff,ffffffff",
                b"qXfer:features:read:target.xml:0", b"qXfer:memory-map:read::,", b"qRcmd,", b"qRcmd,0", b"qRcmd,zz", b"qRcmd," + 4000 * b"41", b"Z", b"Z0",
                b"Z0,", b"Z9,0,0", b"Z2,20000000,0", b"Z2,20000000,ffffffff", b"z0,0,0", b"Hg9999", b"T9999", b"vFlashErase:08000000,2000",
                b"vFlashWrite:08000000:abcd", b"vFlashErase:0c000000,ffffffff", b"vFlashDone", b"!", b"?" * 100, 5000 * b"?", b"s" + 100 * b"f", b"bs", b"bc")
    for _ in range(20):
        yield bytes(byte for byte in draw.randbytes(draw.randrange(1, 60)) if byte not in b"#$}")


def resumed(data):
    """The packets that let the application go on: what they are answered comes later."""
    return data[:1] in (b"c", b"s", b"C", b"S", b"D", b"k", b"R") or data.startswith((b"vCont;c", b"vCont;s", b"vKill", b"vRun"))


def whoever_connects_to_the_server():
    draw = random.Random(int(sys.argv[4]))
    with Field() as field:
        process, port = field.debug()

        stranger = Stranger(port)
        for data in malformed_packets(draw):
            if not resumed(data):
                stranger.ask(data)
        for place in SECURE:
            for data in (b"m%x,4" % place, b"M%x,4:00000000" % place, b"X%x,4:abcd" % place, b"m%x,8" % (place - 4 & 0xFFFFFFFF)):
                answer = stranger.ask(data)
                refused = answer.startswith(b"E") or len(answer) < 8 * 2 and data.endswith(b",8")  # what lies before it
                if not refused:
                    sys.exit(f"{data} is answered {answer}")
        check(stranger.ask(b"m8000000,4") != b"E0e", "malformed packets and wild addresses are answered, each")
        stranger.close()
        field.goes_on()

        stranger = Stranger(port)
        answers = [stranger.ask(b"Z0,%x,2" % (0x08000400 + 2 * number)) for number in range(3000)]
        check(answers[:64] == 64 * [b"OK"] and set(answers[64:]) == {b"E1c"}, "64 breakpoints and no more")
        watches = [stranger.ask(b"Z2,%x,4" % (0x20000000 + 4 * number)) for number in range(100)]
        check(watches[:4] == 4 * [b"OK"] and set(watches[4:]) == {b"E1c"}, "4 watchpoints and no more")
        stranger.send(packet(b"c"))
        stranger.send(b"\x03")
        check(stranger.answer().startswith(b"T"), "with so many it runs, and can be halted")
        stranger.close()
        field.goes_on()

        stranger = Stranger(port)
        stranger.send(draw.randbytes(200_000))
        stranger.send(b"$" + 1_000_000 * b"A")
        stranger.send(b"#00" + 1000 * b"$m0,4#00" + packet(b"?"))
        while not stranger.answer().startswith(b"T"):
            pass
        stranger.send(packet(b"c")[:2])
        stranger.close()
        field.goes_on()
        check(True, "noise, a packet of a million bytes, and a thousand damaged ones")

        for last_words in (b"", packet(b"c"), packet(b"s") + packet(b"c"), b"$m2000", packet(b"qSupported"), packet(b"k"), packet(b"D"),
                           packet(b"vRun;"), packet(b"R00"), packet(b"vKill;1"), packet(b"c") + b"\x03"):
            stranger = Stranger(port)
            stranger.send(last_words)
            stranger.close()
        field.goes_on()
        check(True, "who comes and goes")

        # Who asks and does not listen: the server does not wait for ever, and another one is served.
        stranger = Stranger(port, room=4096)
        stranger.send(1000 * packet(b"m8000000,2000"))  # 16 MB of answers
        stranger.is_dropped()
        expect(field.gdb(port, "tbreak tell", "continue", "print workers[0].name"), r"breakpoint 1, tell", "teller")
        stranger.close()
        check(process.poll() is None, "who asks without listening")
        field.goes_on()
        expect(field.gdb(port, "compare-sections"), r"Section \.text, range .*: matched")
        field.works()


# --- a cloud that lies, floods or is silent ---------------------------------------------------------------------------


def is_upgrade(head):
    return b"upgrade: websocket" in head.lower()


class LyingCloud:
    """What it does to a session's beginning; true: the request is answered."""

    listeners = []

    def __init__(self, field, what):
        self.field, self.what = field, what

    def __call__(self, connection, head):
        return getattr(self, self.what)(connection, head)

    def upgrade(self, connection, head):
        """The cloud accepts, and after that says what this says."""
        from base64 import b64encode
        from hashlib import sha1
        key = re.search(rb"(?i)sec-websocket-key: ([^\r]+)", head)[1]
        accept = b64encode(sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")

    def silent(self, connection, head):
        if is_upgrade(head):
            self.upgrade(connection, head)
            self.listeners.append(connection)
            while True:
                connection.take(1)
        return False

    def flood(self, connection, head):
        if not is_upgrade(head):
            return False
        self.upgrade(connection, head)
        noise = random.Random(1).randbytes(60_000)
        for _ in range(500):
            connection.send(frame_of(BINARY, noise, False) + frame_of(PING, b"?" * 125, False) + frame_of(TEXT, b"text", False))
        return True

    def frames_that_are_none(self, connection, head):
        if not is_upgrade(head):
            return False
        self.upgrade(connection, head)
        connection.send(b"\xff\xff" + 8 * b"\xff" + random.Random(2).randbytes(1000))
        return True

    def words_for_a_terminal(self, connection, head):
        if not is_upgrade(head):
            return False
        self.upgrade(connection, head)
        connection.send(frame_of(CLOSE, (4000).to_bytes(2, "big") + b"two\nlines \x1b[2J and a bell\x07", False))
        connection.take(1)
        return True

    def no_json(self, connection, head):
        body = b"{]" * 1000
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        return True

    def other_json(self, connection, head):
        return json_answer(connection, {"sid": 7, "devices": [[]], "app": None})

    def other_device(self, connection, head):
        """Another device of its own, with the other's true certificate: all fits together, and is another device."""
        if is_upgrade(head) or b"/api/decrypters" not in head:
            return False
        document = self.field.middle.answer_of_the_cloud(head)
        other = next(device for device in document["devices"] if device["sid"] == self.field.other_sid)
        for device in document["devices"]:
            device["certificate"] = other["certificate"]
        return json_answer(connection, document)


def a_cloud_that_lies():
    with Field() as field:
        field.other_sid = field.new_board("other")
        field.run_board("other")
        field.deploy(APPLICATION, sid=field.other_sid)
        middle = field.middle

        for what, words in (("flood", "."), ("frames_that_are_none", "."), ("words_for_a_terminal", "two"), ("no_json", "JSON"),
                            ("other_json", ".")):
            middle.honest()
            middle.answer = LyingCloud(field, what)
            reason = reason_of(field.start_debug(credentials=middle.credentials))
            check(re.search(words, reason) and not re.search(r"[\x00-\x1f]", reason), f"{what}: {reason}")
            field.goes_on()

        middle.honest()
        middle.rewrite = lambda head: head.replace(field.sid.encode(), field.other_sid.encode())
        reason = reason_of(field.start_debug(credentials=middle.credentials))
        check("key" in reason or "prove" in reason, f"another device's stream: {reason}")
        middle.answer = LyingCloud(field, "other_device")
        reason = reason_of(field.start_debug(credentials=middle.credentials))
        check("the certificate is that of " + field.other_sid in reason, f"and its certificate: {reason}")
        field.works()


def a_cloud_that_is_silent():
    """Its patience over, the command says so; it can be interrupted before."""
    with Field() as field:
        field.middle.answer = LyingCloud(field, "silent")
        impatient = field.start_debug(credentials=field.middle.credentials)
        waiting = field.start_debug(credentials=field.middle.credentials)
        while len(LyingCloud.listeners) < 2:
            check(impatient.poll() is None and waiting.poll() is None, "they wait")
            time.sleep(0.2)
        impatient.terminate()
        check("interrupted" in reason_of(impatient, 5), "interrupted")
        check("does not answer" in reason_of(waiting), "a cloud that is silent")
        field.works()


def wrong_keys():
    """Of another application, of nobody, and the device's own certificate mixed up; a session that stands is not touched."""
    with Field() as field:
        process, port = field.debug()
        gdb = field.typed_gdb(port)
        expect(gdb.ask("tbreak tell", "continue"), "breakpoint 1, tell")
        field.user.command("apps", "debug-keypair", "--debug-auth-privkey", "other.pem", "--debug-auth-pubkey", "other_pub.pem")
        for _ in range(5):
            one_line(field.user.command("debug", field.sid, "other.pem", "--listen", "0", status=1), "key")
        expect(gdb.ask("stepi", "print workers[0].name"), "teller")
        gdb.ask("detach")
        check(process.poll() is None, "the session stands")
        field.goes_on()


globals()[sys.argv[3]]()
