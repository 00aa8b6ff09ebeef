"""The way from a board to its gateway, as a test can close it."""
import socket
import threading


class Line:
    """Passes on what comes at `port`, both ways, once it leads anywhere. Closed it lets nobody in anew; who is connected stays so."""

    def __init__(self, port):
        self.port, self.gateway = port, None
        self.door = socket.create_server(("127.0.0.1", port))

    def lead_to(self, gateway):
        self.gateway = gateway
        self._admit_at(self.door)

    def open(self):
        self.door = socket.create_server(("127.0.0.1", self.port))
        self._admit_at(self.door)

    def close(self):
        self.door.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits at it
        self.door.close()

    def _admit_at(self, door):
        threading.Thread(target=self._admit, args=(door,), daemon=True).start()

    def _admit(self, door):
        while True:
            try:
                device, _ = door.accept()
                gateway = socket.create_connection(self.gateway)
            except OSError:
                return
            for source, sink in ((device, gateway), (gateway, device)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pass_on(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            end.close()
