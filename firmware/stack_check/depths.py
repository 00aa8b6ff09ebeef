"""How deep the stack gets below a function: the frames along the deepest path of calls.

Functions that call each other in a circle are one node of the graph. The data file names each such circle and says how often
one function of it can stand on the stack at once:

    [[recursion]]
    functions = ["decode_field", "pb_decode_inner"]
    depth = 3
    why = "..."

The circle then costs all its frames as many times. A circle that is not listed is an error."""
from __future__ import annotations

import sys
from dataclasses import dataclass

from call_graph import CallGraph


@dataclass
class Recursion:
    functions: set[str]
    depth: int
    used: bool = False

    @staticmethod
    def read(entry: dict) -> Recursion:
        if not entry.get("why"):
            raise ValueError(f"no reason is given for {entry}")
        return Recursion(set(entry["functions"]), entry["depth"])


@dataclass
class Node:
    """A function, or all functions of a circle."""
    functions: list[int]
    frame: int
    below: Node | None  # the deepest of what it calls
    depth: int


class Depths:
    def __init__(self, graph: CallGraph, frames: dict[int, int], recursions: list[dict]) -> None:
        self.errors: list[str] = []
        self._graph, self._frames = graph, frames
        self._recursions = [Recursion.read(entry) for entry in recursions]
        self._nodes: dict[int, Node] = {}
        self._order: dict[int, int] = {}  # Tarjan's algorithm: when a function was found,
        self._low: dict[int, int] = {}    # the earliest that it leads to,
        self._open: list[int] = []        # and those whose circle is not complete
        sys.setrecursionlimit(10_000)
        for address in graph.calls:
            if address not in self._order:
                self._visit(address)
        self.errors += [f"the circle of {', '.join(sorted(entry.functions))} is listed, and is not in the image"
                        for entry in self._recursions if not entry.used]

    def of(self, address: int) -> Node:
        return self._nodes[address]

    def name(self, node: Node) -> str:
        names = sorted({self._graph.code.functions[address].name for address in node.functions})
        return names[0] if len(names) == 1 else f"circle of {', '.join(names)}"

    def path(self, node: Node | None) -> list[tuple[str, int]]:
        """Name and frame along the deepest path."""
        steps = []
        while node:
            steps.append((self.name(node), node.frame))
            node = node.below
        return steps

    def _visit(self, address: int) -> None:
        self._order[address] = self._low[address] = len(self._order)
        self._open.append(address)
        for target in self._graph.calls[address]:
            if target not in self._order:
                self._visit(target)
                self._low[address] = min(self._low[address], self._low[target])
            elif target not in self._nodes:
                self._low[address] = min(self._low[address], self._order[target])
        if self._low[address] == self._order[address]:
            at = self._open.index(address)
            circle, self._open = self._open[at:], self._open[:at]
            self._close(circle)

    def _close(self, circle: list[int]) -> None:
        frame = sum(self._frames[address] for address in circle)
        if len(circle) > 1 or circle[0] in self._graph.calls[circle[0]]:
            frame *= self._times({self._graph.code.functions[address].name for address in circle})
        outside = {target for address in circle for target in self._graph.calls[address]} - set(circle)
        below = max((self._nodes[target] for target in outside), key=lambda node: node.depth, default=None)
        node = Node(circle, frame, below, frame + (below.depth if below else 0))
        self._nodes.update((address, node) for address in circle)

    def _times(self, names: set[str]) -> int:
        for entry in self._recursions:
            if names <= entry.functions:
                entry.used = True
                return entry.depth
        told = f"{', '.join(sorted(names))} call each other" if len(names) > 1 else f"{next(iter(names))} calls itself"
        self.errors.append(f"{told} in a circle that is not listed")
        return 1
