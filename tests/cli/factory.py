#!/usr/bin/python3
"""`microvisor run --factory-test`: the application is the production line's, and its verdict is a line of the stream.

Usage: factory.py MICROVISOR APPLICATION.elf VERDICT
"""
import sys

import run_output


def main():
    microvisor, application, verdict = sys.argv[1:]
    output = run_output.run(microvisor, application, 8, "--factory-test")
    texts = [record.text for record in output.of_kind("test_log")]
    if texts != ["line test begins", "line test ends"]:
        output.fail(f"the line's console has {texts}")
    verdicts = [record.text for record in output.records if record.text.startswith("testing complete")]
    if verdicts != [f"testing complete: {verdict}"]:
        output.fail(f"verdicts {verdicts}")
    print(verdicts[0])


if __name__ == "__main__":
    main()
