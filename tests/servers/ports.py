"""Free ports, below the range from which the system takes ports for outgoing connections."""

import random
import socket

import places

FIRST, LAST = 20_000, 32_000
TRIES_MAX = 200


def is_free(address, port):
    """Whether one could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True


def can_bind(address):
    """Whether the system has this address (macOS has only 127.0.0.1 until told otherwise)."""
    return is_free(address, 0)


def free(count, addresses=(places.LOOPBACK,)):
    """`count` neighbouring ports that are free on all these addresses. Another may take one before we do:
    a server that dies at start is tried again with others."""
    chance = random.SystemRandom()
    for _ in range(TRIES_MAX):
        first = chance.randrange(FIRST, LAST)
        wanted = range(first, first + count)
        if all(is_free(address, port) for address in addresses for port in wanted):
            return list(wanted)
    raise places.Failure(f"found no {count} free ports between {FIRST} and {LAST}")
