#!/usr/bin/python3
"""Runs fuzzing programs from their corpus, and says how to replay what they find.

Usage: run.py FUZZ_BUILD [--runs N] [--seconds S] [--seed N] [TARGET...]. Each target runs until either limit (no N: only the time
counts). New inputs that reach new code go to FUZZ_BUILD/found/TARGET, where the next run without N begins, those that fail to
FUZZ_BUILD/failed; the tree's corpus stays as it is. The last line is "torture: N cases, M failed": a case is one input, a failure one target.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def run_target(build, target, arguments):
    """(inputs tried, error text or None)"""
    program = build / "fuzz" / f"fuzz_{target}"
    found, failed = build / "found" / target, build / "failed"
    if arguments.runs:  # the same inputs each time
        shutil.rmtree(found, ignore_errors=True)
    for folder in (found, failed):
        folder.mkdir(parents=True, exist_ok=True)
    limits = [f"-runs={arguments.runs}"] if arguments.runs else []
    result = subprocess.run([str(program), f"-seed={arguments.seed}", f"-max_total_time={arguments.seconds}", *limits,
                             "-max_len=8192", "-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1",
                             f"-artifact_prefix={failed}/{target}-", str(found), str(HERE / "corpus" / target)],
                            capture_output=True, text=True, errors="replace")
    tried = re.search(r"stat::number_of_executed_units: +(\d+)", result.stderr)
    count = int(tried[1]) if tried else 0
    if result.returncode == 0 and count > 0:
        return count, None
    replay = re.search(r"Test unit written to (\S+)", result.stderr)
    command = f"{program} {replay[1]}" if replay else f"{program} -seed={arguments.seed} {found} {HERE / 'corpus' / target}"
    return count, f"{target} fails; replay: {command}\n{result.stderr[-4000:]}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--runs", type=int)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_intermixed_args()
    targets = arguments.targets or sorted(folder.name for folder in (HERE / "corpus").iterdir())
    cases = failures = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for target, (count, error) in zip(targets, pool.map(lambda name: run_target(arguments.build, name, arguments), targets)):
            cases += count
            failures += error is not None
            print(error or f"{target}: {count} inputs", flush=True)
    print(f"torture: {cases} cases, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
