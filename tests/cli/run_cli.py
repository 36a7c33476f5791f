#!/usr/bin/python3
"""Tests of the command `tine run`: its options, and bad input of every kind.

usage: run_cli.py --tine PATH [NAME...]     run_cli.py --list

A test is a function `test_NAME(box)` of tests_*.py beside this file; it fails by an assertion.
"""
import argparse
import dataclasses
import importlib
import os
import pathlib
import subprocess
import sys
import tempfile
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "common")]
import known_gaps  # noqa: E402  (its folder is put on the path above)

SECONDS = 60


@dataclasses.dataclass
class Result:
    out: str
    errors: str
    status: int

    def expect(self, status, out=None, error_contains=None, error_lines=None):
        assert self.status >= 0, f"tine itself died of signal {-self.status}\n{self}"
        assert self.status == status, f"exit status {self.status}, expected {status}\n{self}"
        if out is not None:
            assert self.out == out, f"stdout {self.out!r}, expected {out!r}\n{self}"
        if error_contains is not None:
            assert error_contains in self.errors, f"stderr lacks {error_contains!r}\n{self}"
        if error_lines is not None:
            assert len(self.errors.splitlines()) == error_lines, f"not {error_lines} lines of stderr\n{self}"
        return self


class Box:
    """Runs `tine` in a folder of its own."""

    def __init__(self, tine, folder):
        self.tine = tine
        self.folder = pathlib.Path(folder)

    def command(self, *arguments, options=()):
        return [self.tine, "run", *options, "--", *arguments]

    def run(self, *arguments, options=(), **more):
        return self.finish(self.command(*arguments, options=options), **more)

    def finish(self, command, stdin="", seconds=SECONDS, **more):
        """Any command, natively: the oracle of what the box should do."""
        if "pass_stdin" in more:
            stdin = None
            more.pop("pass_stdin")
        try:
            done = subprocess.run(command, cwd=self.folder, input=stdin, capture_output=True, text=True,
                                  errors="replace", timeout=seconds, check=False, **more)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"still running after {seconds} s: {command}\n{error.output}\n{error.stderr}") from error
        return Result(done.stdout, done.stderr, done.returncode)

    def start(self, *arguments, options=(), **more):
        return subprocess.Popen(self.command(*arguments, options=options), cwd=self.folder,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, **more)

    def write(self, name, content, mode=0o755):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return str(path)

    def compile(self, name, source, *flags):
        """A static C program."""
        self.write(name + ".c", source, 0o644)
        subprocess.run(["gcc", "-O1", "-static", "-o", name, name + ".c", *flags], cwd=self.folder, check=True)
        return str(self.folder / name)


def all_tests():
    found = {}
    for file in sorted(HERE.glob("tests_*.py")):
        module = importlib.import_module(file.stem)
        found.update({name.removeprefix("test_"): getattr(module, name) for name in dir(module)
                      if name.startswith("test_")})
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--tine")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    tests = all_tests()
    if options.list:
        print("\n".join(tests))
        return 0
    failed = 0
    for name in options.names or tests:
        with tempfile.TemporaryDirectory(prefix="tine-cli-") as folder:
            os.chmod(folder, 0o755)
            passed = True
            try:
                tests[name](Box(os.path.abspath(options.tine), folder))
                print(f"{name}: ok")
            except AssertionError:
                passed = False
                print(f"{name}: FAILED")
                traceback.print_exc(file=sys.stdout)
            failed |= not known_gaps.judge(HERE / "known_gaps.txt", name, passed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
