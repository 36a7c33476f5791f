"""What the fork of a box has of the world outside it: connections, sockets that listen, secret files."""
import re
import socket

from boxes import family, until

CLIENT = """
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
print("connected", flush=True)
for line in sys.stdin:
    answers = []
    for attempt in range(2):
        try:
            s.sendall(line.encode()) if attempt == 0 else None
            answers.append(s.recv(100).decode().strip())
        except OSError as error:
            answers.append(error.strerror)
        if answers[-1].startswith("echo"):
            break
    print(*answers, sep=" | ", flush=True)
"""

SERVER = """
import socket, sys
s = socket.create_server(("127.0.0.1", 0))
print("port", s.getsockname()[1], flush=True)
for line in sys.stdin:
    name = line.strip()
    s.settimeout(1)
    try:
        c, _ = s.accept()
        c.sendall(name.encode())
        c.close()
        print(name, "answered", flush=True)
    except TimeoutError:
        print(name, "got none", flush=True)
"""

READER = """
import os, stat, sys
path = "/run/secrets/key"
kept = open(path, "rb", buffering=0)
print("started", flush=True)
def attempt(what):
    try:
        return what()
    except OSError as error:
        return error.strerror
for line in sys.stdin:
    kept.seek(0)
    print(attempt(lambda: open(path).read()), attempt(lambda: kept.read()), attempt(lambda: os.listdir("/run/secrets")),
          flush=True)
"""


def answer(boxes, name, line):
    """What the program of the box says to a line."""
    seen = len(boxes.tine("logs", name).out)
    boxes.tine("attach", "--keep-open", name, stdin=line + "\n").expect(0)
    return until(lambda: boxes.tine("logs", name).out[seen:], lambda text: text.endswith("\n")).rstrip("\n")


def test_boxes_connection_to_the_outside_is_reset_in_a_fork(box):
    with family(box) as boxes, socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        boxes.start("python3", "-c", CLIENT, str(listener.getsockname()[1]), options=["--net=host"])
        with listener.accept()[0] as connection:
            connection.settimeout(30)
            boxes.logs_until("connected")
            boxes.tine("fork", "base").expect(0, "base-1\n")
            assert answer(boxes, "base-1", "copy") == "Connection reset by peer | ", "an error once, then the end"
            boxes.tine("attach", "--keep-open", "base", stdin="original\n").expect(0)
            assert connection.recv(100) == b"original\n", "nothing of the copy's came"
            connection.sendall(b"echo\n")
            boxes.logs_until("echo\n")


def test_boxes_fork_listens_only_if_asked_to(box):
    with family(box) as boxes:
        boxes.start("python3", "-c", SERVER, options=["--net=host"])
        port = int(re.search(r"port (\d+)", boxes.logs_until("port")).group(1))
        boxes.tine("fork", "base").expect(0, "base-1\n")
        boxes.tine("fork", "--listen", "base").expect(0, "base-2\n")
        boxes.tine("fork", "--listen", "base-1").expect(0, "base-3\n")
        with socket.create_connection(("127.0.0.1", port)) as first:
            assert answer(boxes, "base-1", "without") == "without got none"
            assert answer(boxes, "base-3", "of one without") == "of one without got none"
            assert answer(boxes, "base-2", "with") == "with answered"
            assert first.recv(100) == b"with"
        with socket.create_connection(("127.0.0.1", port)) as second:
            assert answer(boxes, "base", "original") == "original answered"
            assert second.recv(100) == b"original"
        boxes.tine("rm", "-f", "base").expect(0)
        with socket.create_connection(("127.0.0.1", port)) as third:
            assert answer(boxes, "base-2", "alone") == "alone answered"
            assert third.recv(100) == b"alone"


def test_boxes_secrets_are_withheld_from_forks(box):
    (box.folder / "key").write_text("word")
    with family(box) as boxes:
        boxes.start("python3", "-c", READER, options=["--secret", str(box.folder / "key")])
        boxes.logs_until("started")
        has, has_not = "word b'word' ['key']", "No such file or directory b'' []"
        assert answer(boxes, "base", "") == has
        boxes.tine("exec", "base", "--", "stat", "-c", "%a %s", "/run/secrets/key").expect(0, "400 4\n")
        boxes.tine("exec", "base", "--", "sh", "-c", "echo more >/run/secrets/other").expect(2, "", "Read-only")
        boxes.tine("fork", "base").expect(0, "base-1\n")
        boxes.tine("fork", "--with-secrets", "base").expect(0, "base-2\n")
        boxes.tine("fork", "--with-secrets", "base-1").expect(0, "base-3\n")
        boxes.tine("fork", "base-2").expect(0, "base-4\n")
        (box.folder / "key").write_text("changed since")
        assert [answer(boxes, f"base-{n}", "") for n in (1, 2, 3, 4)] == [has_not, has, has_not, has_not]
        assert answer(boxes, "base", "") == has
        boxes.tine("save", "base-2", str(box.folder / "saved.tine")).expect(0)
        boxes.tine("restore", str(box.folder / "saved.tine")).expect(0, "saved\n")
        assert answer(boxes, "saved", "") == has_not


def test_boxes_secrets_in_the_foreground(box):
    (box.folder / "key").write_bytes(b"a\0b")
    box.run("sh", "-c", "od -c /run/secrets/name; id -u; stat -c %u /run/secrets/name; ls /run/secrets",
            options=["--secret", f"{box.folder}/key:name", "--user", "1000"]).expect(
                0, "0000000   a  \\0   b\n0000003\n1000\n1000\nname\n")
    for given, problem in (("/no/such/file", "No such file"), ("/tmp", "Is a directory"), ("/dev/zero", "File too large"),
                           (f"{box.folder}/key:a/b", "no name below"), (f"{box.folder}/key:", "no name below")):
        box.run("true", options=["--secret", given]).expect(125, "", problem)
    box.run("true", options=["--secret", f"{box.folder}/key", "--secret", f"{box.folder}/key"]).expect(125, "", "File exists")
