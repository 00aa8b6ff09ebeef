"""Runs `microvisor run` and takes its output apart: log records, lines of USART2, changes of pins, all in order.

Whatever holds for every run is checked here: exit status, the form of each line, the update's states once each and in order,
a connection, and no word of trouble after the application's start.
"""
import dataclasses
import datetime
import re
import subprocess
import sys

RECORD = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (.{13}) (.*)$")
TYPE = re.compile(r"\[(\w+)\] *")  # padded to 13 columns
TROUBLE = ("crash", "fault", "reset", "restart")


def fail(message, output=""):
    sys.exit(f"{message}\n{output}")


@dataclasses.dataclass
class Record:
    time: datetime.datetime
    kind: str
    text: str


class RunOutput:
    def __init__(self, text):
        self.text = text
        self.records, self.serial, self.pins = [], [], []
        for line in text.splitlines():
            self._take(line)

    def _take(self, line):
        if line.startswith("[uart2] "):
            self.serial.append(line.removeprefix("[uart2] "))
        elif match := re.match(r"^\[pin (P[A-I]\d+)\] (.+)$", line):
            self.pins.append((match[1], match[2]))
        elif (match := RECORD.match(line)) and (kind := TYPE.fullmatch(match[2])):
            time = datetime.datetime.strptime(match[1], "%Y-%m-%dT%H:%M:%S.%fZ")
            self.records.append(Record(time, kind[1], match[3]))
        else:
            self.fail(f"a line of no known form: {line!r}")

    def fail(self, message):
        fail(message, self.text)

    def of_kind(self, kind):
        return [record for record in self.records if record.kind == kind]

    def application(self):
        return self.of_kind("app_logging")

    def levels(self, pin):
        return [int(state) for name, state in self.pins if name == pin]

    def check_update(self):
        states = [record.text for record in self.of_kind("ota_update")]
        if states != ["INSTALLING_APP", "STARTING_NEW_APP", "COMPLETE"]:
            self.fail(f"update states: {states}")
        if not any(r.text.startswith("Connection established for device UV") for r in self.of_kind("connection")):
            self.fail("no connection record")

    def check_no_trouble(self):
        for text in [record.text for record in self.application()] + self.serial:
            if word := next((word for word in TROUBLE if word in text.lower()), None):
                self.fail(f"the word {word} after the start")

    def check_period(self, records, seconds, tolerance):
        """Times between neighbours of `records`, by the time stamps of the log."""
        for earlier, later in zip(records, records[1:]):
            period = (later.time - earlier.time).total_seconds()
            if abs(period - seconds) > tolerance:
                self.fail(f"{period:.6f} s before {later.text!r} instead of {seconds} s")


def run(microvisor, application, seconds, *options, timeout=240):
    """`--fast`, for `seconds` of board time, with USART2 and PA5 shown."""
    command = [microvisor, "run", application, "--for", f"{seconds}s", "--fast", "--uart2", "-", "--pins", "PA5", *options]
    result = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    if result.returncode != 0:
        fail(f"exit status {result.returncode}", result.stderr)
    output = RunOutput(result.stdout)
    output.check_update()
    output.check_no_trouble()
    return output
