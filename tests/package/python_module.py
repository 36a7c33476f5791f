"""The Python module over libtine.so.   python_module.py LIBRARY MODULE_DIRECTORY"""
import os
import sys
import tempfile
import unittest

os.environ["TINE_LIBRARY"] = sys.argv[1]
sys.path.insert(0, sys.argv[2])
import tine  # noqa: E402

LONG = 20
ECHO = ["sh", "-c", "n=0; while read line; do n=$((n+1)); echo $line $n; done; exit 3"]


class PythonModule(unittest.TestCase):
    def test_a_box_and_its_fork_go_their_own_ways(self):
        with tine.Box(ECHO) as box:
            self.assertTrue(box.write("a\n"))
            self.assertEqual(box.read_line(LONG), "a 1")
            with box.fork() as copy:
                copy.write(b"b\n")
                self.assertEqual(copy.read_line(LONG), "b 2")
                copy.close_input()
                self.assertEqual(copy.read_all(), b"")
                self.assertEqual(copy.wait(), 3)
                self.assertEqual(copy.exit_status(), 3)
            box.write("c\n")
            self.assertTrue(box.read_until("c 2", LONG))
            self.assertIsNone(box.exit_status())

    def test_a_box_stands_still_before_a_call(self):
        with tine.Box(["sh", "-c", "read line; echo $line >/tmp/here; cat /tmp/here"]) as box:
            box.pause()  # else it may be past the call before it is waited for
            box.write("text\n")
            self.assertTrue(box.run_until_call("execve", LONG))
            self.assertEqual(box.read_file("/tmp/here"), b"text\n")
            box.write_file("/tmp/here", "other\n", 0o600)
            box.resume()
            self.assertEqual(box.read_all(), b"other\n")
            self.assertEqual(box.wait(), 0)
            self.assertFalse(box.run_until_call("execve", LONG))

    def test_memory(self):
        with tine.Box(["cat"]) as box:
            self.assertFalse(box.run_until_call("mkdir", 0.05))
            self.assertTrue(box.run_for(0.001))
            process, = box.processes()
            maps = box.read_file(f"/proc/{process}/maps").decode()
            stack = next(line for line in maps.splitlines() if line.endswith("[stack]"))
            address = int(stack.split("-")[0], 16)
            box.write_memory(process, address, b"written")
            self.assertEqual(box.read_memory(process, address, 7), b"written")
            with self.assertRaisesRegex(tine.Error, "Bad address"):
                box.read_memory(process, 0, 1)
            box.kill()
            self.assertEqual(box.wait(), 137)

    def test_options(self):
        with tine.Box(["sh", "-c", "echo $NAME; hostname; pwd; echo wrong >&2"], environment={"NAME": "value"},
                      hostname="other", working_directory="/usr", error=tine.NULL, vcpus=1) as box:
            self.assertEqual(box.read_all(), b"value\nother\n/usr\n")

    def test_a_saved_box_goes_on_where_it_was(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "echo.tine")
            with tine.Box(ECHO) as box:
                box.write("a\n")
                self.assertEqual(box.read_line(LONG), "a 1")
                box.save(path)
                box.write("b\n")
                self.assertEqual(box.read_line(LONG), "b 2")
            with tine.Box.restore(path, vcpus=1) as box, box.fork() as copy:
                for each in box, copy:
                    each.write("c\n")
                    self.assertEqual(each.read_line(LONG), "c 2")
                    each.close_input()
                    self.assertEqual(each.wait(), 3)
            with self.assertRaisesRegex(tine.Error, "No such file"):
                tine.Box.restore(path + ".none")
            with open(path, "r+b") as file:
                file.truncate(100)
            with self.assertRaises(tine.Error):
                tine.Box.restore(path)

    def test_a_restored_box_writes_only_where_it_may(self):
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as elsewhere:
            path = os.path.join(elsewhere, "bind.tine")
            with tine.Box(["sh", "-c", "read line; echo $line >/data/made"], binds=[(folder, "/data", True)],
                          error=tine.NULL) as box:
                box.save(path)
            with self.assertRaisesRegex(tine.Error, folder):
                tine.Box.restore(path)
            with tine.Box.restore(path, writable=[folder], error=tine.NULL) as box:
                box.write("text\n")
                self.assertEqual(box.wait(), 0)
            with open(os.path.join(folder, "made")) as file:
                self.assertEqual(file.read(), "text\n")

    def test_secrets_are_withheld_from_forks(self):
        with tempfile.NamedTemporaryFile("w", suffix="key") as file:
            file.write("word")
            file.flush()
            with tine.Box(["sh", "-c", "read line; cat /run/secrets/name"], secrets=[(file.name, "name")],
                          error=tine.NULL) as box, box.fork() as without, box.fork(secrets=True) as having:
                for each, text in (box, b"word"), (without, b""), (having, b"word"):
                    each.write("\n")
                    self.assertEqual(each.read_all(), text)
            for name in "", "..", "a/b":
                with self.assertRaisesRegex(tine.Error, "no name"):
                    tine.Box(["true"], secrets=[(file.name, name)])

    def test_errors(self):
        with self.assertRaisesRegex(tine.Error, "/no/such/program"):
            tine.Box(["/no/such/program"])
        with self.assertRaisesRegex(tine.Error, "no program"):
            tine.Box([])
        with tine.Box(["cat"]) as box:
            with self.assertRaisesRegex(tine.Error, "no such system call"):
                box.run_until_call("nothing")
            with self.assertRaisesRegex(tine.Error, "No such file"):
                box.read_file("/no/such/file")
        with self.assertRaises(FileNotFoundError):
            tine.fork()  # this is no box


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
