#!/usr/bin/python3
"""Applications that do what existing ones do, run by the real command: lines once each and in order, at the right times.

Usage: applications.py MICROVISOR FOLDER CASE [SECONDS]. Each case is a function below.
"""
import pathlib
import re
import struct
import sys

import run_output

MICROVISOR, FOLDER, CASE = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
SECONDS = int(sys.argv[4]) if len(sys.argv) > 4 else 7
STAMP = re.compile(r"^(\d{4}-\d\d-\d\d) (\d\d):(\d\d):(\d\d)\.(\d{3}) (.*)$")


def run(application, *options, seconds=SECONDS):
    output = run_output.run(MICROVISOR, FOLDER / f"{application}.elf", seconds, *options, timeout=600)
    if bad := [line for line in output.serial if "assertion" in line]:
        output.fail(f"the application is not content: {bad[0]}")
    return output


def expect_lines(output, found, patterns, where):
    """`found` is exactly one line for each pattern, in this order."""
    for number, pattern in enumerate(patterns):
        if number >= len(found) or not re.fullmatch(pattern, found[number]):
            output.fail(f"{where}, line {number}: {found[number] if number < len(found) else 'missing'!r}, not {pattern!r}")
    if len(found) != len(patterns):
        output.fail(f"{where}: {len(found)} lines instead of {len(patterns)}: {found[len(patterns):]}")


def serial_texts(output):
    """What stands behind the time of day. It is 1970 until the service has told the time."""
    texts, known = [], False
    for line in output.serial:
        match = STAMP.match(line) or output.fail(f"no time of day: {line!r}")
        known = known or match[1] != "1970-01-01"
        if known and match[1] == "1970-01-01":
            output.fail("the time of day was lost")
        texts.append(match[6])
    if not known:
        output.fail("the time of day never became known")
    return texts


def time_of_day(line):
    _, hours, minutes, seconds, milliseconds, _ = STAMP.match(line).groups()
    return (int(hours) * 60 + int(minutes)) * 60 + int(seconds) + int(milliseconds) / 1000


def check_serial_period(output, word, seconds):
    times = [time_of_day(line) for line in output.serial if word in line]
    for earlier, later in zip(times, times[1:]):
        if abs((later - earlier) % 86400 - seconds) > 0.010:
            output.fail(f"{later - earlier:.3f} s between lines of USART2 instead of {seconds} s")


def check_tasks(application, name, *options, sensor):
    output = run(application, *options)
    pings = (SECONDS - 1) // 5 + 1  # the tasks start within the first second
    expected = [
        r"device: UV[0-9a-f]{32}",
        rf"   app: {name} 3\.1\.0-42",
        r"\[DEBUG\] wake reason 9, core clock 160000000",
        r"network connected, (\d) interrupts, \1 changes",
        r"ping 0 at tick [0-9], \d+ ms",
        *sensor,
        *(rf"ping {number} at tick {5000 * number // 10}\d, \d+ ms" for number in range(1, pings)),
    ]
    expect_lines(output, [record.text for record in output.application()], expected, "log")
    expect_lines(output, serial_texts(output), expected, "USART2")
    output.check_period([r for r in output.application() if r.text.startswith("ping")], 5.0, tolerance=0.002)
    check_serial_period(output, " ping ", 5.0)
    levels = output.levels("PA5")
    if levels != [number % 2 ^ 1 for number in range(len(levels))] or abs(len(levels) - 2 * SECONDS) > 1:
        output.fail(f"PA5 in {SECONDS} s, every 500 ms: {levels}")
    return f"{pings} pings, {len(levels)} changes of the LED"


def tasks_classic():
    return check_tasks("tasks_classic", "classic", sensor=["no sensor"])


def tasks_recent_with_sensor():
    """21.5 degrees are 344 sixteenths (MCP9808 data sheet, register 5-4)."""
    return check_tasks("tasks_recent", "recent", "--i2c", "0x18=mcp9808", sensor=["sensor found", "temperature 344 sixteenths"])


def stream_log():
    output = run("stream_log")
    lines = output.application()
    count = len(lines) - 1
    if not 2 * SECONDS - 2 <= count <= 2 * SECONDS:
        output.fail(f"{count} lines in {SECONDS} s, one every 500 ms")
    expected = [r"stream log on UV[0-9a-f]{32}", *(rf"hello {number}, tick \d+, lost 0" for number in range(count))]
    expect_lines(output, [record.text for record in lines], expected, "log")
    ticks = [int(re.search(r"tick (\d+)", record.text)[1]) for record in lines[1:]]
    if any(not 500 <= later - earlier <= 501 for earlier, later in zip(ticks, ticks[1:])):
        output.fail(f"ticks {ticks}")
    # The gateway stamps these lines when they arrive.
    output.check_period(lines[2:], 0.5, tolerance=0.05)
    levels = output.levels("PA5")
    if levels != [number % 2 ^ 1 for number in range(len(levels))] or not count <= len(levels) <= count + 1:
        output.fail(f"PA5: {levels}")
    return f"{count} lines in pieces"


def polite():
    output = run("polite")
    log = [record.text for record in output.application()]
    rounds = len([text for text in log if text.startswith("round")])
    if not SECONDS - 2 <= rounds <= SECONDS:
        output.fail(f"{rounds} rounds in {SECONDS} s, one a second")
    head = [r"\[ERROR\] this is only a test", r"http channel: (open|refused)", "services asked", "bus scanned"]
    tail = [r"round at \d+"] * rounds
    expect_lines(output, log, ["first line", head[0], "long x{1019}", *head[1:], *tail], "log")
    expect_lines(output, serial_texts(output)[: len(head) + rounds], head + tail, "USART2")
    # 25 * percent of 2502 counts, 160 MHz / 81 / 2502 (RM0456 chapter 55, edge-aligned PWM mode 1).
    duties = [round(25 * percent / 2502 * 100, 1) for percent in range(10, 101, 10)]
    states = [state for _, state in output.pins]
    wanted = [f"{duties[number % 10]:.1f}% at 789 Hz" for number in range(len(states))]
    if states != wanted or len(states) < 10 * rounds:
        output.fail(f"PA5: {states}")
    return f"{rounds} rounds, {len(states)} changes of duty"


def shape():
    """Load segments as the vendor's tools lay them out: code RWE at the start of the flash, .data loaded behind it, and RAM
    without file contents whose load address lies in flash."""
    data = (FOLDER / "tasks_classic.elf").read_bytes()
    offset, count = struct.unpack_from("<I", data, 28)[0], struct.unpack_from("<H", data, 44)[0]
    headers = [struct.unpack_from("<IIIIIIII", data, offset + 32 * number) for number in range(count)]
    loads = [header for header in headers if header[0] == 1]
    code, initialised, *reserved = loads
    assert code[2] == code[3] == 0x08000000 and code[6] == 7, code
    assert initialised[2] == 0x20000000 and initialised[3] == code[3] + code[4] and initialised[4] != 0, initialised
    assert len(reserved) == 2, reserved
    for _, _, address, load, file_size, memory_size, flags, _ in reserved:
        assert file_size == 0 and memory_size != 0 and flags == 6, (file_size, memory_size, flags)
        assert address >= 0x20000000 and 0x08000000 < load < 0x08100000, (hex(address), hex(load))
    return f"{len(loads)} load segments"


if __name__ == "__main__":
    print(globals()[CASE]())
