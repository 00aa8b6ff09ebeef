"""What the linked machine code says: functions, the stack each takes, whom it calls, and tables of pointers to functions.

Functions are known by address; people call them by a short name, without parameters, template arguments, return type,
`microvisor::`, `firmware::` and what the compiler adds to the name of a copy."""
from __future__ import annotations

import re
import subprocess
from bisect import bisect_right
from dataclasses import dataclass, field

REGISTERS = {"sl": 10, "fp": 11, "ip": 12, "sp": 13, "lr": 14, "pc": 15}
CLOBBERED = {"r0", "r1", "r2", "r3", "ip"}  # by a call (AAPCS32)
VTABLE = "vtable for "
FIRST_SLOT = 8  # of a vtable: offset to top and type information stand before it
SYMBOL = re.compile(r"([0-9a-f]{8}) .{6}(.) \S+\t([0-9a-f]{8}) (?:\.hidden )?(.*)")
LABEL = re.compile(r"([0-9a-f]{8}) <(.*)>:$")
INSTRUCTION = re.compile(r"\s*([0-9a-f]+):\t[0-9a-f ]+\t(\S+)\s*([^@]*)")
CONTENTS = re.compile(r" ([0-9a-f]+) ((?:[0-9a-f]+ ){1,4})")
TARGET = re.compile(r"(?:^|\s)([0-9a-f]+) <")
ENDS = re.compile(r"(b|b\.n|b\.w|bx|bxns|udf)\s|(pop|ldmia|ldr).*\bpc\b|\.")  # nothing runs on behind these
WRITES_NOTHING = re.compile(r"str|cmp|cmn|tst|teq|b(?!ic|fi|fc)|cb|msr")


@dataclass
class IndirectCall:
    """A call through a register. `offset`: where in a table it was read; None if that is not certain."""
    address: int
    register: int
    offset: int | None


@dataclass
class Function:
    address: int
    name: str
    frame: int = 0
    calls: set[int] = field(default_factory=set)
    indirect: list[IndirectCall] = field(default_factory=list)
    moves_by_register: bool = False


@dataclass
class Instruction:
    address: int
    operation: str
    operands: str


def short_name(name: str) -> str:
    name = re.sub(r" \[clone [^]]*\]| \[with .*\]", "", name)
    name = re.sub(r"\.(constprop|isra|part|cold|lto_priv)\b(\.\d+)?", "", name)
    name = re.sub(r"\(anonymous namespace\)::|\{anonymous\}::", "", name)
    name = re.sub(r"\b(microvisor|firmware)::", "", name)
    name = re.sub(r"\boperator(<=>|<<|>>|[<>]=?|\(\))", "operator", name)
    while (shorter := re.sub(r"\([^()]*\)|<[^<>]*>", "", name)) != name:
        name = shorter
    name = re.sub(r" const\b", "", name)
    return name if name.startswith(VTABLE) else name.rsplit(" ", 1)[-1].lstrip("*&")


def register(name: str) -> int:
    return REGISTERS[name] if name in REGISTERS else int(name[1:])


def listed_registers(operands: str) -> int:
    """How many stand in {r4-r6, lr}."""
    count = 0
    for part in re.search(r"\{(.*)\}", operands)[1].split(","):
        ends = [register(name.strip()) for name in part.split("-")]
        count += ends[-1] - ends[0] + 1
    return count


def pushed(code: Instruction) -> int | None:
    """Bytes by which an instruction lowers the stack pointer; None if a register says how far."""
    if code.operation.startswith("push") or (code.operation.startswith("stmdb") and code.operands.startswith("sp!")):
        return 4 * listed_registers(code.operands)
    if code.operation.startswith("str") and (indexed := re.search(r"\[sp, #-(\d+)\]!$", code.operands)):
        return int(indexed[1])
    if re.match(r"(sub|add|mov)", code.operation) and re.match(r"sp\b", code.operands):
        immediate = re.search(r"#(-?\d+)", code.operands)
        if not immediate:
            return None
        by = int(immediate[1])
        return max(0, by if code.operation.startswith("sub") else -by)
    return 8 if code.operation == "blxns" else 0  # return address and RETPSR (Armv8-M ARM, BLXNS)


class MachineCode:
    """`functions` by address; `tables`: short name of an object to its words that are addresses of functions, by offset."""

    def __init__(self, objdump: str, elf: str) -> None:
        self.functions: dict[int, Function] = {}
        self.tables: dict[str, dict[int, int]] = {}
        self.sizes: dict[str, int] = {}
        self.symbols: dict[str, int] = {}
        self.taken: dict[int, str] = {}  # functions whose address stands somewhere, and where
        self._labels: set[int] = set()  # of assembly, in the middle of a function or between two
        self._names: dict[int, str] = {}
        self._objects: list[tuple[str, int, int]] = []
        def dump(*arguments: str) -> str:
            return subprocess.run([objdump, *arguments, elf], check=True, capture_output=True, text=True).stdout
        self._read_symbols(dump("-t", "-C"))
        self._read_code(dump("-d", "-j", ".text", "-j", ".data"))
        self._read_tables(dump("-s", "-j", ".rodata", "-j", ".data"))

    def named(self, name: str) -> list[Function]:
        return [function for function in self.functions.values() if function.name == name]

    def _read_symbols(self, listing: str) -> None:
        for line in listing.splitlines():
            if not (found := SYMBOL.match(line)):
                continue
            address, kind, size, name = int(found[1], 16), found[2], int(found[3], 16), short_name(found[4])
            self.symbols[name] = address
            if kind == "O":
                self.sizes[name] = size
                self._objects.append((name, address, size))
            elif kind == "F":
                self._names.setdefault(address & ~1, name)

    def _read_code(self, listing: str) -> None:
        bodies: dict[int, list[Instruction]] = {}
        body: list[Instruction] = []
        for line in listing.splitlines():
            if label := LABEL.match(line):
                address = int(label[1], 16)
                body = bodies.setdefault(address, [])
                if address not in self._names:
                    self._labels.add(address)
                    self._names[address] = short_name(label[2])
            elif found := INSTRUCTION.match(line):
                body.append(Instruction(int(found[1], 16), found[2], found[3].strip()))
        # Data among the code of .data has nothing but words.
        bodies = {address: body for address, body in bodies.items()
                  if any(not code.operation.startswith(".") for code in body)}
        self._starts = sorted(bodies)
        self.functions = {address: Function(address, self._names[address]) for address in bodies}
        for address, body in bodies.items():
            self._read_frame(self.functions[address], body)
            self._read_calls(self.functions[address], body)
            self._read_pointers(self.functions[address], body)

    def _containing(self, address: int) -> int:
        return self._starts[bisect_right(self._starts, address & ~1) - 1]

    @staticmethod
    def _read_frame(function: Function, body: list[Instruction]) -> None:
        for code in body:
            down = pushed(code)
            function.moves_by_register |= down is None
            function.frame += down or 0

    def _read_calls(self, function: Function, body: list[Instruction]) -> None:
        joins = join_points(body)
        for index, code in enumerate(body):
            if code.operation[0] in "bc" and (found := TARGET.search(code.operands)):
                target = self._containing(int(found[1], 16))
                if target != function.address or code.operation == "bl":
                    function.calls.add(target)
            elif re.match(r"blx?(ns)?$|bx(ns)?$", code.operation) and code.operands != "lr":
                function.indirect.append(IndirectCall(code.address, register(code.operands), read_offset(body, index, joins)))
            elif is_long_branch(code):
                function.calls.add(self._containing(int(body[index + 1].operands, 16)))
        following = self._starts[bisect_right(self._starts, function.address):][:1]
        if following and following[0] in self._labels and not ENDS.match(f"{body[-1].operation} {body[-1].operands}"):
            function.calls.add(following[0])

    def _read_pointers(self, function: Function, body: list[Instruction]) -> None:
        """Addresses of functions among the constants behind the code, or put together by MOVW and MOVT."""
        low: dict[str, int] = {}
        for before, code in zip([body[0], *body], body):
            half = re.match(r"(\w+), #(\d+)$", code.operands)
            if code.operation == ".word" and not is_long_branch(before):
                self._take(int(code.operands, 16), function.name)
            elif code.operation == "movw" and half:
                low[half[1]] = int(half[2])
            elif code.operation == "movt" and half:
                self._take(int(half[2]) << 16 | low.get(half[1], 0), function.name)

    def _take(self, word: int, place: str) -> None:
        if word & 1 and word & ~1 in self.functions:
            self.taken.setdefault(word & ~1, place)

    def _read_tables(self, listing: str) -> None:
        words: dict[int, int] = {}
        for line in listing.splitlines():
            if found := CONTENTS.match(line):
                data = bytes.fromhex(found[2].replace(" ", ""))
                for at in range(0, len(data) - 3, 4):
                    words[int(found[1], 16) + at] = int.from_bytes(data[at:at + 4], "little")
        for name, address, size in self._objects:
            first = FIRST_SLOT if name.startswith(VTABLE) else 0
            slots = {at - first: words[address + at] & ~1 for at in range(first, size - 3, 4)
                     if words.get(address + at, 0) & 1 and words[address + at] & ~1 in self.functions}
            for target in slots.values():
                self.taken.setdefault(target, name)
            if slots:
                self.tables.setdefault(name, {}).update(slots)


def is_long_branch(code: Instruction) -> bool:
    """The linker's, by the word behind it."""
    return code.operation == "ldr.w" and code.operands == "pc, [pc]"


def join_points(body: list[Instruction]) -> set[int]:
    """Where branches of the function lead."""
    joins: set[int] = set()
    for index, code in enumerate(body):
        if code.operation[0] in "bc" and (found := TARGET.search(code.operands)):
            joins.add(int(found[1], 16))
        elif code.operation in ("tbb", "tbh"):
            joins |= jump_table_targets(body, index)
    return joins


def jump_table_targets(body: list[Instruction], at: int) -> set[int]:
    """Where TBB or TBH at index `at` may lead: its table, of distances in halfwords, follows it."""
    width = 1 if body[at].operation == "tbb" else 2
    data = b""
    for code in body[at + 1:]:
        if not code.operation.startswith("."):
            break
        data += int(code.operands, 16).to_bytes({".word": 4, ".short": 2, ".byte": 1}[code.operation], "little")
    distances = [int.from_bytes(data[entry:entry + width], "little") for entry in range(0, len(data), width)]
    return {body[at].address + 4 + 2 * distance for distance in distances}


def read_offset(body: list[Instruction], call: int, joins: set[int]) -> int | None:
    """The offset at which the register of the call at index `call` was read, if nothing else can lead there."""
    wanted = body[call].operands
    for following, code in zip(reversed(body[1:call + 1]), reversed(body[:call])):
        clobbered = code.operation.startswith("bl") and wanted in CLOBBERED
        if following.address in joins or clobbered or ("{" in code.operands and re.search(rf"\b{wanted}\b", code.operands)):
            return None
        if WRITES_NOTHING.match(code.operation) or not re.match(rf"(\w+, )?{wanted}\b", code.operands):
            continue
        if copied := re.match(rf"{wanted}, (\w+)$", code.operands) if code.operation == "mov" else None:
            wanted = copied[1]
            continue
        found = re.match(rf"{wanted}, \[\w+(?:, #(\d+))?\]$", code.operands)
        return int(found[1] or 0) if found and code.operation in ("ldr", "ldr.w") else None
    return None
