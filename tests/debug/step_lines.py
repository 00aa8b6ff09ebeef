"""Runs inside GDB: steps through workers.c's count_lines(), `count` source lines, and holds each stop against the source.

Before the line that is marked "line n" the variable `count` is at n, and ten more in each round; the lines come one after the other,
and the loop's own between the last and the first.
"""
import os
import re
import time

import gdb


def marked_lines(file):
    with open(file) as source:
        return {number: int(found[1]) for number, text in enumerate(source, 1) if (found := re.search(r"/\* line (\d) \*/", text))}


def step_through(wanted):
    marks, counted, last = None, 0, None  # the first step leads behind the declaration of `count`
    for number in range(wanted):
        gdb.execute("step", to_string=True)
        frame = gdb.selected_frame()
        place = frame.find_sal()
        marks = marks or marked_lines(place.symtab.fullname())
        mark = marks.get(place.line)
        value = int(frame.read_var("count"))
        if frame.name() != "count_lines" or value != counted + (last is not None):
            raise gdb.GdbError(f"step {number}: {frame.name()}, line {place.line}, count {value} behind {counted}")
        if mark is not None and value % len(marks) != mark:
            raise gdb.GdbError(f"step {number}: before line {mark} the count is {value}")
        if mark is None and last not in (None, len(marks) - 1):
            raise gdb.GdbError(f"step {number}: line {place.line} follows line {last}")
        counted, last = value, mark
    return counted


lines = int(os.environ["LINES_TO_STEP"])
began = time.monotonic()
reached = step_through(lines)
seconds = time.monotonic() - began
print(f"stepped {lines} lines, count {reached}, {lines / seconds:.0f} steps/s")
