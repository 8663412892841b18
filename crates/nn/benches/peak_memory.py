#!/usr/bin/env python3
"""Runs a command and prints, after its output, the peak resident memory of it and its children.

    peak_memory.py COMMAND [ARGUMENT...]
"""
import resource
import subprocess
import sys


def main(command):
    if not command:
        sys.exit(__doc__)
    status = subprocess.run(command, check=False).returncode
    # Linux counts in KB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    print(f"peak resident {peak / 1e6:.1f} MB: {command[0]}", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
