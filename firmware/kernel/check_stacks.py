#!/usr/bin/env python3
"""Bounds the stack that the kernel's exception handlers need: check_stacks.py OBJDUMP NM KERNEL.elf

Read from the linked machine code, so that libraries count too: what each function pushes or takes off the stack pointer, who
calls or branches to whom, and INDIRECT, the list of what is reached through pointers. Of each urgency the deepest handler counts,
for handlers of all urgencies may stand on top of each other, each on an exception frame. The sum has to fit the stack of
exceptions, and beside the worker's own need into the worker's stack. A call through a pointer that is not listed, a cycle that
is not in RECURSION and a stack pointer moved by a register are errors."""
import re
import subprocess
import sys

LEVELS = [  # most urgent first; docs/kernel.md, "Who may interrupt whom"
    ["nmi_handler"],
    ["fault_handler", "overdue_handler"],
    ["watchdog_handler"],
    ["fast_interrupt_handler"],
    ["timer_handler"],
    ["illegal_access_handler", "_ZN10microvisor8firmware4link20modem_line_interruptEv"],
    ["secure_fault_handler", "svc_handler", "tasklet_handler"],
    ["pendsv_handler"],
]
FRAME = 4 * (8 + 10) + 4  # basic frame, state context, alignment (Armv8-M ARM, B3.19)
WORKER_OWN = 4608         # of the worker itself: half as much again as tests/kernel/memory_test.cpp finds used
INDIRECT = {  # caller: what it may reach
    r"12perform_callE": r"^_ZN10microvisor3abi6invokeI|answer_unavailable",
    r"fast_interrupt_handler": r"^$",   # BLXNS: the application's vector, on the application's stack
    r"_veneer$": r"^$",                # the linker's long branch
}
RECURSION = {}  # name: depth


class Code:
    def __init__(self, objdump, elf):
        self.frame, self.calls, self.indirect, self.errors = {}, {}, set(), []
        listing = subprocess.run([objdump, "-d", "-j", ".text", "-j", ".data", elf], check=True, capture_output=True, text=True)
        name = None
        for line in listing.stdout.splitlines():
            if head := re.match(r"[0-9a-f]{8} <(.*)>:$", line):
                name = head[1]
                self.frame.setdefault(name, 0)
                self.calls.setdefault(name, set())
            elif name and (found := re.match(r"\s*[0-9a-f]{8}:\t[0-9a-f ]+\t(\S+)\s*(.*)", line)):
                self.read(name, found[1], found[2])

    def read(self, name, operation, operands):
        if operation.startswith(("push", "stmdb")) and (operation.startswith("push") or operands.startswith("sp!")):
            self.frame[name] += 4 * registers(operands)
        elif operation.startswith("sub") and operands.startswith("sp"):
            if immediate := re.search(r"#(\d+)", operands):
                self.frame[name] += int(immediate[1])
            else:
                self.errors.append(f"{name} moves the stack pointer by a register")
        elif operation.startswith("b") and (target := re.search(r"<([^>]+?)(\+0x[0-9a-f]+)?>$", operands)):
            if target[1] != name and not (target[2] and not target[1]):
                self.calls[name].add(target[1])
        elif re.match(r"blx?(ns)?$|bx$", operation) and re.match(r"(r\d+|ip)$", operands):
            self.indirect.add(name)


def registers(operands):
    count = 0
    for part in re.search(r"\{(.*)\}", operands)[1].split(","):
        ends = [number(register.strip()) for register in part.split("-")]
        count += ends[-1] - ends[0] + 1
    return count


def number(register):
    return {"sl": 10, "fp": 11, "ip": 12, "sp": 13, "lr": 14, "pc": 15}.get(register) or int(register[1:])


class Depth:
    def __init__(self, code):
        self.code, self.known, self.path = code, {}, []

    def of(self, name):
        """Bytes that `name` and what it calls need."""
        if name in self.known:
            return self.known[name]
        if name in self.path:
            self.code.errors.append("a cycle: " + " -> ".join([*self.path[self.path.index(name):], name]))
            return 0
        self.path.append(name)
        below = max((self.of(target) for target in self.targets(name)), default=0)
        self.path.pop()
        self.known[name] = self.code.frame.get(name, 0) + below
        return self.known[name]

    def targets(self, name):
        targets = set(self.code.calls.get(name, ()))
        if name in self.code.indirect:
            pattern = next((reach for caller, reach in INDIRECT.items() if re.search(caller, name)), None)
            if pattern is None:
                self.code.errors.append(f"{name} calls through a pointer and is not listed")
            elif pattern != "^$":
                targets |= {target for target in self.code.frame if re.search(pattern, target)}
        return targets


def main():
    objdump, nm, elf = sys.argv[1:4]
    sizes = {}
    for line in subprocess.run([nm, "-S", elf], check=True, capture_output=True, text=True).stdout.splitlines():
        fields = line.split()
        if len(fields) == 4:
            sizes[fields[3]] = int(fields[1], 16)
    code = Code(objdump, elf)
    depth = Depth(code)
    total, words = 0, []
    for level in LEVELS:
        missing = [handler for handler in level if handler not in code.frame]
        if missing:
            code.errors.append(f"no handler {missing}")
            continue
        deepest = max(level, key=depth.of)
        total += depth.of(deepest) + FRAME
        words.append(f"{deepest} {depth.of(deepest)}")
    main_stack, worker_stack = sizes["kernel_main_stack"], sizes["kernel_worker_stack"]
    print(f"check_stacks: all handlers on top of each other take {total} of {main_stack} bytes ({', '.join(words)})")
    if total > main_stack:
        code.errors.append("the stack of exceptions is too small")
    if total + WORKER_OWN > worker_stack:
        code.errors.append("the worker's stack is too small")
    for error in sorted(set(code.errors)):
        print(f"check_stacks: {error}", file=sys.stderr)
    if code.errors:
        sys.exit(1)


if __name__ == "__main__":
    main()
