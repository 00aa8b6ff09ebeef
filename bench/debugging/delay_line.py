"""A TCP connection with a delay, and what goes over it counted.

Between a debugger here and its target there: bytes arrive half a round trip after they were sent, in order, at any rate. Runs on
threads of its own; the counts are read by whoever has made it.
"""
import queue
import socket
import threading
import time


class Counts:
    """What the debugger's side has seen. An exchange begins when it sends after it has received something."""

    def __init__(self):
        self.exchanges = self.packets = self.bytes = 0
        self.answered = True

    def sent(self, size):
        self.exchanges += self.answered
        self.answered = False
        self.add(size)

    def received(self, size):
        self.answered = True
        self.add(size)

    def add(self, size):
        self.packets += 1
        self.bytes += size


class DelayLine:
    """Listens on a port of its own; each connection is carried on to `target`."""

    def __init__(self, target, round_trip_s):
        self.target, self.one_way = target, round_trip_s / 2
        self.counts = Counts()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                here, _ = self.listener.accept()
                there = socket.create_connection(self.target)
            except OSError:
                return
            for end in (here, there):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._carry(here, there, self.counts.sent, None)
            self._carry(there, here, None, self.counts.received)

    def _carry(self, source, sink, count_taken, count_given):
        line = queue.SimpleQueue()

        def take():
            while True:
                try:
                    piece = source.recv(65536)
                except OSError:
                    piece = b""
                if piece and count_taken:
                    count_taken(len(piece))
                line.put((time.monotonic() + self.one_way, piece))
                if not piece:
                    return

        def give():
            while True:
                due, piece = line.get()
                time.sleep(max(0.0, due - time.monotonic()))
                try:
                    if not piece:
                        return sink.shutdown(socket.SHUT_WR)
                    sink.sendall(piece)
                except OSError:
                    return
                if count_given:
                    count_given(len(piece))

        for work in (take, give):
            threading.Thread(target=work, daemon=True).start()

    def close(self):
        self.listener.close()
