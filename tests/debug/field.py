"""A developer, a cloud, and an application in the field: what the tests of `microvisor debug` share.

The board keeps real time: where it does not, a minute of silence is over before the developer has typed a word.
"""
import os
import subprocess

from stock_gdb import Lines, TypedGdb, gdb_on, server_port
from user import Started, User


class Field(Started):
    """A cloud, a board that runs `application`, and the key to it."""

    def __init__(self, microvisor, application, keyed=True):
        super().__init__()
        self.user = User(microvisor)
        self.application = os.path.abspath(application)
        self.user.command("apps", "debug-keypair")
        self.cloud = self.keep(self.user.start_cloud())
        self.sid = self.new_board("board")
        self.board = self.run_board("board")
        self.deploy(self.application, keyed)

    def new_board(self, name):
        return self.user.create_board(name)

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
        return process, server_port(process)

    def log(self, sid=None):
        """The application's log from now on."""
        return Lines(self.keep(self.user.start("logs", "stream", sid or self.sid, stdout=subprocess.PIPE,
                                               stderr=subprocess.DEVNULL)).stdout)

    def gdb(self, port, *commands, **how):
        return gdb_on(self.application, port, *commands, **how)

    def typed_gdb(self, port):
        return self.keep(TypedGdb(port, self.application))
