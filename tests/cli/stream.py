#!/usr/bin/python3
"""What `microvisor run` prints: the log stream in the published form, in order, at the right times, once each.

Usage: stream.py MICROVISOR APPLICATION.elf. The application (log_led_c) logs a line, writes the same on USART2 and toggles PA5
once a second of its own time.
"""
import datetime
import re
import subprocess
import sys

RECORD = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (\[\w+\] *) (.*)$")
SECONDS = 8


def fail(message, output=""):
    sys.exit(f"{message}\n{output}")


def main():
    microvisor, application = sys.argv[1:]
    result = subprocess.run([microvisor, "run", application, "--for", f"{SECONDS}s", "--fast", "--uart2", "-", "--pins", "PA5"],
                            capture_output=True, text=True, timeout=240)
    if result.returncode != 0:
        fail(f"exit status {result.returncode}", result.stderr)
    lines = result.stdout.splitlines()
    records, serial, pins = [], [], []
    for line in lines:
        if line.startswith("[uart2] "):
            serial.append(line.removeprefix("[uart2] "))
        elif line.startswith("[pin PA5] "):
            pins.append(line.removeprefix("[pin PA5] "))
        elif match := RECORD.match(line):
            if len(match[2]) != 13:
                fail(f"the type is not padded to 13 columns: {line!r}")
            time = datetime.datetime.strptime(match[1], "%Y-%m-%dT%H:%M:%S.%fZ")
            records.append((time, match[2].strip(" []"), match[3]))
        else:
            fail(f"a line of no known form: {line!r}", result.stdout)

    updates = [text for _, kind, text in records if kind == "ota_update"]
    if updates != ["INSTALLING_APP", "STARTING_NEW_APP", "COMPLETE"]:
        fail(f"update states: {updates}", result.stdout)
    if not any(kind == "connection" and text.startswith("Connection established for device UV") for _, kind, text in records):
        fail("no connection record", result.stdout)
    for word in ("crash", "fault", "reset", "restart"):
        started = [text for _, kind, text in records if kind == "app_logging"]
        if any(word in text.lower() for text in started):
            fail(f"the word {word} after the start", result.stdout)

    ticks = [(time, int(text.rsplit(" ", 1)[1])) for time, kind, text in records if kind == "app_logging" and " tick " in text]
    numbers = [number for _, number in ticks]
    if numbers != list(range(len(numbers))) or not SECONDS - 1 <= len(numbers) <= SECONDS + 1:
        fail(f"log ticks {numbers} in {SECONDS} s", result.stdout)
    for (earlier, _), (later, number) in zip(ticks, ticks[1:]):
        period = (later - earlier).total_seconds()
        if abs(period - 1.0) > 0.01:
            fail(f"{period:.6f} s before tick {number} instead of 1 s", result.stdout)

    serial_ticks = [int(line.rsplit(" ", 1)[1]) for line in serial if " tick " in line]
    if serial_ticks[: len(numbers) - 1] != numbers[:-1]:
        fail(f"serial ticks {serial_ticks}", result.stdout)
    levels = [int(level) for level in pins]
    if len(levels) < SECONDS - 1 or any(a == b for a, b in zip(levels, levels[1:])):
        fail(f"pin levels {levels}", result.stdout)
    print(f"{len(numbers)} ticks, {len(serial)} serial lines, {len(levels)} pin changes")


if __name__ == "__main__":
    main()
