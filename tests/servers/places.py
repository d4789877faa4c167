"""Where things lie, which versions are pinned, and how we speak to the person at the terminal."""

import os
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# Several checkouts may share what was fetched; what runs is each one's own.
OWN = pathlib.Path(os.environ.get("VITRINE_TEST_SERVERS_OWN") or ROOT / "target" / "servers")
CACHE = pathlib.Path(os.environ.get("VITRINE_TEST_SERVERS_CACHE") or ROOT / "target" / "servers")
RUNS = OWN / "run"
LOGS = OWN / "logs"

# Cassandra's version stands in cassandra/pom.xml, Redis and promtool are the system's.
TOXIPROXY = ("toxiproxy", "github.com/Shopify/toxiproxy/v2/cmd/server", "v2.12.0")
VERSITYGW = ("versitygw", "github.com/versity/versitygw/cmd/versitygw", "v1.8.0")

# Everything binds here; the ring takes .2 and .3 as well.
LOOPBACK = "127.0.0.1"
RING = ("127.0.0.1", "127.0.0.2", "127.0.0.3")

# Below this much free memory the data lies on disk: a test run keeps some hundred megabytes.
MEMORY_DISK_FREE_MIN = 3 << 30
LOG_RUNS_MAX = 10


class Failure(Exception):
    """Something that the person who called us must know; the text is all they get."""


def say(text):
    """Tells what happens; standard output is kept for the variables."""
    print(f"test-servers: {text}", file=sys.stderr, flush=True)


def program(name):
    """The path of a program that must be there."""
    found = shutil.which(name)
    if found is None:
        raise Failure(f"`{name}` is missing; `make setup-test` installs what the tests need")
    return found


def fast_directory(run_name, fallback):
    """A directory for a run's data: in memory where there is room, so that a durable write costs no disk."""
    memory = pathlib.Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > MEMORY_DISK_FREE_MIN:
        chosen = memory / f"vitrine-servers-{os.getuid()}-{run_name}"
    else:
        chosen = fallback / "data"
    chosen.mkdir(mode=0o700)
    return chosen
