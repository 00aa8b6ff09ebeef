#!/usr/bin/env python3
"""Proves that the kernel's image allocates nothing and throws nothing: check_allocation.py NM OBJDUMP KERNEL.elf

The allocator's names are there, because libraries name them, but they are no_heap.cpp's, which has nothing to give; nothing
that an allocator needs is linked. No operator new, no unwinder, no type information."""
import re
import subprocess
import sys

FORBIDDEN = re.compile(
    r"^(_sbrk|_sbrk_r|__malloc_\w+|sbrk_aligned|_Zn[wa].*|_Zd[la].*|__cxa_(throw|allocate_exception|begin_catch|rethrow).*"
    r"|_Unwind_.*|__gxx_personality.*|_ZTI.*|_ZTS.*)$")
LARGEST_STUB = 8  # bytes of code of an allocator that has nothing


def main():
    nm, objdump, elf = sys.argv[1:4]
    listing = subprocess.run([nm, "-S", elf], check=True, capture_output=True, text=True).stdout
    errors = []
    for line in listing.splitlines():
        fields = line.split()
        name = fields[-1]
        if FORBIDDEN.match(name):
            errors.append(f"{name} is in the image")
        if name in ("malloc", "calloc", "realloc", "_malloc_r", "_calloc_r", "_realloc_r"):
            if len(fields) != 4 or int(fields[1], 16) > LARGEST_STUB:
                errors.append(f"{name} is not the one that has nothing")
    headers = subprocess.run([objdump, "-h", elf], check=True, capture_output=True, text=True).stdout
    for section in (".eh_frame", ".gcc_except_table", ".ARM.extab"):
        if re.search(rf"\s{re.escape(section)}\s", headers):
            errors.append(f"there is a section {section}")
    for error in errors:
        print(f"check_allocation: {error}", file=sys.stderr)
    if errors:
        sys.exit(1)


if __name__ == "__main__":
    main()
