"""The garbage collector's settings in a process that serves."""

import gc

NEW_OBJECTS = 5_000
"""Between two collections of the youngest objects. Each request makes Python's 700 several times over: collections took
a twentieth of a payment's processor time. With 10,000 they cost as much as here, and pause for twice as long."""


def spare_started() -> None:
    """Leave out of every later collection what exists now, and collect less often.

    The program's classes, functions and schema live as long as the process: a collection of everything paused it for
    100 ms, and wrote to memory that processes forked after this share. Nothing is collected first: that would take as
    long at each start, for less than 1 MB.
    """
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])
