#!/usr/bin/python3
"""Runs one real program on real work, natively and in the box, and compares output and exit status.

usage: run_apps.py [--tine PATH] [--page-tables shared|copied] NAME...      run_apps.py --list

The programs and their work are in apps.py. Both runs start in the same folder with the same files; what
the box writes stays in the box unless an app asks for a bind, and then the files are compared as well.
"""
import argparse
import difflib
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "common")]
import apps  # noqa: E402  (its folder is put on the path above)
import debuggers  # noqa: E402,F401  (adds its own to apps.APPS)
import known_gaps  # noqa: E402

ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "TERM": "dumb",
    "PYTHONDONTWRITEBYTECODE": "1",
}
MESSAGES_SHOWN = 30


class Run:
    """What one run of a program left behind."""

    def __init__(self, command, folder, app):
        environment = dict(ENVIRONMENT, HOME=str(folder))
        start = time.monotonic()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True)
        try:
            self.out, self.errors = process.communicate(app.stdin, timeout=app.seconds)
            status = process.returncode
            self.status = status if status >= 0 else 128 - status
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            self.out, self.errors = process.communicate()
            self.status = f"none: still running after {app.seconds} s"
        self.seconds = time.monotonic() - start
        self.files = digest(folder) if app.bind else None

    def compared(self, app):
        text = app.normalize(self.out.decode(errors="replace"))
        errors = app.normalize(self.errors.decode(errors="replace")) if app.compare_errors else ""
        return text, errors, self.status, self.files


def digest(folder):
    """Every file under the folder: its mode and content."""
    found = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        mode = oct(path.lstat().st_mode)
        if path.is_symlink():
            content = os.readlink(path)
        elif path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            content = ""
        found[str(path.relative_to(folder))] = (mode, content)
    return found


def show(title, run):
    print(f"---- {title}: exit status {run.status}, {run.seconds:.2f} s")
    for name, data in (("stdout", run.out), ("stderr", run.errors)):
        lines = data.decode(errors="replace").splitlines()
        if lines:
            print(f"  {name}, {len(lines)} lines, the last of them:")
            print("".join(f"    {line}\n" for line in lines[-MESSAGES_SHOWN:]), end="")


def in_folder(command, folder, app):
    """Each run finds the folder as app.prepare makes it, at the same path."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    app.prepare(folder)
    return Run(command, folder, app)


def test(name, options):
    app = apps.APPS[name]
    missing = [program for program in app.needs if not shutil.which(program, path=ENVIRONMENT["PATH"])]
    if missing:
        print(f"{name}: not installed: {', '.join(missing)}; scripts/install_dependencies.sh installs it")
        return False
    with tempfile.TemporaryDirectory(prefix="tine-app-") as parent:
        folder = pathlib.Path(parent) / "work"
        native = in_folder(app.command, folder, app)
        for _ in range(2):  # stress-ng gives up now and then where the host is busy
            if native.status == app.status:
                break
            print(f"{name}: again, since it ended with status {native.status} natively")
            native = in_folder(app.command, folder, app)
        if native.status != app.status or not (native.out or app.status):
            print(f"{name}: wrong already natively")
            show("native", native)
            return False
        if not options.tine:
            print(f"{name}: native {native.seconds:.2f} s")
            return True
        box_options = [f"--page-tables={options.page_tables}", *app.options]
        if app.bind:
            box_options.append(f"--bind={folder}:{folder}:rw")
        # Not below the program's HOME, where it would see the directory appear.
        code_cache = "--code-cache=" + os.path.expanduser("~/.cache/tine")
        command = [os.path.abspath(options.tine), "run", code_cache, *box_options, "--", *app.command]
        box = in_folder(command, folder, app)
    expected, got = native.compared(app), box.compared(app)
    if expected == got:
        print(f"{name}: same as native; native {native.seconds:.2f} s, box {box.seconds:.2f} s")
        return True
    print(f"{name}: differs from native")
    show("native", native)
    show("box", box)
    for before, after, what in ((expected[0], got[0], "stdout"), (expected[1], got[1], "stderr")):
        for line in list(difflib.unified_diff(before.splitlines(), after.splitlines(), f"native {what}",
                                              f"box {what}", n=0, lineterm=""))[:MESSAGES_SHOWN]:
            print(f"  {line[:200]}")
    if expected[3] != got[3]:
        changed = {path for path in expected[3].keys() | got[3].keys() if expected[3].get(path) != got[3].get(path)}
        print(f"  files that differ: {', '.join(sorted(changed)[:MESSAGES_SHOWN])}")
    return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--tine", help="without it, only the native run is checked")
    parser.add_argument("--page-tables", default="shared", choices=["shared", "copied"])
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if options.list:
        print("\n".join(apps.APPS))
        return 0
    unknown = [name for name in options.names if name not in apps.APPS]
    if unknown or not options.names:
        parser.error(f"no such app: {' '.join(unknown)}" if unknown else "name an app; --list names them")
    gaps = os.path.join(HERE, "known_gaps.txt")
    results = [known_gaps.judge(gaps, name, test(name, options)) for name in options.names]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
