"""Is a server ready? Each question is plain data, so that it can be kept beside the server and asked again."""

import http.client
import socket

import cql


def ready(probe):
    """Asks once. A probe is `{"kind", "address", "port"}` and, for HTTP, `"path"`."""
    address, port = probe["address"], probe["port"]
    if probe["kind"] == "cql":
        return cql.speaks(address, port)
    if probe["kind"] == "redis":
        return redis(address, port)
    return answers(address, port, probe["path"])


def redis(address, port):
    """Whether a Redis answers PING."""
    try:
        with socket.create_connection((address, port), timeout=2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def answers(address, port, path):
    """Whether a GET gives 200."""
    connection = http.client.HTTPConnection(address, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
