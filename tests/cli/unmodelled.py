#!/usr/bin/python3
"""A program that uses what the board does not model: whoever runs it is told, once a register.

Usage: unmodelled.py MICROVISOR GUESTS. The guest `unmodelled` reads, writes and reads two registers each of SPI1 and ADC1.
"""
import pathlib
import subprocess
import sys


def main():
    microvisor, guests = sys.argv[1], pathlib.Path(sys.argv[2])
    result = subprocess.run([microvisor, "board", "exec", guests / "unmodelled.elf", "--semihosting"], capture_output=True, text=True,
                            timeout=60)
    named = [line.split(" uses ")[1].split(",")[0] for line in result.stderr.splitlines() if "does not model" in line]
    if result.returncode != 0 or named != ["SPI1.CFG1", "SPI1.CRCPOLY", "ADC1.CFGR1", "ADC1.CCR"]:
        sys.exit(f"exit status {result.returncode}, named {named}:\n{result.stderr}")


if __name__ == "__main__":
    main()
