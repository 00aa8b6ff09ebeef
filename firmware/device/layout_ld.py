#!/usr/bin/env python3
"""Turns the assembly of layout_symbols.cpp into linker-script assignments: layout_ld.py IN.s OUT.ld"""
import re
import sys


def main() -> None:
    source, target = sys.argv[1:3]
    lines = []
    with open(source, encoding="ascii", errors="replace") as file:
        for match in re.finditer(r"@LAYOUT (\w+) #?(-?\d+)", file.read()):
            lines.append(f"{match[1]} = {int(match[2]) & 0xFFFFFFFF:#010x};")
    if len(lines) < 5:
        sys.exit(f"layout_ld.py: {source} holds no layout symbols")
    with open(target, "w", encoding="ascii") as file:
        file.write("/* Generated from firmware/layout.hpp. */\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
