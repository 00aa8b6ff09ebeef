#!/usr/bin/env python3
"""Tests of check_stacks.py with small programs: check_stacks_test.py GCC OBJDUMP

What a program needs is known from the arrays in it; registers and alignment take at most SMALL bytes a function more."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from check_stacks import Check
from machine_code import MachineCode, short_name
from stack_usage import StackUsage

GCC, OBJDUMP = sys.argv[1:3]
SMALL = 40
START = """
char the_stack[{size}] __attribute__((aligned(8)));
int seen = 1;
const int constant = 1;
__attribute__((noinline)) void use(volatile char* bytes) {{ bytes[0] = seen; }}
#define TAKES(bytes) volatile char array[bytes]; use(array); __asm__ volatile("" ::: "memory")
#define FUNCTION __attribute__((noinline)) void
"""
STRAIGHT = """
FUNCTION leaf(void) { TAKES(200); }
FUNCTION entry(void) { TAKES(400); leaf(); use(array); }
"""
POINTER = """
FUNCTION deep(void) { TAKES(600); }
FUNCTION shallow(void) { TAKES(100); }
void (*volatile pointer)(void) = deep;
FUNCTION entry(void) { TAKES(8); pointer(); use(array); }
"""
TABLE = """
struct Table { void (*first)(void); void (*second)(void); };
FUNCTION deep(void) { TAKES(600); }
FUNCTION shallow(void) { TAKES(100); }
const struct Table table = {deep, shallow};
const struct Table* volatile object = &table;
volatile unsigned which;
"""
RECURSION = """
FUNCTION odd(int n);
FUNCTION even(int n) { TAKES(100); if (n) odd(n - 1); use(array); }
FUNCTION odd(int n) { TAKES(100); if (n) even(n - 1); use(array); }
FUNCTION entry(void) { even(seen); use(0); }
"""
VARIABLE = "FUNCTION entry(void) { TAKES(seen * 8); }"
HANDLERS = STRAIGHT + """
FUNCTION low(void) { TAKES(48); }
FUNCTION high(void) { TAKES(80); }
FUNCTION higher(void) { TAKES(96); }
void* volatile vectors[] = {low, high, higher};
"""
LEVELS = [{"handlers": ["low"], "frame_above": 76}, {"handlers": ["high", "higher"]}]


def check(program: str, size: int = 4096, **data: list[dict]) -> Check:
    stack = {"symbol": "the_stack", "base": ["entry"], **data.pop("stack", {})}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "program.c").write_text(START.format(size=size) + program)
        subprocess.run([GCC, "-mcpu=cortex-m33", "-mthumb", "-Os", "-fstack-usage", "-nostdlib", "-Wl,-e,entry", "-Wno-unused",
                        "program.c", "-o", "program.elf"], cwd=folder, check=True)
        usage = StackUsage()
        usage.read(folder)
        return Check(MachineCode(OBJDUMP, str(folder / "program.elf")), usage, {**data, "stack": [stack]})


def pointer(**entry: list[str]) -> dict:
    return {"in": ["entry"], "why": "test", **entry}


class CheckStacks(unittest.TestCase):
    def bound(self, result: Check, functions: int, arrays: int) -> None:
        self.assertEqual(result.errors, [])
        self.assertGreaterEqual(result.bounds[0].bytes, arrays)
        self.assertLessEqual(result.bounds[0].bytes, arrays + functions * SMALL)

    def error(self, result: Check, text: str) -> None:
        self.assertTrue(any(text in error for error in result.errors), result.errors)

    def test_the_deepest_path_counts(self):
        self.bound(check(STRAIGHT), 3, 600)

    def test_a_stack_that_is_too_small(self):
        self.error(check(STRAIGHT, size=600), "the_stack may need")

    def test_what_is_reserved_counts(self):
        self.assertEqual(check(STRAIGHT, stack={"reserved": 8}).bounds[0].bytes, check(STRAIGHT).bounds[0].bytes + 8)

    def test_an_unlisted_call_through_a_pointer(self):
        self.error(check(POINTER), "entry calls through a pointer")

    def test_a_listed_call_leads_to_its_targets(self):
        self.bound(check(POINTER, pointer=[pointer(to=["deep"])]), 3, 608)

    def test_a_target_that_was_forgotten(self):
        result = check(POINTER + "void (*volatile other)(void) = shallow;", pointer=[pointer(to=["deep"])])
        self.error(result, "other points to shallow")

    def test_entries_that_nothing_needs(self):
        self.error(check(POINTER, pointer=[pointer(to=["deep", "gone"])]), "gone is listed")
        self.error(check(STRAIGHT, pointer=[{"in": ["leaf"], "to": [], "why": "test"}]), "leaf is listed")

    def test_the_slot_of_a_table_counts(self):
        second = TABLE + "FUNCTION entry(void) { TAKES(8); object->second(); use(array); }"
        self.bound(check(second, pointer=[pointer(through=["table"])]), 3, 108)

    def test_all_slots_count_where_none_is_certain(self):
        either = TABLE + """FUNCTION entry(void) {
          TAKES(8); void (*f)(void) = which ? object->first : object->second; f(); use(array); }"""
        self.bound(check(either, pointer=[pointer(through=["table"])]), 3, 608)

    def test_an_unlisted_circle(self):
        self.error(check(RECURSION), "even, odd call each other in a circle")

    def test_a_function_that_calls_itself(self):
        itself = "FUNCTION entry(int n) { TAKES(100); if (n) entry(n - 1); use(array); }"
        self.error(check(itself), "entry calls itself")
        self.bound(check(itself, recursion=[{"functions": ["entry"], "depth": 3, "why": "test"}]), 4, 300)

    def test_a_circle_costs_as_often_as_it_may_turn(self):
        self.bound(check(RECURSION, recursion=[{"functions": ["even", "odd"], "depth": 3, "why": "test"}]), 8, 600)

    def test_a_circle_that_is_none(self):
        self.error(check(STRAIGHT, recursion=[{"functions": ["leaf"], "depth": 3, "why": "test"}]), "the circle of leaf")

    def test_a_frame_of_variable_size(self):
        self.error(check(VARIABLE), "entry moves the stack pointer by a register")
        self.error(check(VARIABLE), "entry has a frame without bound")

    def test_handlers_stand_on_top_of_each_other(self):
        alone = check(HANDLERS, stack={"frame_above": 36}, level=LEVELS)
        self.bound(alone, 3, 600 + 36)
        nested = check(HANDLERS, stack={"frame_above": 36, "handlers": True}, level=LEVELS)
        self.bound(nested, 5, 600 + 36 + 48 + 76 + 96)

    def test_an_entry_needs_a_reason(self):
        with self.assertRaises(ValueError):
            check(POINTER, pointer=[{"in": ["entry"], "to": ["deep"], "why": ""}])


class ShortName(unittest.TestCase):
    def test_of_symbols_and_of_the_compiler(self):
        for whole, short in [
                ("microvisor::firmware::vault::(anonymous namespace)::Reader::take(std::span<unsigned char, 4294967295u>)",
                 "vault::Reader::take"),
                ("virtual bool microvisor::firmware::link::Transport::ended() const", "link::Transport::ended"),
                ("microvisor::abi::Status microvisor::abi::invoke<Body<(microvisor::abi::Gate)41>, X>(Registers const&)",
                 "abi::invoke"),
                ("microvisor::firmware::live()::{lambda(int)#1}::_FUN(int)", "live::{lambda#1}::_FUN"),
                ("vtable for microvisor::firmware::stm32u5::NorFlash", "vtable for stm32u5::NorFlash"),
                ("x509_crt_verify.constprop.0.isra.0", "x509_crt_verify"), ("x509_crt_verify.constprop.isra", "x509_crt_verify"),
                ("microvisor::get32(std::span<int>) [clone .isra.0]", "get32")]:
            self.assertEqual(short_name(whole), short)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
