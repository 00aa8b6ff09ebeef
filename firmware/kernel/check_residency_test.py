#!/usr/bin/env python3
"""Tests of check_residency.py on small programs laid out as the kernel is: check_residency_test.py GCC OBJDUMP NM"""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from check_residency import HANDLERS  # noqa: E402

CHECK = Path(__file__).with_name("check_residency.py")
LINKER_SCRIPT = """
MEMORY { FLASH (rx) : ORIGIN = 0x0C100000, LENGTH = 64K  RAM (rwx) : ORIGIN = 0x30080000, LENGTH = 64K }
SECTIONS
{
  .text : { image_start = .; *(.text .text.* .rodata .rodata.*) } > FLASH
  .data : { data_start = .; *(.resident .resident.*) ram_code_end = .; *(.data .data.*) } > RAM AT > FLASH
  image_end = LOADADDR(.data) + SIZEOF(.data);
  /DISCARD/ : { *(.ARM.exidx*) *(.comment) }
}
"""
# The parts of a kernel that the check knows by name, each of which a test may replace.
PARTS = {
    "handlers": "".join(f'extern "C" RESIDENT void {name}() {{ asm volatile("nop"); }}\n' for name in HANDLERS),
    "question": "RESIDENT bool flash_is_busy() { return (*reinterpret_cast<volatile unsigned*>(0x50022024) & 0x10000) != 0; }\n",
    "guard": """RESIDENT int perform_call_in_flash(unsigned index, const int& r) {
                  if (flash_is_busy()) return -1;
                  return flash_call_bodies[index](r);
                }\n""",
    "resident": "",
}
PROGRAM = """#define RESIDENT __attribute__((section(".resident"), noinline, used))
#define IN_FLASH __attribute__((noinline, used))
namespace microvisor::firmware::kernel {{
using Body = int (*)(const int&);
IN_FLASH int body(const int& r) {{ return r + 1; }}
extern const Body flash_call_bodies[2] = {{body, body}};
{handlers}{question}{guard}{resident}
}}
extern "C" IN_FLASH void entry() {{ for (;;) {{}} }}
"""


class CheckResidency(unittest.TestCase):
    def check(self, **parts: str) -> subprocess.CompletedProcess:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "kernel.ld").write_text(LINKER_SCRIPT)
            (folder / "kernel.cpp").write_text(PROGRAM.format(**{**PARTS, **parts}))
            subprocess.run([GCC, "-x", "c++", "-std=c++20", "-mcpu=cortex-m33", "-mthumb", "-Os", "-fno-exceptions", "-nostdlib",
                            "-Wl,-e,entry", "-T", "kernel.ld", "kernel.cpp", "-o", "kernel.elf"], cwd=folder, check=True)
            return subprocess.run([sys.executable, "-B", str(CHECK), OBJDUMP, NM, str(folder / "kernel.elf")],
                                  capture_output=True, text=True, check=False)

    def refused(self, text: str, **parts: str) -> None:
        result = self.check(**parts)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn(text, result.stderr)

    def test_a_kernel_whose_guard_asks_first(self):
        result = self.check()
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_a_guard_that_does_not_ask(self):
        guard = "RESIDENT int perform_call_in_flash(unsigned index, const int& r) { return flash_call_bodies[index](r); }\n"
        self.refused("does not ask", guard=guard)

    def test_a_guard_that_asks_too_late(self):
        guard = """RESIDENT int perform_call_in_flash(unsigned index, const int& r) {
                     const int status = flash_call_bodies[index](r);
                     return flash_is_busy() ? -1 : status;
                   }\n"""
        self.refused("does not ask", guard=guard)

    def test_a_guard_that_does_not_heed_the_answer(self):
        guard = """RESIDENT int perform_call_in_flash(unsigned index, const int& r) {
                     (void)flash_is_busy();
                     return flash_call_bodies[index](r);
                   }\n"""
        self.refused("does not ask", guard=guard)

    def test_no_guard(self):
        self.refused("does not ask", guard="")

    def test_another_function_that_reads_the_table(self):
        self.refused("shortcut(int) leads into flash",
                     resident="RESIDENT int shortcut(int r) { return flash_call_bodies[r & 1](r); }\n")

    def test_a_branch_into_flash(self):
        self.refused("careless(int) leads into flash", resident="RESIDENT int careless(int r) { return body(r) + 1; }\n")

    def test_a_resident_table_that_names_flash(self):
        self.refused("bodies leads into flash", resident="""
            RESIDENT int near(const int& r) { return r; }
            extern const Body bodies[2] __attribute__((section(".resident.table")));
            const Body bodies[2] = {near, body};\n""")

    def test_a_handler_in_flash(self):
        handlers = PARTS["handlers"].replace('RESIDENT void timer_handler', 'IN_FLASH void timer_handler')
        self.refused("timer_handler is not in RAM", handlers=handlers)


if __name__ == "__main__":
    GCC, OBJDUMP, NM = sys.argv[1:4]
    unittest.main(argv=sys.argv[:1])
