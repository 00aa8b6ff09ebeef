"""Whoever stands between `microvisor debug` and the cloud: HTTP passes as it is, and of a debug session's WebSocket (RFC 6455) each
record (protocol/debug/FORMAT.md), or whatever `alter` makes of it.

Own framing, and no library's: what is sent must be exactly what the attack says.
"""
import http.client
import json
import re
import socket
import struct
import threading

CONTINUATION, TEXT, BINARY, CLOSE, PING = 0, 1, 2, 8, 9


class Connection:
    """A socket that is read in pieces of a wanted size."""

    def __init__(self, socket_):
        self.socket, self.buffer = socket_, b""

    def more(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise EOFError
        self.buffer += piece

    def take(self, size):
        while len(self.buffer) < size:
            self.more()
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def head(self):
        """Of an HTTP message."""
        while b"\r\n\r\n" not in self.buffer:
            self.more()
        return self.take(self.buffer.index(b"\r\n\r\n") + 4)

    def send(self, data):
        self.socket.sendall(data)

    def frame(self):
        """The opcode and the plain contents of one frame."""
        first, second = self.take(2)
        size = second & 0x7F
        if size == 126:
            size = struct.unpack("!H", self.take(2))[0]
        elif size == 127:
            size = struct.unpack("!Q", self.take(8))[0]
        mask = self.take(4) if second & 0x80 else bytes(4)
        return first & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(self.take(size)))

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


def frame_of(opcode, contents, masked):
    """Clients mask, and a mask of zeros is one."""
    size = len(contents)
    length = bytes([size]) if size < 126 else b"\x7e" + struct.pack("!H", size) if size < 65536 else b"\x7f" + struct.pack("!Q", size)
    return bytes([0x80 | opcode, length[0] | (0x80 if masked else 0)]) + length[1:] + (bytes(4) if masked else b"") + contents


def records_in(stream):
    """Whole records of a stream, with their lengths in front, and what is left."""
    records = []
    while len(stream) >= 2 and len(stream) >= 2 + int.from_bytes(stream[:2], "big"):
        size = 2 + int.from_bytes(stream[:2], "big")
        records.append(stream[:size])
        stream = stream[size:]
    return records, stream


def json_answer(connection, document):
    body = json.dumps(document).encode()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
    return True


class Middleman:
    """Serves until it is closed. `alter(to_device, number, record)` gives the records that pass instead; `rewrite(head)` the request
    of a WebSocket's beginning, `answer(head)` what a request is answered with instead of the cloud, or None."""

    def __init__(self, credentials, folder):
        self.truth = json.loads(credentials.read_text())
        host, port = re.fullmatch(r"http://([^:/]+):(\d+)", self.truth["base_url"]).groups()
        self.upstream = (host, int(port))
        self.server = socket.create_server(("127.0.0.1", 0))
        self.credentials = folder / "middleman.json"
        self.credentials.write_text(json.dumps({**self.truth, "base_url": f"http://127.0.0.1:{self.server.getsockname()[1]}"}))
        self.sessions = []  # of each: its request, and the records each way as they came
        self.honest()
        threading.Thread(target=self.accept, daemon=True).start()

    def honest(self):
        self.alter = lambda to_device, number, record: [record]
        self.rewrite = lambda head: head
        self.answer = lambda connection, head: False

    def accept(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(Connection(client),), daemon=True).start()

    def serve(self, client):
        cloud = None
        try:
            head = client.head()
            if self.answer(client, head):
                return
            cloud = Connection(socket.create_connection(self.upstream))
            if b"upgrade: websocket" in head.lower():
                self.relay(client, cloud, head)
            else:
                cloud.send(head[:-2] + b"Connection: close\r\n\r\n")  # so that each request comes with a connection
                self.pipe_both(client, cloud)
        except (OSError, EOFError):
            pass
        finally:
            for connection in (client, cloud):
                if connection:
                    connection.close()

    def pipe_both(self, client, cloud):
        back = threading.Thread(target=self.pipe, args=(cloud, client), daemon=True)
        back.start()
        self.pipe(client, cloud)
        back.join()

    @staticmethod
    def pipe(source, sink):
        try:
            while True:
                if not source.buffer:
                    source.more()
                sink.send(source.take(len(source.buffer)))
        except (OSError, EOFError):
            sink.close()

    def relay(self, client, cloud, head):
        session = {"head": head, True: [], False: []}
        self.sessions.append(session)
        cloud.send(self.rewrite(head))
        client.send(cloud.head())
        back = threading.Thread(target=self.carry, args=(cloud, client, session, False), daemon=True)
        back.start()
        self.carry(client, cloud, session, True)
        back.join()

    def carry(self, source, sink, session, to_device):
        pending = b""
        try:
            while True:
                opcode, contents = source.frame()
                if opcode >= CLOSE:
                    sink.send(frame_of(opcode, contents, to_device))
                    continue
                records, pending = records_in(pending + contents)
                for record in records:
                    session[to_device].append(record)
                    for piece in self.alter(to_device, len(session[to_device]) - 1, record):
                        sink.send(frame_of(BINARY, piece, to_device))
        except (OSError, EOFError):
            sink.close()

    def answer_of_the_cloud(self, head):
        """What it says itself to this GET."""
        authorization = re.search(rb"(?i)authorization: ([^\r]+)", head)[1].decode()
        cloud = http.client.HTTPConnection(*self.upstream)
        cloud.request("GET", head.split()[1].decode(), headers={"Authorization": authorization})
        return json.loads(cloud.getresponse().read())

    def replay(self, session):
        """An old session's side of the machine once more, from its first record on: the cloud's words at its end."""
        cloud = Connection(socket.create_connection(self.upstream))
        cloud.send(session["head"])
        answer = cloud.head()
        assert answer.startswith(b"HTTP/1.1 101"), answer
        for record in session[True]:
            cloud.send(frame_of(BINARY, record, True))
        opcode = BINARY
        while opcode != CLOSE:
            opcode, contents = cloud.frame()
        cloud.close()
        return int.from_bytes(contents[:2], "big"), contents[2:].decode()

    def close(self):
        self.server.close()
