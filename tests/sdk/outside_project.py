#!/usr/bin/python3
"""Builds the project of sdk/README.md in a temporary directory and looks at what came out.

Usage: outside_project.py SDK_DIRECTORY CMAKE
"""
import pathlib
import struct
import subprocess
import sys
import tempfile

PROJECT = """cmake_minimum_required(VERSION 3.20)
project(hello C)
find_package(Microvisor REQUIRED CONFIG)
add_executable(hello main.c)
microvisor_application(hello)
"""
MAIN = """#include "mv_syscalls.h"
int main(void) {
  uint64_t now;
  while (mvGetMicroseconds(&now) == MV_STATUS_OKAY) {
  }
  return 0;
}
"""


def check_elf(path):
    """Every load segment with contents lies in the application's flash, from its first byte on."""
    data = path.read_bytes()
    offset, count = struct.unpack_from("<I", data, 28)[0], struct.unpack_from("<H", data, 44)[0]
    segments = [struct.unpack_from("<IIIIIIII", data, offset + 32 * i) for i in range(count)]
    loaded = sorted((s[3], s[4]) for s in segments if s[0] == 1 and s[4] > 0)
    assert loaded[0][0] == 0x08000000, loaded
    assert all(address + size <= 0x08100000 for address, size in loaded), loaded
    stack, reset = struct.unpack_from("<II", data, next(s[1] for s in segments if s[3] == 0x08000000))
    assert stack == 0x20080000 and reset & 1, (hex(stack), hex(reset))
    # mvGetMicroseconds is gate 2: its odd address stands in the linker's stub.
    assert struct.pack("<I", 0x0C1FE011) in data, "no call to the gate"


def main():
    sdk, cmake = pathlib.Path(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder)
        (source / "CMakeLists.txt").write_text(PROJECT)
        (source / "main.c").write_text(MAIN)
        subprocess.run([cmake, "-S", source, "-B", source / "build", f"-DCMAKE_TOOLCHAIN_FILE={sdk}/cmake/arm-none-eabi.cmake",
                        f"-DMicrovisor_DIR={sdk}/cmake"], check=True)
        subprocess.run([cmake, "--build", source / "build"], check=True)
        check_elf(source / "build/hello.elf")
        assert (source / "build/hello.bin").stat().st_size > 0x238


if __name__ == "__main__":
    main()
