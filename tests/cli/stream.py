#!/usr/bin/python3
"""What `microvisor run` prints: the log stream in the published form, in order, at the right times, once each.

Usage: stream.py MICROVISOR APPLICATION.elf. The application (log_led_c) logs a line, writes the same on USART2 and toggles PA5
once a second of its own time.
"""
import sys

import run_output

SECONDS = 8


def number_of(text):
    return int(text.rsplit(" ", 1)[1])


def main():
    output = run_output.run(*sys.argv[1:], SECONDS)
    ticks = [record for record in output.application() if " tick " in record.text]
    numbers = [number_of(record.text) for record in ticks]
    if numbers != list(range(len(numbers))) or not SECONDS - 1 <= len(numbers) <= SECONDS + 1:
        output.fail(f"log ticks {numbers} in {SECONDS} s")
    output.check_period(ticks, 1.0, tolerance=0.01)

    serial_ticks = [number_of(line) for line in output.serial if " tick " in line]
    if serial_ticks[: len(numbers) - 1] != numbers[:-1]:
        output.fail(f"serial ticks {serial_ticks}")
    levels = output.levels("PA5")
    if len(levels) < SECONDS - 1 or any(a == b for a, b in zip(levels, levels[1:])):
        output.fail(f"pin levels {levels}")
    print(f"{len(numbers)} ticks, {len(output.serial)} serial lines, {len(levels)} pin changes")


if __name__ == "__main__":
    main()
