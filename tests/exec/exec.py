#!/usr/bin/python3
"""The contract of `microvisor board exec`, line by line.

Usage: exec.py MICROVISOR GUESTS CASE. GUESTS holds newlib.elf and ending_N.elf; each case is a function below.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

MICROVISOR, GUESTS = sys.argv[1], pathlib.Path(sys.argv[2])
ENDLESS, LOCKUP, ASLEEP = 4, 5, 6


def run(guest, *options, stdin=""):
    name = guest if isinstance(guest, str) else f"ending_{guest}.elf"
    return subprocess.run([MICROVISOR, "board", "exec", str(GUESTS / name), *options], input=stdin, capture_output=True, text=True,
                          timeout=120)


def check(result, status, stdout="", lines=0):
    found = result.stderr.splitlines()
    if result.returncode != status or result.stdout != stdout or len(found) != lines:
        sys.exit(f"status {result.returncode} instead of {status}\nstdout: {result.stdout!r}\nstderr: {result.stderr!r}")
    return found


def status_of_the_firmware():
    check(run(0, "--semihosting"), 0)
    check(run(1, "--semihosting"), 1)
    check(run(2, "--semihosting"), 42)
    check(run(3, "--semihosting"), 1)


def chip_as_at_reset():
    """Segments at their physical addresses, TZEN = 1, SECBOOTADD0 = the lowest flash segment, all else as at reset."""
    check(run(7, "--semihosting"), 0)


def out_of_instructions():
    line, = check(run(ENDLESS, "--max-instructions", "100000"), 124, lines=1)
    assert "--max-instructions" in line, line


def maximum_is_exact():
    result = run(ENDLESS, "--max-instructions", "123457", "--stats")
    assert json.loads(result.stderr.splitlines()[-1])["instructions"] == 123457, result.stderr


def locked_up():
    line, = check(run(LOCKUP), 125, lines=1)
    assert "locked up" in line, line


def asleep_for_good():
    line, = check(run(ASLEEP), 126, lines=1)
    assert "sleeps" in line, line


def without_semihosting_a_bkpt_is_a_fault():
    check(run(0), 125, lines=1)


def statistics():
    """Last line of stderr, with exactly these keys; one clock an instruction at 4 MHz."""
    for guest, status, lines in ((0, 0, 1), (ENDLESS, 124, 2)):
        last = check(run(guest, "--semihosting", "--max-instructions", "400000", "--stats"), status, lines=lines)[-1]
        values = json.loads(last)
        assert sorted(values) == ["instructions", "virtual_s", "wall_s"], last
        assert isinstance(values["instructions"], int), last
        assert abs(values["virtual_s"] - values["instructions"] / 4e6) < 1e-9, last
        assert values["wall_s"] >= 0, last


def newlib_program():
    """What a program linked with newlib's rdimon asks for."""
    expected = ("arguments: 1 newlib.elf\nread: one\nread: two\nto stderr\nterminal: 1\nfile: refused\nheap: x\nclock: runs\n"
                "remove: -1\n")
    check(run("newlib.elf", "--semihosting", stdin="one\ntwo\n"), 7, stdout=expected)


def repeatable():
    first, second = (run("newlib.elf", "--semihosting", "--stats", "--state-hash", stdin="x\n").stderr for _ in range(2))
    for key in ("instructions", "virtual_s", "state_hash"):
        assert json.loads(first)[key] == json.loads(second)[key], key


def refused_images():
    with tempfile.TemporaryDirectory() as folder:
        text = pathlib.Path(folder) / "text.elf"
        text.write_text("not an ELF file at all, but long enough to hold a header of one\n")
        whole = bytearray((GUESTS / "ending_0.elf").read_bytes())
        cut = pathlib.Path(folder) / "cut.elf"
        cut.write_bytes(whole[:200])
        elsewhere = pathlib.Path(folder) / "elsewhere.elf"
        table = int.from_bytes(whole[28:32], "little")
        whole[table + 12:table + 16] = (0x60000000).to_bytes(4, "little")  # p_paddr of the first segment
        elsewhere.write_bytes(whole)
        for path in (text, cut, elsewhere, pathlib.Path(folder) / "missing.elf", pathlib.Path(folder)):
            result = subprocess.run([MICROVISOR, "board", "exec", str(path)], capture_output=True, text=True, timeout=60)
            line, = check(result, 1, lines=1)
            assert path.name in line, line


def trace_of_a_bare_program():
    with tempfile.TemporaryDirectory() as folder:
        trace = pathlib.Path(folder) / "trace.json"
        check(run(LOCKUP, "--trace", str(trace)), 125, lines=1)
        events = json.loads(trace.read_text())
        begun = [event["name"] for event in events if event["ph"] == "B"]
        ended = [event["name"] for event in events if event["ph"] == "E"]
        # What is open when the core locks up ends with the trace, what began last first on each track.
        assert begun == ["main", "HardFault (S)", "broken_handler"], events
        assert ended == ["broken_handler", "HardFault (S)", "main"], events
        line, = check(run(0, "--trace", f"{folder}/none/trace.json"), 1, lines=1)
        assert "none/trace.json" in line, line
        line, = check(run(0, "--symbols", str(GUESTS / "ending_0.elf")), 1, lines=1)
        assert "--trace" in line, line


globals()[sys.argv[3]]()
