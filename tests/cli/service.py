"""The cloud's REST API as tests ask it: with the credentials of a file, and waiting for conditions."""
import json
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

    def watch(self, device):
        """Follows the device's log stream from now on, for line()."""
        stream = self.opener.open(self.login["base_url"] + f"/api/devices/{device}/logs", timeout=130)

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
