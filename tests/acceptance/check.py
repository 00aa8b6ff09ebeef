#!/usr/bin/python3
"""Tables that name the tests which show what they say: checks that those tests exist.

Usage: check.py BUILD_DIRECTORY DOCUMENT... Each document has tables with a column "test", where a test is written as `name`: a
CTest name, or a pattern with * at its end. What runs elsewhere is written as `script/...`: then that script must exist.
"""
import fnmatch
import json
import pathlib
import re
import subprocess
import sys


def known_tests(build):
    listing = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], check=True, capture_output=True)
    return {test["name"] for test in json.loads(listing.stdout)["tests"]}


def named_tests(document):
    """The number of the line and the name of each test; a row of a table without one is an error of its own."""
    column = None
    for number, line in enumerate(document.read_text().splitlines(), 1):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
        if not line.startswith("|"):
            column = None
        elif "test" in cells:
            column = cells.index("test")
        elif column is not None and not set(cells[0]) <= set("-: "):
            names = re.findall(r"`([^`]+)`", cells[column])
            yield from ((number, name) for name in names or ["(none)"])


def main():
    build, documents = sys.argv[1], [pathlib.Path(name) for name in sys.argv[2:]]
    root = pathlib.Path(__file__).resolve().parents[2]
    tests = known_tests(build)
    missing = []
    for document in documents:
        count = 0
        for number, name in named_tests(document):
            count += 1
            if name.startswith("script/"):
                found = (root / name.split()[0]).exists()
            else:
                found = any(fnmatch.fnmatchcase(test, name) for test in tests)
            if not found:
                missing.append(f"{document.name}:{number}: no such test: {name}")
        if count == 0:
            missing.append(f"{document.name}: names no test")
        print(f"{document.name}: {count} tests named")
    print("\n".join(missing) or "all of them exist")
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
