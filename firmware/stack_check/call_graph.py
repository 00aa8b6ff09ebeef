"""Who may call whom: the branches of the machine code, and what the data file says of calls through pointers.

The data file (TOML) has for every function that calls through a pointer where that may lead:

    [[pointer]]
    in = ["vault::Store::*"]                         functions with such a call; * stands for anything
    through = ["vtable for stm32u5::InternalFlash"]  tables; what counts stands where the call reads it, else all
    to = ["kernel::yield_or_feed"]                   functions, or tables of which all counts
    why = "..."

A function that calls through a pointer and is not there is an error, as is an entry that nothing in the image needs."""
from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from machine_code import Function, IndirectCall, MachineCode


@dataclass
class PointerRule:
    callers: list[str]
    through: list[str]
    to: list[str]
    used: set[str] = field(default_factory=set)

    @staticmethod
    def read(entry: dict) -> PointerRule:
        if not entry.get("why"):
            raise ValueError(f"no reason is given for {entry}")
        return PointerRule(entry["in"], entry.get("through", []), entry.get("to", []))


class CallGraph:
    """`calls`: for each function's address those that it may call; `pointers`: each call through one, and where it may lead."""

    def __init__(self, code: MachineCode, pointers: list[dict]) -> None:
        self.code = code
        self.errors: list[str] = []
        self.calls: dict[int, set[int]] = {address: set(function.calls) for address, function in code.functions.items()}
        self.pointers: list[tuple[IndirectCall, set[int]]] = []
        self._rules = [PointerRule.read(entry) for entry in pointers]
        self._by_name: dict[str, list[int]] = {}
        for function in code.functions.values():
            self._by_name.setdefault(function.name, []).append(function.address)
        for function in code.functions.values():
            for call in function.indirect:
                self._add(function, call)
        self.targets = {target for rule in self._rules for target in self._all(rule)}
        for rule in self._rules:
            unknown = [name for name in rule.callers if name not in rule.used]
            unknown += [name for name in rule.through if name not in code.tables]
            unknown += [name for name in rule.to if name not in code.tables and not self.matching(name)]
            self.errors += [f"{name} is listed among calls through pointers, and is not in the image" for name in unknown]

    def matching(self, pattern: str) -> list[int]:
        if "*" not in pattern:
            return self._by_name.get(pattern, [])
        return [address for name, addresses in self._by_name.items() if fnmatchcase(name, pattern) for address in addresses]

    def _add(self, function: Function, call: IndirectCall) -> None:
        rules = []
        for rule in self._rules:
            if patterns := [pattern for pattern in rule.callers if fnmatchcase(function.name, pattern)]:
                rule.used.update(patterns)
                rules.append(rule)
        if not rules:
            self.errors.append(f"{function.name} calls through a pointer at {call.address:#x} and is not listed")
        tables = [self.code.tables.get(name, {}) for rule in rules for name in rule.through]
        slot = {table[call.offset] for table in tables if call.offset in table}
        anywhere = {target for table in tables for target in table.values()}
        targets = (slot or anywhere).union(*(self._functions(rule.to) for rule in rules))
        self.calls[function.address] |= targets
        self.pointers.append((call, targets))

    def _functions(self, names: list[str]) -> set[int]:
        """Functions, and what stands in tables."""
        return {address for name in names
                for address in (self.code.tables[name].values() if name in self.code.tables else self.matching(name))}

    def _all(self, rule: PointerRule) -> set[int]:
        return self._functions(rule.through) | self._functions(rule.to)
