#!/usr/bin/python3
"""Stock GDB on an application on a board, through the cloud: `microvisor debug`.

Usage: remote.py MICROVISOR FIELD.elf CASE. Each case is a function below.
"""
import os
import re
import subprocess
import sys

from field import Field as AnyField
from stock_gdb import expect, gdb_on
from user import check, one_line

APPLICATION = os.path.abspath(sys.argv[2])


class Field(AnyField):
    def __init__(self, keyed=True):
        super().__init__(sys.argv[1], APPLICATION, keyed)


def gdb(port, *commands):
    return gdb_on(APPLICATION, port, *commands)


# --- cases ------------------------------------------------------------------------------------------------------------


def break_step_and_look():
    with Field() as field:
        _, port = field.debug()
        output = gdb(port, "break scale", "continue", "print value == rounds", "print factor", "finish", "next",
                     "print reading.celsius[0]", "backtrace", "print reading.place", "print *to", "delete",
                     "tbreak SysTick_Handler", "continue", "finish")
        expect(output, r"Breakpoint 1, scale \(value=\d+, factor=.*2\)", r"\$1 = 1", r"\$2 = 2", r"Value returned is \$3 = \d+",
               r"\$4 = -?\d+", r"#0 +take_reading", r"#1 .*main", r'"roof"', r"number = \d+",
               r"breakpoint 2, SysTick_Handler", r"(main|take_reading|scale) \(")
        # GDB has left: the application runs, and another may come.
        output = gdb(port, "print rounds", "continue&", "interrupt")
        expect(output, r"\$1 = \d+")


def change_and_call():
    with Field() as field:
        _, port = field.debug()
        output = gdb(port, "break take_reading", "continue", "print scale(20, 2)", "print rounds = 1000", "continue", "print rounds",
                     "print/x $xpsr & 0x1ff", "info registers msp control")
        expect(output, r"Breakpoint 1", r"\$1 = 41", r"\$2 = 1000", r"Breakpoint 1", r"\$3 = 1001", r"\$4 = 0x0", r"msp +0x2")


def watch_what_an_interrupt_writes():
    with Field() as field:
        _, port = field.debug()
        output = gdb(port, "watch last_tick", "continue", "print ticks == last_tick", "continue")
        expect(output, r"Hardware watchpoint 1: last_tick", r"New value = \d+", r"\$1 = 1", r"New value = \d+")


def fault_before_the_crash():
    with Field() as field:
        _, port = field.debug()
        output = gdb(port, "print mode = 1", "continue", "backtrace", "print depth")
        expect(output, r"\$1 = 1", r"undefined instruction", r"SIGILL", r"#0 +fall \(depth=.*0\)", r"#1 .*fall \(depth=.*1\)", r"#3 .*fall \(depth=.*3\)",
               r"#4 .*main", r"\$2 = 0")


def nothing_but_the_application():
    """Secure memory, by either alias, Microvisor's peripherals and the debug units."""
    with Field() as field:
        _, port = field.debug()
        places = ["0xc000000", "0x8100000", "0x30000000", "0x20080000", "0x30080000", "0xbf90000", "0x50022000", "0x40022040", "0x40003000",
                  "0x46002400", "0xe0002000", "0xe0001000", "0xe000edfc", "0xe000ee04", "0xe000edf0", "0xe002ed00", "0x90000000", "0x40036400"]
        output = gdb(port, *[f"x/1wx {place}" for place in places], *[f"set *(int*){place} = 1" for place in places], "print rounds")
        for place in places:
            expect(output, f"Cannot access memory at address {place}", f"Cannot access memory at address {place}")
        expect(output, r"\$1 = \d+")
        output = gdb(port, "print/x *(int*)0xe000e010", "print *(int*)0x40000000", "x/1wx 0x0bfa0590")
        expect(output, r"\$1 = 0x", r"\$2 = ")


def who_may_not():
    with Field() as field:
        field.user.command("apps", "debug-keypair", "--debug-auth-privkey", "other.pem", "--debug-auth-pubkey", "other_pub.pem")
        one_line(field.user.command("debug", field.sid, "other.pem", "--listen", "0", status=1), "key")
        one_line(field.user.command("debug", "UV" + 32 * "0", "other.pem", "--listen", "0", status=1))
        one_line(field.user.command("debug", field.sid, APPLICATION, "--listen", "0", status=1), "private key")
        field.board.terminate()
        field.board.wait(20)
        one_line(field.user.command("debug", field.sid, "debug_auth_prv_key.pem", "--listen", "0", status=1), "connected")
    with Field(keyed=False) as field:
        one_line(field.user.command("debug", field.sid, "debug_auth_prv_key.pem", "--listen", "0", status=1), "debug key")


def reset_and_monitor():
    with Field() as field:
        _, port = field.debug()
        output = gdb(port, "monitor help", "monitor status", "print rounds > 0", "monitor reset", "maintenance flush register-cache",
                     "print rounds", "info registers pc", "break take_reading", "continue", "print rounds", "monitor status", "monitor log 2",
                     "monitor link", "monitor log many", "monitor halt", "monitor crash", "monitor nothing")
        expect(output, r"status +what the application does", r"reset +starts", r"UV[0-9a-f]{32}: .*; kernel \d+\.\d+\.\d+", r"\$1 = 1", r"pc +0x8\w+ +0x8\w+ <Reset_Handler",
               r"Breakpoint 1, take_reading", r"\$3 = 1", r"UV[0-9a-f]{32}: thread mode", r"\d+ exchanges, \d+ messages", r"takes a number", r"thread mode\n", r"no crash reports", r"not support this command")


def taken_over():
    """The newer session counts, and the older one is told."""
    with Field() as field:
        first, port = field.debug()
        gdb(port, "print rounds")
        _, second_port = field.debug()
        check(first.wait(30) == 1, "the first ends")
        check("taken the session over" in first.stderr.read(), "and says why, as the device does")
        expect(gdb(second_port, "print rounds"), r"\$1 = \d+")


def the_device_goes():
    with Field() as field:
        process, port = field.debug()
        tell = "python gdb.events.cont.connect(lambda event: print('it goes on', flush=True))"
        session = subprocess.Popen(["gdb-multiarch", "-nx", "-batch", "-ex", f"target remote 127.0.0.1:{port}", "-ex", tell, "-ex", "continue",
                                    APPLICATION], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in session.stdout:
            if "it goes on" in line:
                break
        field.board.kill()
        output = session.communicate(timeout=60)[0]
        check("not connected any more" in output, f"GDB is told: {output}")
        check(process.wait(30) == 1, "the command ends")


# --- an application with tasks (guests/listed.c) ----------------------------------------------------------------------

TASKS = {"IDLE": (0, "ready"), "spin": (1, "ready"), "led": (2, "running"), "sensor": (3, "blocked"), "spare": (4, "suspended")}


def expect_tasks(output):
    """`info threads` while led runs."""
    for name, (priority, state) in TASKS.items():
        expect(output, rf"Thread \d+ \({name}, priority {priority}, {state}")
    check(len(re.findall(r"Thread \d+ \(\w+, priority", output)) >= len(TASKS), "the tasks are threads")


def expect_stacks(output):
    """`backtrace` of all threads."""
    blocked = r"blocked\)[^\n]*\n(#\d [^\n]*\n(?: +[^\n]*\n)*)*?"
    expect(output, rf"\(sensor, priority 3, {blocked}#\d [^\n]*take_reading \(reading=(reading@entry=)?\d+\)[^\n]*\n#\d [^\n]*sensor \(\)")
    expect(output, r"\(spare, priority 4, suspended\)[^\n]*\n#0 [^\n]*(suspend|yield)")
    expect(output, r"\(spin, priority 1, ready\)[^\n]*\n#0 [^\n]*spin \(\)")
    expect(output, r"\(IDLE, priority 0, ready\)[^\n]*\n#0 [^\n]*idle \(\)")


def tasks_as_threads():
    with Field() as field:
        _, port = field.debug()
        output = gdb(port, "break led_round", "continue", "continue", "info threads", "thread apply all backtrace", "tfaas print reading",
                     "thread apply all -s print $s16")
        expect(output, r"Breakpoint 1, led_round")
        expect_tasks(output)
        expect_stacks(output)
        reading = int(re.search(r"take_reading[^\n]*\n\$\d+ = (\d+)\n", output)[1])
        check(reading >= 4711 and reading % 2 == 1, "a variable of the task that waits")
        expect(output, r"\(spin, priority 1, ready\)[^\n]*\n\$\d+ = 1\.5\n")
        check(re.search(r"\(IDLE[^\n]*\n\$\d+ = <unavailable>", output), "IDLE has no floating-point state")


def over_a_switch_of_tasks():
    """`next` over a delay, in which the others run, ends in the same task; so does one in the handler that switches."""
    with Field() as field:
        _, port = field.debug()
        output = gdb(port, "tbreak led_round", "continue", "finish", "print number", "next", "next", "print number", "info threads",
                     "tbreak SysTick_Handler", "continue", "info threads")
        expect(output, r"breakpoint 1, led_round", r"led \(\)", r"\$1 = (\d+)")
        first, second = re.search(r"\$1 = (\d+)", output)[1], re.search(r"\$2 = (\d+)", output)[1]
        check(int(second) in (int(first), int(first) + 1), "the loop has gone round once")
        expect(output, r"\* \d+ +Thread \d+ \(led, priority 2, running, thread mode\)", r"breakpoint 2, SysTick_Handler",
               r"\* \d+ +Thread \d+ \(\w+, priority \d, running, handler of exception 15\)")


def steps_with_tasks():
    """A step costs one exchange on the link, however many tasks there are."""
    with Field() as field:
        _, port = field.debug()
        output = gdb(port, "break led_round", "continue", "info threads", "stepi", "monitor link", *3 * ["stepi"], "monitor link")
        before, after = (int(count) for count in re.findall(r"(\d+) exchanges", output))
        check(after - before == 3, f"3 steps are {after - before} exchanges")


def tasks_on_the_board():
    """The GDB server of the virtual board does the same."""
    run = subprocess.Popen([sys.argv[1], "run", APPLICATION, "--fast", "--gdb", "127.0.0.1:0", "--halt"], stderr=subprocess.PIPE,
                           stdout=subprocess.DEVNULL, text=True)
    try:
        port = re.search(r":(\d+)\n", run.stderr.readline())[1]
        output = gdb(port, "info threads", "break led_round", "continue", "continue", "info threads", "thread apply all backtrace", "kill")
        expect(output, r"\* 1 +Thread 1 \(", r"Breakpoint 1, led_round")
        expect_tasks(output)
        expect_stacks(output)
        check(run.wait(60) == 0, "the run ends")
    finally:
        run.kill()
        run.wait(20)


globals()[sys.argv[3]]()
