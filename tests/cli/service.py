"""The cloud's REST API as tests ask it: with the credentials of a file, and waiting for conditions."""
import contextlib
import json
import shutil
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

from user import check


class Service:
    def __init__(self, credentials):
        self.login = json.loads(credentials.read_text())
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, self.login["base_url"], self.login["account_sid"], self.login["auth_token"])
        self.opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
        self.messages, self.seen = [], 0

    def get(self, path):
        with self.opener.open(self.login["base_url"] + path, timeout=130) as answer:
            return json.load(answer)

    def until(self, condition, what, seconds=120):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                sys.exit(f"not within {seconds} s: {what}")
            time.sleep(0.1)
        print(what)

    def device(self, device):
        return self.get(f"/api/devices/{device}")

    def until_connected(self, device):
        self.until(lambda: self.device(device)["connected"], "the device is connected")

    def outcome(self, device, app):
        """Names `app` as the target and waits for the end of the deployment."""
        form = urllib.parse.urlencode({"TargetApp": app}).encode()
        with self.opener.open(self.login["base_url"] + f"/v1/Devices/{device}", form, timeout=130):
            pass
        return self.get(f"/api/devices/{device}/wait?Timeout=120")["app"]

    def deploy(self, device, app):
        app = self.outcome(device, app)
        check(app["update_status"] == "up-to-date", f"deployed, error {app['update_error_code']}")

    def refuses(self, device, app, code, what):
        """The device does not install `app`, says why, stays connected, and its application runs on."""
        outcome = self.outcome(device, app)
        check(outcome["update_status"] == "error", f"{what}: {outcome['update_status']} {outcome['update_error_code']}")
        state = self.device(device)
        check(state["update"]["error_code"] == code, f"error {code}: {state['update']}")
        check(state["connected"] and state["app_running"], "connected, and its application runs")

    def watch(self, device, since=0):
        """Follows the device's log stream from now on, behind the last `since` messages, for line()."""
        stream = self.opener.open(self.login["base_url"] + f"/api/devices/{device}/logs?Since={since}", timeout=130)

        def follow():
            for line in stream:
                if line.strip():
                    self.messages.append(json.loads(line)["message"])

        threading.Thread(target=follow, daemon=True).start()

    def line(self, text):
        """Waits for a message with this text, behind the last one that was waited for."""
        def arrived():
            for at in range(self.seen, len(self.messages)):
                if text in self.messages[at]:
                    self.seen = at + 1
                    return True
            return False

        self.until(arrived, text)


class Place:
    """A user's cloud, and a board of it that runs."""

    def __init__(self, user):
        self.user, self.board = user, None
        self.server = user.start_cloud()
        self.service = Service(user.credentials)

    def start_board(self):
        self.device = self.user.create_board()
        self.board = self.user.start("board", "run", "board", "--fast", stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
        self.service.until_connected(self.device)

    @contextlib.contextmanager
    def cloud_down(self):
        """Meanwhile the cloud is stopped; then it goes on where it was."""
        self.server.terminate()
        self.server.wait(20)
        yield
        self.server = self.user.start_cloud(self.service.login["base_url"].removeprefix("http://"),
                                            self.service.login["gateway"])


@contextlib.contextmanager
def connected_board(user):
    """A Place whose device is connected. At the end all of it is stopped, and the user's home is gone."""
    place = Place(user)
    try:
        place.start_board()
        yield place
    finally:
        for process in (place.board, place.server):
            if process is not None:
                process.terminate()
                process.wait(20)
        shutil.rmtree(user.home)
