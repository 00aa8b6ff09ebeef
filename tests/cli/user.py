"""A user at the command line, with a home of its own: what several tests of whole ways through the command share."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile


def check(condition, what):
    if not condition:
        sys.exit(f"not so: {what}")
    print(what)


def one_line(result, *words):
    """A failure is told in one line on stderr that speaks of these words."""
    lines = result.stderr.splitlines()
    check(len(lines) == 1 and not result.stdout and all(word in lines[0] for word in words), f"one line: {lines}")


class User:
    def __init__(self, microvisor):
        self.microvisor = os.path.abspath(microvisor)
        self.home = pathlib.Path(tempfile.mkdtemp())
        self.credentials = self.home / "cloud" / "credentials.json"
        self.cloud_options = []
        self.environment = {**os.environ, "HOME": str(self.home), "MICROVISOR_CREDENTIALS": str(self.credentials)}

    def command(self, *arguments, status=0, **extra):
        result = subprocess.run([self.microvisor, *map(str, arguments)], capture_output=True, text=True, timeout=200,
                                cwd=self.home, env={**self.environment, **extra})
        if result.returncode != status:
            sys.exit(f"{arguments}: exit status {result.returncode}\nstdout: {result.stdout}\nstderr: {result.stderr}")
        return result

    def refused(self, *arguments, words=(), **extra):
        one_line(self.command(*arguments, status=1, **extra), *words)

    def start(self, *arguments, **streams):
        """A process that goes on until it is terminated."""
        return subprocess.Popen([self.microvisor, *map(str, arguments)], text=True, env=self.environment, cwd=self.home,
                                **streams)

    def start_cloud(self, listen="127.0.0.1:0", gateway="127.0.0.1:0"):
        server = self.start("cloud", "serve", "--listen", listen, "--gateway", gateway, "--data",
                            self.home / "cloud", *self.cloud_options, stderr=subprocess.PIPE)
        for _ in range(2):  # the second line is the last before it waits
            server.stderr.readline()
        return server

    def create_board(self, board="board"):
        """A board of the cloud's; its SID."""
        return json.loads(self.command("board", "create", board, "--cloud", self.credentials, "--json").stdout)["sid"]

    def run_board(self, board, fast=True):
        return self.start("board", "run", board, *(["--fast"] if fast else []), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Started:
    """What a test starts ends with it."""

    def __init__(self):
        self.processes = []

    def keep(self, process):
        self.processes.append(process)
        return process

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
