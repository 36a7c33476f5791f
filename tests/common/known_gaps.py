"""The tests that the box is known to fail: `NAME: reason`, or `NAME (sometimes): reason`, one a line.

A listed test runs all the same. It counts as passed while it fails; when it passes, it fails until its line is
taken away (unless it only fails sometimes). So the list can't go stale, and what it holds is said in the open.
"""
import pathlib
import re

LINE = re.compile(r"^(\w+)( \(sometimes\))?: (\S.*)$")


def read(path):
    """{name: (fails only sometimes, reason)}"""
    gaps = {}
    path = pathlib.Path(path)
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        if line and not line.startswith("#"):
            match = LINE.match(line)
            if not match:
                raise SystemExit(f"{path}: not `NAME: reason`: {line}")
            gaps[match[1]] = (bool(match[2]), match[3])
    return gaps


def judge(path, name, passed):
    """Whether the test counts as passed."""
    sometimes, reason = read(path).get(name, (True, None))
    if reason is None:
        return passed
    if passed and not sometimes:
        print(f"{name}: passes, but {path} says that it fails: take its line away")
        return False
    print(f"{name}: known gap: {reason}")
    return True
