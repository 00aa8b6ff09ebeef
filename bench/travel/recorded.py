"""A recording of a board without a cloud, and a debugger in it that does nothing but ask and wait: what bench.py measures going back with."""
import contextlib
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time


@contextlib.contextmanager
def places():
    """A board's directory and a folder beside it."""
    with tempfile.TemporaryDirectory() as name:
        yield pathlib.Path(name) / "board", pathlib.Path(name)


def run_copy(microvisor, board, folder, span, *options):
    """Wall seconds of `board run` on a copy of `board`, as fast as it goes."""
    copy = folder / "copy"
    subprocess.run([microvisor, "board", "clone", board, copy], check=True, capture_output=True)
    started = time.monotonic()
    subprocess.run([microvisor, "board", "run", copy, "--fast", "--for", span, *options], check=True, capture_output=True)
    wall = time.monotonic() - started
    shutil.rmtree(copy)
    return wall


class Debugger:
    """`board replay --gdb` and a connection to it (GDB manual, appendix E)."""

    def __init__(self, microvisor, recording):
        self.process = subprocess.Popen([str(microvisor), "board", "replay", str(recording), "--gdb", "0"], stderr=subprocess.PIPE, text=True)
        port = int(re.search(r":(\d+)\n", self.process.stderr.readline())[1])
        self.connection = socket.create_connection(("127.0.0.1", port))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.ask("QStartNoAckMode")
        self.connection.sendall(b"+")

    def ask(self, text):
        data = text.encode()
        self.connection.sendall(b"$" + data + b"#%02x" % (sum(data) & 0xFF))
        while not (answer := re.match(rb"\+*\$([^#]*)#..", self.buffer)):
            if not (more := self.connection.recv(65536)):
                raise RuntimeError("the debugger's server has gone")
            self.buffer += more
        self.buffer = self.buffer[answer.end():]
        return answer[1].decode()

    def milliseconds(self, text):
        started = time.monotonic()
        self.ask(text)
        return 1000 * (time.monotonic() - started)

    def monitor(self, text):
        return bytes.fromhex(self.ask("qRcmd," + text.encode().hex())).decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()
        self.process.terminate()
        self.process.communicate()
