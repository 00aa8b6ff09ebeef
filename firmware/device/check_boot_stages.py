#!/usr/bin/env python3
"""Adds up the boot stages: check_boot_stages.py LIMIT OUT.size STAGE.size...

Reads what check_image.py wrote, prints one line, fails above the limit (bytes of flash)."""
import json
import pathlib
import sys


def main():
    limit, out, *stages = sys.argv[1:]
    sizes = [json.loads(pathlib.Path(stage).read_text(encoding="ascii"))["flash"] for stage in stages]
    total = sum(sizes)
    print(f"boot stages: {' + '.join(map(str, sizes))} = {total} of at most {limit} bytes")
    if total > int(limit):
        sys.exit("the boot stages have grown too large")
    pathlib.Path(out).write_text(json.dumps({"flash": total}), encoding="ascii")


if __name__ == "__main__":
    main()
