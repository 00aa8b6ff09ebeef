#!/usr/bin/python3
"""What a developer does all day, by stock GDB through the cloud, on an application with an RTOS's switches (guests/workers.c).

Usage: sessions.py MICROVISOR APPLICATION.elf CASE [LINES]. Each case is a function below.
"""
import os
import pathlib
import re
import sys

from field import Field as AnyField
from stock_gdb import expect
from user import check

HERE = pathlib.Path(__file__).parent
APPLICATION = os.path.abspath(sys.argv[2])
RESTARTED_BY_ITSELF = r"has been started anew \(wake reason \d+\)"
IN_HANDLER = "print ($xpsr & 0x1ff)"
SYSTICK = 15  # number of the exception


class Field(AnyField):
    def __init__(self):
        super().__init__(sys.argv[1], APPLICATION)


def line_with(text, source="guests/workers.c"):
    """FILE:LINE of the one line that has it."""
    lines = (HERE / source).resolve().read_text().splitlines()
    found = [number for number, line in enumerate(lines, 1) if text in line]
    check(len(found) == 1, f"one line with {text}")
    return f"{pathlib.Path(source).name}:{found[0]}"


def count_of(match):
    return int(match[1])


# --- cases ------------------------------------------------------------------------------------------------------------


def source_lines():
    """As many as the command line says; each stop at the line and with the value that the source says."""
    lines = int(sys.argv[4])
    os.environ["LINES_TO_STEP"] = str(lines)
    with Field() as field:
        _, port = field.debug()
        output = field.gdb(port, f"tbreak {line_with('volatile uint32_t count = 0;')}", "print mode = 6", "continue", f"source {HERE / 'step_lines.py'}", "print mode = 0",
                           "finish", "monitor link", seconds=1500)
        told = expect(output, r"Temporary breakpoint 1, count_lines", rf"stepped {lines} lines, count (\d+), \d+ steps/s",
                      r"(obey|work) \(", r"(\d+) exchanges")
        # One round is the loop's line and its ten.
        check(abs(count_of(told[1]) - lines * 10 / 11) < 11, "lines and count fit")
        # A line has one range of addresses, or two where the debug information tells its columns apart.
        check(int(told[-1][1]) < 2 * lines + 50, "a range that is stepped through is one exchange")
    print(told[1][0])
    print(f"torture: {lines} cases, 0 failed")


def calls_interrupts_and_switches():
    with Field() as field:
        _, port = field.debug()
        yielding = line_with("the other one's turn")
        output = field.gdb(port, f"tbreak {yielding} if self->number == 0", "continue", "print switches", "next", "print self->number",
                           "print switches", "print workers[0]", "print *self")
        told = expect(output, r"breakpoint 1, work", r"\$1 = (\d+)", r"\$2 = 0", r"\$3 = (\d+)",
                      r'\$4 = \{number = 0, rounds = (\d+), name = 0x[0-9a-f]+ "teller"\}', r"\$5 = \{number = 0, rounds = (\d+)")
        check(count_of(told[3]) >= count_of(told[1]) + 2, "the other task has had its turn, and the step has ended in its own")

        calling = line_with("a call of Microvisor's")
        output = field.gdb(port, f"tbreak {calling}", "continue", "print now", "next", "print now", f"tbreak {calling}", "continue", "step",
                           "print now", "step", "finish")
        told = expect(output, r"breakpoint 1, work", r"\$1 = (\d+)", r"obey\(\);", r"\$2 = (\d+)", r"breakpoint 2, work", r"obey\(\);",
                      r"\$3 = (\d+)", r"obey \(\) at", r"work \(")
        check(count_of(told[1]) < count_of(told[3]) < count_of(told[6]), "next and step over a call of Microvisor's, and the call is made")

        output = field.gdb(port, "tbreak SysTick_Handler", "continue", IN_HANDLER, "step", "step", "print ticks", "finish", IN_HANDLER)
        expect(output, r"breakpoint 1, SysTick_Handler", rf"\$1 = {SYSTICK}", r"\$2 = \d+", r"\$3 = 0")
        output = field.gdb(port, "tbreak SysTick_Handler", "continue", "step", "step", "step", "step", IN_HANDLER, "print ticks", "tbreak tell",
                           "continue", "print ticks")
        told = expect(output, r"breakpoint 1, SysTick_Handler", r"\$1 = 0", r"\$2 = (\d+)", r"breakpoint 2, tell", r"\$3 = (\d+)")
        check(count_of(told[4]) > count_of(told[2]), "steps lead out of a handler, and its interrupt goes on")

        output = field.gdb(port, "tbreak PendSV_Handler", "continue", "print current", "set $steps = 0",
                           "python\nwhile int(gdb.parse_and_eval('$xpsr')) & 0x1ff: gdb.execute('stepi', to_string=True)\nend",
                           "print current", "print (($psp - (unsigned)&stacks[current]) < sizeof stacks[0])")
        told = expect(output, r"breakpoint 1, PendSV_Handler", r"\$1 = ([01])", r"\$2 = ([01])", r"\$3 = 1")
        check(told[1][1] != told[2][1], "instruction by instruction through a switch into the other task")


def what_an_interrupt_writes():
    with Field() as field:
        _, port = field.debug()
        output = field.gdb(port, "watch last_tick", "continue", IN_HANDLER, "print last_tick == ticks", "backtrace", "continue",
                           "print last_tick % 8")
        expect(output, r"Hardware watchpoint 1: last_tick", r"New value = \d+", rf"\$1 = {SYSTICK}", r"\$2 = 1", r"#0 .*SysTick_Handler",
               r"<signal handler called>", r"New value = \d+", r"\$3 = 0")


def change_detach_and_the_end():
    """What GDB changes is seen in the log, which goes on when it has left; ends of the application are told."""
    with Field() as field:
        log = field.log()
        _, at = log.wait_for(r"count \d+$")
        _, port = field.debug()
        expect(field.gdb(port, "print unit", "print unit = 1000000", "detach"), r"\$1 = 1\n", r"\$2 = 1000000", r"detached")
        first, at = log.wait_for(r"count (\d{7,})$", at)
        second, at = log.wait_for(r"count (\d+)$", at)
        check(int(second[1]) == int(first[1]) + 1000000, "the log counts by the new unit, and goes on without GDB")

        # By itself: what follows is another life, with unit 1, and GDB's breakpoints in it.
        output = field.gdb(port, "tbreak work", "print mode = 5", "continue", "print unit", "print said", "backtrace")
        expect(output, RESTARTED_BY_ITSELF, r"breakpoint 1, work", r"\$2 = 1\n", r"\$3 = 0\n", r"#0 +work")
        _, at = log.wait_for(r"count 1$", at)
        # By a crash: first the fault with its frames, then the crash's course and another life.
        output = field.gdb(port, "print mode = 1", "continue", "backtrace", "print workers[current].name", "tbreak work", "continue",
                           "print mode")
        expect(output, r"undefined instruction", r"SIGILL", r"#0 +fall \(depth=.*0\)", r"#3 .*fall \(depth=.*3\)", r"#4 .*obey",
               r"#5 .*work \(", r'"teller"', RESTARTED_BY_ITSELF, r"breakpoint 1, work", r"\$3 = 0\n")
        log.wait_for(r"count 1$", at)


def interrupts_masked():
    """Ctrl-C reaches a loop that has masked all interrupts there are, in each of the three ways; it can be led out of it."""
    with Field() as field:
        log = field.log()
        process, port = field.debug()
        gdb = field.typed_gdb(port)
        loop = line_with("while (mode == how)")
        for mode, register in ((2, "primask"), (3, "basepri"), (4, "faultmask")):
            expect(gdb.ask(f"tbreak {loop}", f"print mode = {mode}", "continue"), r"breakpoint \d+, spin")
            spins, rounds = [], 0
            while not spins or spins[-1] == spins[0]:  # a Ctrl-C may be there before the first instruction
                rounds += 1
                check(rounds < 100, f"Ctrl-C in a loop under {register}, round {rounds}")
                gdb.type("continue")
                gdb.wait_for("Continuing")
                gdb.interrupt()
                gdb.wait_for("SIGINT")
                told = expect(gdb.ask("backtrace 1", f"print ${register} != 0", "print spins"), r"#0 .*spin \(", r"\$\d+ = 1", r"\$\d+ = (\d+)")
                spins.append(int(told[2][1]))
            gdb.ask("print mode = 0")
        gdb.type("detach")
        gdb.wait_for("detached")
        start = len(log.lines)
        log.wait_for("count", start)
        check(process.poll() is None, "the session stands")


def unmodified_application():
    """One with an RTOS, made for the bare chip, with a breakpoint in a task's loop: it meets it each time, stays connected, and its
    log flows."""
    rounds = 20
    with Field() as field:
        log = field.log()
        log.wait_for(r"ping \d+ at")
        process, port = field.debug()
        output = field.gdb(port, "break pin_write", *rounds * ["continue", "up", "print level"], "monitor status")
        told = expect(output, *[r"led_loop \(", r"\$\d+ = ([01])\n"] * rounds, rf"{field.sid}: thread mode; kernel \d")
        levels = [int(found[1]) for found in told[1:-1:2]]
        check(levels == [(levels[0] + number) % 2 for number in range(rounds)], f"met in each round: {levels}")
        pings = [int(number) for number in re.findall(r"ping (\d+) at", log.text())]
        check(len(pings) >= 2 and pings == list(range(pings[0], pings[0] + len(pings))), f"meanwhile the log flows: pings {pings}")
        check(process.poll() is None, "the session stands, and so does the device's connection, with which it would end")


globals()[sys.argv[3]]()
