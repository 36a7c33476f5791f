"""Run Linux programs in a box, and fork the box while it runs.

From outside, over libtine.so:

    import tine
    box = tine.Box(["python3", "app.py"])
    box.read_until("ready")
    copy = box.fork()                 # microseconds, whatever the size
    copy.write("request\\n")
    print(copy.read_line())

From inside, for a program that runs in a box (tine run):

    if tine.fork() == 0:
        print("the original goes on")
    else:
        print("the copy")             # of tine run -d, `tine ps` shows it as NAME-NUMBER
"""

import ctypes
import os

DEVICE = "/dev/tine"


def fork():
    """Forks the whole box. Returns 0 in the original and the copy's number in the copy.

    FileNotFoundError: this is no box of the command tine. OSError with ENOTSUP: the box has something open that
    can't be copied; its log, or standard error, says what.
    """
    with open(DEVICE, "r+b", buffering=0) as device:
        device.write(b"fork")
        return int(device.read(32))


class Error(Exception):
    """What went wrong, for a person."""


DEFAULT, PIPE, INHERIT, NULL = range(4)  # enum tine_stream


class _Streams(ctypes.Structure):
    _fields_ = [("input", ctypes.c_int), ("output", ctypes.c_int), ("error", ctypes.c_int)]


class _Bind(ctypes.Structure):
    _fields_ = [("source", ctypes.c_char_p), ("target", ctypes.c_char_p), ("writable", ctypes.c_int)]


class _Secret(ctypes.Structure):
    _fields_ = [("source", ctypes.c_char_p), ("name", ctypes.c_char_p)]


class _ForkOptions(ctypes.Structure):
    _fields_ = [("streams", _Streams), ("listen", ctypes.c_int), ("secrets", ctypes.c_int)]


class _Options(ctypes.Structure):
    _fields_ = [
        ("arguments", ctypes.POINTER(ctypes.c_char_p)),
        ("environment", ctypes.POINTER(ctypes.c_char_p)),
        ("root", ctypes.c_char_p),
        ("binds", ctypes.POINTER(_Bind)),
        ("bind_count", ctypes.c_size_t),
        ("secrets", ctypes.POINTER(_Secret)),
        ("secret_count", ctypes.c_size_t),
        ("working_directory", ctypes.c_char_p),
        ("hostname", ctypes.c_char_p),
        ("host_network", ctypes.c_int),
        ("streams", _Streams),
        ("vcpus", ctypes.c_uint),
        ("memory_bytes", ctypes.c_uint64),
    ]


class _RestoreOptions(ctypes.Structure):
    _fields_ = [
        ("streams", _Streams),
        ("writable", ctypes.POINTER(ctypes.c_char_p)),
        ("host_network", ctypes.c_int),
        ("vcpus", ctypes.c_uint),
        ("memory_bytes", ctypes.c_uint64),
    ]


_loaded = None


def _library():
    """libtine.so: what TINE_LIBRARY names, or what the dynamic linker finds."""
    global _loaded
    if _loaded is None:
        library = ctypes.CDLL(os.environ.get("TINE_LIBRARY", "libtine.so.0"))
        box, text = ctypes.c_void_p, ctypes.c_char_p
        result, size = ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_size_t)
        for name, returns, arguments in (
            ("tine_error", text, []),
            ("tine_free", None, [ctypes.c_void_p]),
            ("tine_box_start", box, [ctypes.POINTER(_Options)]),
            ("tine_box_fork", box, [box, ctypes.POINTER(_ForkOptions)]),
            ("tine_box_save", ctypes.c_int, [box, text]),
            ("tine_box_restore", box, [text, ctypes.POINTER(_RestoreOptions)]),
            ("tine_box_free", None, [box]),
            ("tine_box_write", ctypes.c_int, [box, text, ctypes.c_size_t]),
            ("tine_box_close_input", None, [box]),
            ("tine_box_read_line", ctypes.c_int, [box, result, size, ctypes.c_long]),
            ("tine_box_read_until", ctypes.c_int, [box, text, ctypes.c_long]),
            ("tine_box_read_all", ctypes.c_int, [box, result, size]),
            ("tine_box_run_until_call", ctypes.c_int, [box, text, ctypes.c_long]),
            ("tine_box_run_for", ctypes.c_int, [box, ctypes.c_long]),
            ("tine_box_pause", ctypes.c_int, [box]),
            ("tine_box_resume", ctypes.c_int, [box]),
            ("tine_box_processes", ctypes.c_long, [box, ctypes.POINTER(ctypes.c_int), ctypes.c_size_t]),
            ("tine_box_read_memory", ctypes.c_int,
             [box, ctypes.c_int, ctypes.c_uint64, ctypes.c_void_p, ctypes.c_size_t]),
            ("tine_box_write_memory", ctypes.c_int,
             [box, ctypes.c_int, ctypes.c_uint64, text, ctypes.c_size_t]),
            ("tine_box_read_file", ctypes.c_int, [box, text, result, size]),
            ("tine_box_write_file", ctypes.c_int, [box, text, text, ctypes.c_size_t, ctypes.c_uint]),
            ("tine_box_wait", ctypes.c_int, [box]),
            ("tine_box_exit_status", ctypes.c_int, [box, ctypes.POINTER(ctypes.c_int)]),
            ("tine_box_kill", ctypes.c_int, [box]),
        ):
            function = getattr(library, name)
            function.restype, function.argtypes = returns, arguments
        _loaded = library
    return _loaded


def _checked(status):
    if status is None or status < 0:
        raise Error(os.fsdecode(_library().tine_error()))
    return status


def _made(box):
    if box is None:
        _checked(None)
    return box


def _milliseconds(seconds):
    return -1 if seconds is None else max(0, round(seconds * 1000))


def _strings(values):
    if values is None:
        return None
    return (ctypes.c_char_p * (len(values) + 1))(*map(os.fsencode, values), None)


def _bytes(data):
    return data.encode() if isinstance(data, str) else bytes(data)


class Box:
    """A running box. Ends, with all its processes, with close() or at the end of a `with` block.

    Times are in seconds, None for ever. What fails raises Error.
    """

    def __init__(self, arguments, *, environment=None, root=None, binds=(), secrets=(), working_directory=None,
                 hostname=None, host_network=False, input=DEFAULT, output=DEFAULT, error=DEFAULT, vcpus=0,
                 memory_bytes=0):
        """Starts a program in a box of its own. `environment`: a mapping; `binds`: (source, target,
        writable) each; `secrets`: (source, name) each, files that the box has as /run/secrets/NAME and forks
        have not."""
        def encoded(value):
            return None if value is None else os.fsencode(value)

        options = _Options()
        options.arguments = _strings(arguments)
        if environment is not None:
            options.environment = _strings([f"{name}={value}" for name, value in environment.items()])
        options.root, options.working_directory = encoded(root), encoded(working_directory)
        options.hostname = encoded(hostname)
        options.binds = (_Bind * len(binds))(
            *((os.fsencode(source), os.fsencode(target), writable) for source, target, writable in binds))
        options.bind_count = len(binds)
        options.secrets = (_Secret * len(secrets))(
            *((os.fsencode(source), os.fsencode(name)) for source, name in secrets))
        options.secret_count = len(secrets)
        options.host_network = host_network
        options.streams = _Streams(input, output, error)
        options.vcpus, options.memory_bytes = vcpus, memory_bytes
        self._box = None
        self._box = _made(_library().tine_box_start(options))

    @classmethod
    def _of(cls, made):
        box = object.__new__(cls)
        box._box = _made(made)
        return box

    def fork(self, *, input=DEFAULT, output=DEFAULT, error=DEFAULT, listen=False, secrets=False):
        """A copy at this instant. What was written to this box and not read yet isn't in it. `listen`: with
        host_network, sockets that listen do so in the copy, too; `secrets`: the copy has those files, too."""
        return Box._of(_library().tine_box_fork(
            self._box, _ForkOptions(_Streams(input, output, error), listen, secrets)))

    def save(self, path):
        """Writes this box at this instant to a file, while it runs on."""
        _checked(_library().tine_box_save(self._box, os.fsencode(path)))

    @staticmethod
    def restore(path, *, input=DEFAULT, output=DEFAULT, error=DEFAULT, writable=(), host_network=False, vcpus=0,
                memory_bytes=0):
        """A box that goes on from where it was saved, ready at once: its memory is read when it is used.
        `writable`: the host directories that it had as writable binds and may go on writing to."""
        options = _RestoreOptions(_Streams(input, output, error), _strings(writable), host_network, vcpus,
                                  memory_bytes)
        return Box._of(_library().tine_box_restore(os.fsencode(path), options))

    def close(self):
        box, self._box = self._box, None
        _library().tine_box_free(box)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if getattr(self, "_box", None) is not None:
            self.close()

    def write(self, data):
        """False if nobody reads any more."""
        data = _bytes(data)
        return _checked(_library().tine_box_write(self._box, data, len(data))) == 1

    def close_input(self):
        _library().tine_box_close_input(self._box)

    def _take(self, function, *arguments):
        result, size = ctypes.c_void_p(), ctypes.c_size_t()
        done = _checked(function(self._box, *arguments, ctypes.byref(result), ctypes.byref(size)))
        if result.value is None:
            return done, None
        try:
            return done, ctypes.string_at(result.value, size.value)
        finally:
            _library().tine_free(result)

    def read_line(self, timeout=None):
        """The next line of output as text, without the newline; None at the end and after the time."""
        line = self._take(lambda box, line, size: _library().tine_box_read_line(
            box, line, size, _milliseconds(timeout)))[1]
        return None if line is None else line.decode(errors="surrogateescape")

    def read_until(self, line, timeout=None):
        """False at the end of output or after the time."""
        return _checked(_library().tine_box_read_until(self._box, _bytes(line), _milliseconds(timeout))) == 1

    def read_all(self):
        return self._take(_library().tine_box_read_all)[1]

    def run_until_call(self, name, timeout=None):
        """Runs until the system call `name` is about to be made; the box stands still then. False if it ends
        before or the time does."""
        return _checked(_library().tine_box_run_until_call(self._box, _bytes(name), _milliseconds(timeout))) == 1

    def run_for(self, seconds):
        """False if the box has ended; else it stands still."""
        return _checked(_library().tine_box_run_for(self._box, _milliseconds(seconds))) == 1

    def pause(self):
        _checked(_library().tine_box_pause(self._box))

    def resume(self):
        _checked(_library().tine_box_resume(self._box))

    def processes(self):
        """The pids of the box's processes."""
        count = _checked(_library().tine_box_processes(self._box, None, 0))
        pids = (ctypes.c_int * (count + 64))()
        count = _checked(_library().tine_box_processes(self._box, pids, len(pids)))
        return list(pids[:count])

    def read_memory(self, process, address, size):
        data = ctypes.create_string_buffer(size)
        _checked(_library().tine_box_read_memory(self._box, process, address, data, size))
        return data.raw

    def write_memory(self, process, address, data):
        data = _bytes(data)
        _checked(_library().tine_box_write_memory(self._box, process, address, data, len(data)))

    def read_file(self, path):
        return self._take(_library().tine_box_read_file, os.fsencode(path))[1]

    def write_file(self, path, data, mode=0o644):
        data = _bytes(data)
        _checked(_library().tine_box_write_file(self._box, os.fsencode(path), data, len(data), mode))

    def wait(self):
        """The exit status, 128 + n if signal n killed it."""
        return _checked(_library().tine_box_wait(self._box))

    def exit_status(self):
        """The same if it has ended, else None."""
        status = ctypes.c_int()
        ended = _checked(_library().tine_box_exit_status(self._box, ctypes.byref(status)))
        return status.value if ended else None

    def kill(self):
        _checked(_library().tine_box_kill(self._box))
