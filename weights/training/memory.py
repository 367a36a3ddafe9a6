"""Memory of a training on the CPU."""

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Of `mallopt` in glibc's malloc.h."""


def keep_memory() -> bool:
    """Let the process keep the large blocks it frees, and use them again.

    Each step of a training asks for the same gigabytes. By default glibc takes every large block
    from the system and gives it back, and the system clears each page anew: half the time of a
    step of 64 pictures.

    Returns:
        Whether the C library knows how (glibc does; there is nothing to do for others).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, -1))
