"""As much of the CQL binary protocol (version 4) as it takes to ask a node whether it is ready."""

import socket
import struct

OPTIONS, STARTUP, QUERY = 0x05, 0x01, 0x07
SUPPORTED, READY, RESULT = 0x06, 0x02, 0x08
ONE, TWO, THREE = 0x0001, 0x0002, 0x0003

# A row that is not there, in a keyspace of Cassandra's own with three replicas.
ABSENT = (
    "SELECT parent_id FROM system_distributed.parent_repair_history "
    "WHERE parent_id = 00000000-0000-1000-8000-000000000000"
)


class Refused(Exception):
    """The node answered something else than hoped."""


def receive(connection, count):
    """Exactly `count` bytes."""
    found = b""
    while len(found) < count:
        piece = connection.recv(count - len(found))
        if not piece:
            raise Refused("closed")
        found += piece
    return found


def exchange(connection, opcode, body, wanted):
    """Sends one frame and takes the answer, which must have the opcode `wanted`."""
    connection.sendall(struct.pack(">BBhBI", 4, 0, 0, opcode, len(body)) + body)
    _, _, _, got, length = struct.unpack(">BBhBI", receive(connection, 9))
    answer = receive(connection, length)
    if got != wanted:
        raise Refused(f"opcode {got}: {answer[6:200]!r}")


def speaks(address, port):
    """Whether a node takes CQL connections."""
    try:
        with socket.create_connection((address, port), timeout=5) as connection:
            exchange(connection, OPTIONS, b"", SUPPORTED)
        return True
    except (OSError, Refused):
        return False


def amiss(address, port, replicas):
    """None if a node believes that this many of the three replicas are up and they answer it, else what is amiss."""
    statement = ABSENT.encode()
    body = struct.pack(">I", len(statement)) + statement + struct.pack(">HB", replicas, 0)
    try:
        with socket.create_connection((address, port), timeout=5) as connection:
            exchange(connection, STARTUP, b"\x00\x01\x00\x0bCQL_VERSION\x00\x053.0.0", READY)
            exchange(connection, QUERY, body, RESULT)
        return None
    except (OSError, Refused) as error:
        return str(error)
