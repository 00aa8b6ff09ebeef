#!/usr/bin/env python3
"""Proves that what has to run while the flash is busy lies in RAM: check_residency.py OBJDUMP NM KERNEL.elf

Handlers, system calls and the stack switch are linked into RAM (device/image.ld.in). This looks at the result: no branch
and no literal of the code between data_start and ram_code_end may lead into the flash, and every vector has to be in RAM.
The names in ALLOWED are exceptions, each of one function and with a reason. Bodies of calls in flash are reached by a table
that one function reads, GUARD; that it asks first whether the flash is busy is looked at too (docs/kernel.md, "Calls in
flash")."""
import re
import subprocess
import sys

KERNEL = "microvisor::firmware::kernel::"
GUARD = KERNEL + "perform_call_in_flash"
QUESTION = KERNEL + "flash_is_busy()"
# What RAM code may name in flash, and in which function: name, function, reason.
ALLOWED = [
    ("application_ended", "abandon_fast_interrupt",
     "thread mode, after the end of an application: the flash may stall there. What exceptions.S names stands at its end"),
    (KERNEL + "flash_call_bodies", GUARD, "asks first"),
]
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


def functions(listing):
    """Of each function of a disassembly its name and its lines."""
    name, lines = "?", []
    for line in listing.splitlines():
        if head := re.match(r"[0-9a-f]{8} <(.*)>:$", line):
            yield name, lines
            name, lines = head[1], []
        else:
            lines.append(line)
    yield name, lines


def led_to(line):
    """Where an instruction branches to, what a literal or the words of a table are: each an address and a branch's label."""
    if target := re.search(r"\t(?:b|bl|b\.w|b\.n|blx|cbz|cbnz|b[a-z]{2}(?:\.[nw])?)\t(?:r\d+, )?([0-9a-f]{6,8}) <([^>+]*)", line):
        return [(int(target[1], 16), target[2])]
    if literal := re.search(r"\.word\t0x([0-9a-f]{8})", line):
        return [(int(literal[1], 16), "")]
    if line.count("\t") == 1:  # of a table, words or halves of words
        cells = re.split(r"  +", line.split("\t")[1])[0].split()
        words = cells if all(len(cell) == 8 for cell in cells) else [high + low for low, high in zip(cells[::2], cells[1::2])]
        return [(int(word, 16), "") for word in words if re.fullmatch("[0-9a-f]{8}", word)]
    return []


def asks_first(lines):
    """The guard's first call is the question whether the flash is busy, the answer decides, and then come the bodies."""
    calls = [line for line in lines if re.search(r"\t(?:bl|blx|bx)\t", line) and not line.endswith("\tlr")]
    asked = next((number for number, line in enumerate(lines) if f"<{QUESTION}>" in line), len(lines))
    gone = next((number for number, line in enumerate(lines) if re.search(r"\t(?:blx|bx)\tr\d+", line)), -1)
    decided = any(re.search(r"\tcbn?z\t|\tb(?:eq|ne)(?:\.[nw])?\t", line) for line in lines[asked:max(gone, 0)])
    return len(calls) == 2 and asked < gone and decided


def main():
    objdump, nm, elf = sys.argv[1:4]
    by_address, by_name = symbols(nm, elf)
    start, end = by_name["data_start"], by_name["ram_code_end"]
    flash = range(by_name["image_start"], by_name["image_end"])
    errors = []
    for name in HANDLERS:
        if name not in by_name or not start <= by_name[name] < end:
            errors.append(f"{name} is not in RAM")
    listing = subprocess.run([objdump, "-d", "-C", "-j", ".data", f"--start-address={start:#x}",
                              f"--stop-address={end:#x}", elf], check=True, capture_output=True, text=True).stdout
    guarded = 0
    for function, lines in functions(listing):
        if function.startswith(GUARD):
            guarded += asks_first(lines)
        for address, label in (found for line in lines for found in led_to(line)):
            if label.endswith("_veneer"):  # the linker's long branch: out of RAM
                errors.append(f"{function} leads into flash: {label}")
            name = by_address.get(address & ~1) or by_address.get(address) or hex(address)
            if address in flash and not any(name == a and function.startswith(f) for a, f, _ in ALLOWED):
                errors.append(f"{function} leads into flash: {name}")
    if guarded != 1:
        errors.append(f"{GUARD} does not ask whether the flash is busy before it goes there")
    for error in sorted(set(errors)):
        print(f"check_residency: {error}", file=sys.stderr)
    if errors:
        sys.exit(1)
    print(f"check_residency: {end - start} bytes of code and constants in RAM, none leads into flash unguarded")


if __name__ == "__main__":
    main()
