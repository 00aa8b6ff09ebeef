#!/usr/bin/env python3
"""Measures an image against its place in the layout: check_image.py NAME ELF LAYOUT.ld SYMBOL OUT.size

Prints one line, writes the figures as JSON for the host build, and fails if the image leaves its flash region or the RAM, or
is larger than SYMBOL_flash_limit and SYMBOL_ram_limit where the layout has these (firmware/limits.hpp). What is read is the ELF itself, so a wrong linker script is found out."""
import json
import re
import struct
import sys

PT_LOAD = 1
SHT_NOBITS = 8
SHF_ALLOC = 2


def read_layout(path):
    with open(path, encoding="ascii") as file:
        return {name: int(value, 16) for name, value in re.findall(r"(\w+) = (0x[0-9a-f]+);", file.read())}


def segments(elf):
    offset, size, count = struct.unpack_from("<I", elf, 28)[0], *struct.unpack_from("<HH", elf, 42)
    for i in range(count):
        kind, _, vaddr, paddr, filesz, memsz, _, _ = struct.unpack_from("<8I", elf, offset + i * size)
        if kind == PT_LOAD and memsz:
            yield vaddr, paddr, filesz, memsz


def main():
    name, elf_path, layout_path, symbol, out = sys.argv[1:6]
    layout = read_layout(layout_path)
    with open(elf_path, "rb") as file:
        elf = file.read()
    flash, flash_size = layout[symbol], layout[symbol + "_size"]
    ram, ram_size = layout["layout_ram"], layout["layout_ram_size"]
    flash_end = ram_end = 0
    for vaddr, paddr, filesz, memsz in segments(elf):
        if filesz:
            if not flash <= paddr <= paddr + filesz <= flash + flash_size:
                sys.exit(f"{name}: load segment {paddr:#x}+{filesz:#x} is outside of its flash region")
            flash_end = max(flash_end, paddr + filesz)
        if ram <= vaddr < ram + ram_size:
            if vaddr + memsz > ram + ram_size:
                sys.exit(f"{name}: data {vaddr:#x}+{memsz:#x} is outside of the RAM")
            ram_end = max(ram_end, vaddr + memsz)
        elif not flash <= vaddr <= vaddr + memsz <= flash + flash_size:
            sys.exit(f"{name}: segment at {vaddr:#x} is neither in its flash region nor in the RAM")
    used_flash, used_ram = flash_end - flash, max(0, ram_end - ram)
    print(f"{name}: flash {used_flash} of {flash_size} bytes ({100 * used_flash // flash_size} %), "
          f"RAM {used_ram} of {ram_size} ({100 * used_ram // ram_size} %)")
    for what, used in (("flash", used_flash), ("ram", used_ram)):
        limit = layout.get(f"{symbol}_{what}_limit", used)
        if used > limit:
            sys.exit(f"{name}: {used} bytes of {what}, and {limit} is its limit")
    with open(out, "w", encoding="ascii") as file:
        json.dump({"flash": used_flash, "flash_size": flash_size, "ram": used_ram, "ram_size": ram_size}, file)


if __name__ == "__main__":
    main()
