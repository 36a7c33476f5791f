"""What the machine that the tests run on can't do, so that a native run there is no oracle for it."""
import ctypes
import functools
import os
import signal

PTRACE_TRACEME, PTRACE_POKEUSER, PTRACE_CONT, PTRACE_KILL = 0, 6, 7, 8
DEBUG_REGISTERS = 848  # offsetof(struct user, u_debugreg)
DR7_WRITES_OF_8_BYTES = 1 | 0x9 << 16  # Intel SDM, volume 3, 18.2.4


@functools.cache
def has_hardware_breakpoints():
    """Whether a data breakpoint in a debug register ever stops a process: under some hypervisors none does,
    though ptrace takes it."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    watched = ctypes.c_uint64(0)
    child = os.fork()
    if child == 0:
        libc.ptrace(PTRACE_TRACEME, 0, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        watched.value = 1
        os._exit(0)
    os.waitpid(child, 0)
    for register, value in ((0, ctypes.addressof(watched)), (7, DR7_WRITES_OF_8_BYTES)):
        if libc.ptrace(PTRACE_POKEUSER, child, DEBUG_REGISTERS + 8 * register, value) != 0:
            raise OSError(ctypes.get_errno(), "PTRACE_POKEUSER of a debug register")
    libc.ptrace(PTRACE_CONT, child, None, None)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status):
        return False
    stopped = os.WSTOPSIG(status) == signal.SIGTRAP
    libc.ptrace(PTRACE_KILL, child, None, None)
    os.waitpid(child, 0)
    return stopped
