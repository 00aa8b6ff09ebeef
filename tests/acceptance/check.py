#!/usr/bin/python3
"""docs/acceptance.md names, for every line that must hold, the test that shows it: checks that those tests exist.

Usage: check.py ACCEPTANCE.md BUILD_DIRECTORY. A test is written in the table as `name`: a CTest name, or a pattern with * at
its end. What runs elsewhere is written as `script/...`: then that script must exist.
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
    for number, line in enumerate(document.read_text().splitlines(), 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) >= 3 and not set(cells[0]) <= set("-: ") and cells[1] != "test":
            for name in re.findall(r"`([^`]+)`", cells[1]):
                yield number, name


def main():
    document, build = pathlib.Path(sys.argv[1]), sys.argv[2]
    root = document.resolve().parent.parent
    tests = known_tests(build)
    missing, count = [], 0
    for number, name in named_tests(document):
        count += 1
        if name.startswith("script/"):
            found = (root / name.split()[0]).exists()
        else:
            found = any(fnmatch.fnmatchcase(test, name) for test in tests)
        if not found:
            missing.append(f"{document.name}:{number}: no such test: {name}")
    print("\n".join(missing) or f"acceptance: {count} named tests exist")
    sys.exit(1 if missing or count == 0 else 0)


if __name__ == "__main__":
    main()
