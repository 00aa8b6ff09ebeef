#!/usr/bin/python3
"""Dependencies point one way: checks every #include "folder/..." of the tree.

Two rules. A top folder includes only what USES allows it. And inside a top folder the sub-folders form no cycle.
"""
import collections
import pathlib
import re
import sys

USES = {
    "abi": set(),
    "protocol": set(),
    "firmware": {"abi", "protocol"},
    "board": set(),
    "cloud": {"protocol"},
    "sdk": {"abi"},
    "examples": set(),
    "cli": {"abi", "protocol", "firmware", "board", "cloud"},
    "tests": {"abi", "protocol", "firmware", "board", "cloud", "cli"},
    "bench": {"abi", "protocol", "firmware", "board", "cloud", "cli"},
    "fuzz": {"abi", "protocol", "firmware", "board", "cloud"},
}
SOURCES = {".c", ".cpp", ".h", ".hpp", ".S"}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([a-z_]+)/([^"]+)"', re.MULTILINE)


def files(root):
    for folder in USES:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in SOURCES and path.is_file():
                yield folder, path.relative_to(root)


def sub_folder(path):
    parts = pathlib.PurePath(path).parts
    return "/".join(parts[:2]) if len(parts) > 2 else None


def find_cycle(graph):
    state = {}

    def visit(node, trail):
        state[node] = "open"
        for successor in sorted(graph[node]):
            if state.get(successor) == "open":
                return trail + [node, successor]
            if successor not in state and (cycle := visit(successor, trail + [node])):
                return cycle
        state[node] = "done"
        return None

    for node in sorted(graph):
        if node not in state and (cycle := visit(node, [])):
            return cycle[cycle.index(cycle[-1]):]
    return None


def check(root):
    complaints = []
    graph = collections.defaultdict(set)
    count = 0
    for folder, path in files(root):
        count += 1
        text = (root / path).read_text(encoding="utf-8", errors="replace")
        for target, rest in INCLUDE.findall(text):
            if target not in USES:
                continue
            if target != folder and target not in USES[folder]:
                complaints.append(f"{path}: {folder}/ must not include {target}/{rest}")
            source, destination = sub_folder(path), sub_folder(f"{target}/{rest}")
            # A test may look at anything in its own top folder.
            if source and destination and source != destination and not path.stem.endswith("_test"):
                graph[source].add(destination)
    if cycle := find_cycle({node: graph.get(node, set()) for node in set(graph) | set().union(*graph.values(), set())}):
        complaints.append("folders in a circle: " + " -> ".join(cycle))
    return complaints, count


def main():
    complaints, count = check(pathlib.Path(sys.argv[1]))
    for line in complaints:
        print(line)
    if count == 0:
        sys.exit("no source file found: wrong directory?")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
