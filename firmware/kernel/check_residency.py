#!/usr/bin/env python3
"""Proves that what has to run while the flash is busy lies in RAM: check_residency.py OBJDUMP NM KERNEL.elf

Handlers, system calls and the stack switch are linked into RAM (device/image.ld.in). This looks at the result: no branch
and no literal of the code between data_start and ram_code_end may lead into the flash, and every vector has to be in RAM.
The names in ALLOWED are exceptions with a reason."""
import re
import subprocess
import sys

# What RAM code may name in flash, because it is only gone to when the flash may stall.
ALLOWED = {
    "application_ended": "thread mode, after the end of an application",
}
HANDLERS = ["nmi_handler", "fault_handler", "secure_fault_handler", "svc_handler", "debug_monitor_handler", "pendsv_handler", "timer_handler",
            "tasklet_handler", "fast_interrupt_handler", "overdue_handler", "watchdog_handler", "illegal_access_handler", "unexpected_handler", "enter_application", "memcpy", "memset"]


def symbols(nm, elf):
    """Name of each function by address, and address of each name."""
    by_address, by_name = {}, {}
    for line in subprocess.run([nm, "-C", elf], check=True, capture_output=True, text=True).stdout.splitlines():
        fields = line.split(maxsplit=2)
        if len(fields) == 3:
            by_name[fields[2]] = int(fields[0], 16)
            by_address.setdefault(int(fields[0], 16), fields[2])
    return by_address, by_name


def main():
    objdump, nm, elf = sys.argv[1:4]
    by_address, by_name = symbols(nm, elf)
    start, end = by_name["data_start"], by_name["ram_code_end"]
    flash = range(by_name["image_start"], by_name["image_end"])
    errors = []
    for name in HANDLERS:
        if name not in by_name or not start <= by_name[name] < end:
            errors.append(f"{name} is not in RAM")
    listing = subprocess.run([objdump, "-D", "-C", "-j", ".data", f"--start-address={start:#x}",
                              f"--stop-address={end:#x}", elf], check=True, capture_output=True, text=True).stdout
    function = "?"
    for line in listing.splitlines():
        if head := re.match(r"[0-9a-f]{8} <(.*)>:$", line):
            function = head[1]
            continue
        target = re.search(r"\t(?:b|bl|b\.w|b\.n|blx|cbz|cbnz|b[a-z]{2}(?:\.[nw])?)\t(?:r\d+, )?([0-9a-f]{6,8}) <([^>+]*)", line)
        literal = re.search(r"\.word\t0x([0-9a-f]{8})", line)
        found = target or literal
        if not found:
            continue
        if target and target[2].endswith("_veneer"):  # the linker's long branch: out of RAM
            errors.append(f"{function} leads into flash: {target[2]}")
        address = int(found[1], 16)
        name = by_address.get(address & ~1) or by_address.get(address) or hex(address)
        if address in flash and name not in ALLOWED:
            errors.append(f"{function} leads into flash: {name}")
    for error in sorted(set(errors)):
        print(f"check_residency: {error}", file=sys.stderr)
    if errors:
        sys.exit(1)
    print(f"check_residency: {end - start} bytes of code and constants in RAM, none leads into flash")


if __name__ == "__main__":
    main()
