"""For programs in a box of tine: fork the box that they run in.

    import tine
    warm_up()
    if tine.fork() == 0:
        print("the original goes on")
    else:
        print("the copy")

In the image of processes, memory and files both are the same; `tine ps` shows the copy as NAME-NUMBER.
"""

DEVICE = "/dev/tine"


def fork():
    """Forks the whole box. Returns 0 in the original and the copy's number in the copy.

    FileNotFoundError: this is no box that runs in the background (tine run -d). OSError with ENOTSUP: the
    box has something open that can't be copied; its log says what.
    """
    with open(DEVICE, "r+b", buffering=0) as device:
        device.write(b"fork")
        return int(device.read(32))
