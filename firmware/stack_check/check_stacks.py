#!/usr/bin/env python3
"""Bounds every stack of an image, and fails if a bound exceeds the stack.

    check_stacks.py --objdump OBJDUMP [--usage FOLDER]... --report FILE [--calls FILE] IMAGE.elf DATA.toml...

The bound of a stack is the deepest path of calls from the functions that start on it, and what exceptions put on top. Its
parts: machine_code.py (functions and frames), stack_usage.py (the compiler's view of the frames), call_graph.py (calls, also
through pointers), depths.py (the deepest path, and recursion). DATA.toml has, beside [[pointer]] and [[recursion]]:

    [[level]]                      exceptions of one urgency, the least urgent level first
    handlers = ["svc_handler"]
    frame_above = 76               bytes that the next exception puts on the stack if it interrupts one of these
    stacks = ["kernel_main_stack"] where alone they run; without it, on every stack with handlers

    [[stack]]
    symbol = "kernel_worker_stack" the array; or `between`, two symbols
    reserved = 8                   bytes at its top that are not for use
    base = ["kernel::worker_main"] where what runs on it begins
    frame_above = 76               as in a level; 0 if nothing interrupts it
    handlers = true                whether the handlers of exceptions run on it too

    [[stack_pointer]]              functions that set the stack pointer from a register, which says nothing of how deep it gets
    functions = ["svc_handler"]
    why = "..."

    [[uncalled]]                   functions whose address is taken and which are nevertheless not called through it
    functions = ["__tcf_0"]
    why = "..."
"""
from __future__ import annotations

import argparse
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from call_graph import CallGraph
from depths import Depths, Node
from machine_code import MachineCode
from stack_usage import StackUsage


@dataclass
class Bound:
    """`parts`: what stands on the stack from its base up, in bytes, with the paths of calls."""
    name: str
    address: int
    size: int
    parts: list[tuple[str, int, list[tuple[str, int]]]]

    @property
    def bytes(self) -> int:
        return sum(part[1] for part in self.parts)


class Check:
    def __init__(self, code: MachineCode, usage: StackUsage, data: dict[str, list[dict]]) -> None:
        self.code, self.data = code, data
        self.graph = CallGraph(code, data.get("pointer", []))
        frames = {address: usage.frame(function) for address, function in code.functions.items()}
        self.depths = Depths(self.graph, frames, data.get("recursion", []))
        self.errors = self.graph.errors + self.depths.errors
        self.errors += [f"{name} has a frame without bound" for name in usage.unbounded if code.named(name)]
        self._check_stack_pointer()
        self.bounds = [self._bound(stack) for stack in data.get("stack", [])]
        self._check_pointers_taken()
        self.errors += [f"{bound.name} may need {bound.bytes} bytes and has {bound.size}"
                        for bound in self.bounds if bound.bytes > bound.size]

    def _deepest(self, names: list[str]) -> Node | None:
        nodes = []
        for name in names:
            found = self.code.named(name)
            if not found:
                self.errors.append(f"{name} is not in the image")
            nodes += [self.depths.of(function.address) for function in found]
        return max(nodes, key=lambda node: node.depth, default=None)

    def _bound(self, stack: dict) -> Bound:
        levels = [stack["base"], *(level["handlers"] for level in self._levels(stack))]
        frames = [entry.get("frame_above", 0) for entry in [stack, *self._levels(stack)]]
        parts = [("reserved", stack.get("reserved", 0), [])]
        for names, frame in zip(levels, frames):
            if node := self._deepest(names):
                path = self.depths.path(node)
                parts += [(path[0][0], node.depth, path), ("exception frame", frame, [])]
        low = self.code.symbols.get(stack.get("symbol") or stack["between"][0], 0)
        high = self.code.symbols[stack["between"][1]] if "between" in stack else low + self.code.sizes.get(stack["symbol"], 0)
        return Bound(stack.get("symbol", "the stack"), low, high - low, [part for part in parts if part[1]])

    def _levels(self, stack: dict) -> list[dict]:
        if not stack.get("handlers"):
            return []
        return [level for level in self.data.get("level", []) if stack.get("symbol") in level.get("stacks", [stack.get("symbol")])]

    def _check_stack_pointer(self) -> None:
        moving = {function.name for function in self.code.functions.values() if function.moves_by_register}
        listed = {name for entry in self.data.get("stack_pointer", []) for name in entry["functions"]}
        self.errors += [f"{name} moves the stack pointer by a register" for name in moving - listed]
        self.errors += [f"{name} is listed for its stack pointer, which it does not move" for name in listed - moving]

    def _check_pointers_taken(self) -> None:
        """What is pointed to is called by somebody: the list of calls through pointers has not forgotten it."""
        names = [name for level in self.data.get("level", []) for name in level["handlers"]]
        names += [name for stack in self.data.get("stack", []) for name in stack["base"]]
        uncalled = [name for entry in self.data.get("uncalled", []) for name in entry["functions"]]
        self.errors += [f"{name} is listed as uncalled, and is not in the image" for name in uncalled if not self.code.named(name)]
        called = self.graph.targets | {address for name in names + uncalled for address in self.graph.matching(name)}
        for address, place in self.code.taken.items():
            if address not in called:
                name = self.code.functions[address].name
                self.errors.append(f"{place} points to {name}, and no call is listed that leads there")


def report(bounds: list[Bound]) -> str:
    """A line for each stack (symbol, address, bound, size), and indented what it is made of."""
    lines = []
    for bound in bounds:
        lines.append(f"{bound.name.replace(' ', '_')} {bound.address:#x} {bound.bytes} {bound.size}")
        for name, size, path in bound.parts:
            lines.append(f"  {size:5} {name}")
            lines += [f"        {frame:5} {function}" for function, frame in path]
    return "\n".join(lines) + "\n"


def pointer_calls(graph: CallGraph) -> str:
    """For tests: a line for each call through a pointer, with its address, the register and where it may lead."""
    return "".join(f"{call.address:#x} {call.register}{''.join(f' {target:#x}' for target in sorted(targets))}\n"
                   for call, targets in graph.pointers)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--objdump", required=True)
    parser.add_argument("--usage", action="append", type=Path, default=[])
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--calls", type=Path)
    parser.add_argument("image")
    parser.add_argument("data", nargs="+", type=Path)
    arguments = parser.parse_args()
    data: dict[str, list[dict]] = {}
    for file in arguments.data:
        for key, entries in tomllib.loads(file.read_text()).items():
            data.setdefault(key, []).extend(entries)
    usage = StackUsage()
    for folder in arguments.usage:
        usage.read(folder)
    check = Check(MachineCode(arguments.objdump, arguments.image), usage, data)
    arguments.report.write_text(report(check.bounds))
    if arguments.calls:
        arguments.calls.write_text(pointer_calls(check.graph))
    for bound in check.bounds:
        print(f"check_stacks: {bound.name}: at most {bound.bytes} of {bound.size} bytes")
    print(f"check_stacks: {usage.agree} frames as -fstack-usage says, {usage.differ} where more counts, "
          f"{usage.unknown} of assembly and libraries")
    for error in sorted(set(check.errors)):
        print(f"check_stacks: {error}", file=sys.stderr)
    if check.errors:
        sys.exit("check_stacks: what may be said of it stands in " + ", ".join(str(file) for file in arguments.data))


if __name__ == "__main__":
    main()
