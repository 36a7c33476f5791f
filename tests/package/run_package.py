#!/usr/bin/python3
"""Installs a build into a directory, and builds a program against it with CMake's package and with pkg-config.

usage: run_package.py BUILD

Both programs must print what two boxes say. The installed command must run from there, and no installed text may
name the build or its sources, which whoever installs a package does not have.
"""
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
EXPECTED = "common original, status 3\ncommon copy, status 3\n"
# Of the installed files, relative to the prefix; * is Debian's multiarch directory, where there is one.
INSTALLED = ["bin/tine", "include/tine/tine.hpp", "include/tine/inside.h", "share/man/man1/tine.1",
             "share/bash-completion/completions/tine", "share/tine/python/tine.py",
             "lib/**/libtine_box.a", "lib/**/cmake/tine/tineConfig.cmake", "lib/**/pkgconfig/tine.pc"]


def run(*command, **options):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if result.returncode != 0:
        sys.exit(f"{shlex.join(map(str, command))}: exit status {result.returncode}\n{result.stdout}")
    return result.stdout


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what} printed {got!r}, not {wanted!r}")
    print(f"ok {what}")


def only(prefix, pattern):
    found = list(prefix.glob(pattern))
    if len(found) != 1:
        sys.exit(f"{pattern} in what was installed: {found or 'not there'}")
    return found[0]


def check_text(prefix, build):
    source = HERE.parent.parent
    for path in prefix.glob("lib/**/*"):
        if path.suffix in (".cmake", ".pc"):
            text = path.read_text()
            for folder in (build, source):
                if str(folder) in text:
                    sys.exit(f"{path} names {folder}")


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="tine-package-") as scratch:
        # As a packager does it: DESTDIR is not part of the prefix.
        destination = pathlib.Path(scratch, "destination")
        run("cmake", "--install", build, "--prefix", "/opt/tine", env={**os.environ, "DESTDIR": str(destination)})
        prefix = destination / "opt/tine"
        for pattern in INSTALLED:
            only(prefix, pattern)
        check_text(prefix, build)
        print("ok installed files")

        project = pathlib.Path(scratch, "cmake")
        run("cmake", "-S", HERE / "consumer", "-B", project, f"-DCMAKE_PREFIX_PATH={prefix}")
        run("cmake", "--build", project)
        expect("the program built with CMake's package", run(project / "consumer"), EXPECTED)

        package = only(prefix, "lib/**/pkgconfig/tine.pc")
        flags = run("pkg-config", "--cflags", "--libs", package).split()
        program = pathlib.Path(scratch, "consumer")
        run(os.environ.get("CXX", "c++"), HERE / "consumer/consumer.cc", "-o", program, *flags)
        expect("the program built with pkg-config", run(program), EXPECTED)

        expect("the installed command", run(prefix / "bin/tine", "run", "--", "/bin/echo", "installed"), "installed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
