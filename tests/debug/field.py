"""A developer, a cloud, and an application in the field: what the tests of `microvisor debug` share.

The board keeps real time: where it does not, a minute of silence is over before the developer has typed a word.
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading

from user import User

QUIET = ["-nx", "-q", "-ex", "set confirm off", "-ex", "set pagination off", "-ex", "set style enabled off"]


def expect(output, *patterns):
    """All of them, in this order. What each one found."""
    position, found = 0, []
    for pattern in patterns:
        match = re.compile(pattern).search(output, position)
        if not match:
            sys.exit(f"not found: {pattern}\nin:\n{output}")
        position = match.end()
        found.append(match)
    return found


def gdb_on(application, port, *commands, seconds=200):
    """What GDB says to these commands. It detaches at the end."""
    arguments = ["gdb-multiarch", *QUIET, "-batch", "-ex", f"target remote 127.0.0.1:{port}"]
    for command in commands:
        arguments += ["-ex", command]
    return subprocess.run(arguments + [os.path.abspath(application)], cwd=tempfile.gettempdir(), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL, timeout=seconds).stdout


class Lines:
    """What a process says, line by line, while it goes on."""

    def __init__(self, stream):
        self.lines, self.ended, self.news = [], False, threading.Condition()
        threading.Thread(target=self.read, args=(stream,), daemon=True).start()

    def read(self, stream):
        for line in stream:
            with self.news:
                self.lines.append(line.rstrip("\n"))
                self.news.notify_all()
        with self.news:
            self.ended = True
            self.news.notify_all()

    def wait_for(self, pattern, start=0, seconds=60):
        """The first line from number `start` on that has it, and the number of the one behind it."""
        compiled, at = re.compile(pattern), start

        def found():
            nonlocal at
            while at < len(self.lines):
                at += 1
                if match := compiled.search(self.lines[at - 1]):
                    return match
            return self.ended

        with self.news:
            match = self.news.wait_for(found, seconds)
            if not isinstance(match, re.Match):
                sys.exit(f"no line with {pattern} in {seconds} s, but:\n" + "\n".join(self.lines[start:]))
            return match, at

    def text(self):
        with self.news:
            return "\n".join(self.lines)

    def all(self, seconds=30):
        """Everything, when it has ended."""
        with self.news:
            if not self.news.wait_for(lambda: self.ended, seconds):
                sys.exit(f"does not end in {seconds} s:\n" + "\n".join(self.lines))
            return "\n".join(self.lines)


class Field:
    """A cloud, a board that runs `application`, and the key to it."""

    def __init__(self, microvisor, application, keyed=True):
        self.user = User(microvisor)
        self.application = os.path.abspath(application)
        self.processes = []
        self.user.command("apps", "debug-keypair")
        self.cloud = self.keep(self.user.start_cloud())
        self.sid = self.new_board("board")
        self.board = self.run_board("board")
        self.deploy(self.application, keyed)

    def keep(self, process):
        self.processes.append(process)
        return process

    def new_board(self, name):
        board = self.user.command("board", "create", name, "--cloud", self.user.credentials, "--json").stdout
        return json.loads(board)["sid"]

    def run_board(self, name):
        return self.keep(self.user.run_board(name, fast=False))

    def bundle(self, application, keyed=True, name="app.zip"):
        key = ["--debug-auth-pubkey", "debug_auth_pub_key.pem"] if keyed else []
        self.user.command("apps", "bundle", application, name, *key)
        return name

    def deploy(self, application, keyed=True, sid=None):
        self.user.command("deploy", self.bundle(application, keyed), "--device", sid or self.sid, "--wait")

    def start_debug(self, *options, key="debug_auth_prv_key.pem", credentials=None, sid=None):
        """`microvisor debug`, whether it comes to listen or not."""
        environment = {**self.user.environment, "MICROVISOR_CREDENTIALS": str(credentials or self.user.credentials)}
        arguments = [self.user.microvisor, "debug", sid or self.sid, key, "--listen", "0", *map(str, options)]
        return self.keep(subprocess.Popen(arguments, text=True, env=environment, cwd=self.user.home, stdout=subprocess.PIPE,
                                          stderr=subprocess.PIPE))

    def debug(self, *options, **how):
        """`microvisor debug`, and the port that it says."""
        process = self.start_debug(*options, **how)
        line = process.stdout.readline()
        found = re.fullmatch(r"GDB server listening on 127\.0\.0\.1:(\d+)\n", line)
        if not found:
            sys.exit(f"no line that names the port, but {line!r}; {process.stderr.read()}")
        return process, found[1]

    def log(self, sid=None):
        """The application's log from now on."""
        return Lines(self.keep(self.user.start("logs", "stream", sid or self.sid, stdout=subprocess.PIPE,
                                               stderr=subprocess.DEVNULL)).stdout)

    def gdb(self, port, *commands, **how):
        return gdb_on(self.application, port, *commands, **how)

    def typed_gdb(self, port):
        return self.keep(TypedGdb(port, self.application))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
        late = [process.args for process in self.processes if not self.has_ended(process)]
        if late:
            sys.exit(f"did not end when told to: {late}")

    @staticmethod
    def has_ended(process):
        try:
            process.wait(20)
            return True
        except subprocess.TimeoutExpired:
            process.kill()
            return False


class TypedGdb:
    """A GDB that somebody types into, and reads before typing on."""

    def __init__(self, port, application):
        self.process = subprocess.Popen(["gdb-multiarch", *QUIET, "-ex", f"target remote 127.0.0.1:{port}", application],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        bufsize=1, start_new_session=True, cwd=tempfile.gettempdir())
        self.args = self.process.args
        self.lines = Lines(self.process.stdout)
        self.at = 0
        self.count = 0

    def type(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def wait_for(self, pattern, seconds=60):
        match, self.at = self.lines.wait_for(pattern, self.at, seconds)
        return match

    def ask(self, *commands, seconds=60):
        """What it says to them, when they are done."""
        start = self.at
        for command in commands:
            self.type(command)
        self.count += 1
        self.type(f'printf "done %d\\n", {self.count}')
        self.wait_for(f"done {self.count}$", seconds)
        return "\n".join(self.lines.lines[start:self.at])

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def terminate(self):
        self.process.kill()

    def wait(self, seconds):
        return self.process.wait(seconds)
