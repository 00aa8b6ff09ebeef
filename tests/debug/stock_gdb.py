"""Stock GDB as the tests use it: told its commands at once, or typed into; and what it has to say."""
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading

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


def gdb_on(application, port, *commands, target="remote", seconds=200):
    """What GDB says to these commands. It detaches at the end."""
    arguments = ["gdb-multiarch", *QUIET, "-batch", "-ex", f"target {target} 127.0.0.1:{port}"]
    for command in commands:
        arguments += ["-ex", command]
    return subprocess.run(arguments + [os.path.abspath(application)], cwd=tempfile.gettempdir(), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL, timeout=seconds).stdout


def server_port(process):
    """Of a command that serves GDB, from the line that says so."""
    line = process.stdout.readline()
    found = re.fullmatch(r"GDB server listening on 127\.0\.0\.1:(\d+)\n", line)
    if not found:
        sys.exit(f"no line that names the port, but {line!r}; {process.stderr.read() if process.stderr else ''}")
    return found[1]


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
