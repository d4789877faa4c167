"""Fetches or builds what is missing, says what and why, and does nothing the second time."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess
import tempfile

import cassandra
import places


@contextlib.contextmanager
def alone():
    """Two fetches into the same cache take turns."""
    places.CACHE.mkdir(parents=True, exist_ok=True)
    with open(places.CACHE / "fetch.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def built(pinned):
    """Where the program of a pinned Go module lies."""
    name, _, version = pinned
    return places.CACHE / f"{name}-{version}"


def build(pinned, why):
    """Builds a pinned Go module's program."""
    name, module, version = pinned
    if built(pinned).exists():
        return
    places.say(f"building {name} {version}: {why} (a minute or two, once)")
    with tempfile.TemporaryDirectory(dir=places.CACHE) as directory:
        command = [places.program("go"), "install", f"{module}@{version}"]
        environment = {**os.environ, "GOBIN": directory}
        if subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=2, check=False).returncode != 0:
            raise places.Failure(f"Go could not build {name}; it wants Go 1.25 or later")
        (program,) = pathlib.Path(directory).iterdir()
        program.rename(built(pinned))


def redis_program():
    """Redis by its own name. Debian's redis-tools has the same program without the service that would start
    at every boot; it knows by the name it is called what it shall be."""
    found = shutil.which("redis-server")
    if found:
        return found
    link = places.CACHE / "redis-server"
    if not link.exists():
        places.say("giving the Redis program of redis-tools its name")
        link.unlink(missing_ok=True)
        link.symlink_to(places.program("redis-check-rdb"))
    return str(link)


def promtool_program():
    """promtool, if it is here."""
    unpacked = places.CACHE / "prometheus" / "usr" / "bin" / "promtool"
    return shutil.which("promtool") or (str(unpacked) if unpacked.exists() else None)


def fetch_promtool():
    """Takes promtool out of the system's Prometheus package, which is not installed: it would start a server
    that listens to the whole network."""
    if promtool_program():
        return
    if not shutil.which("apt-get"):
        raise places.Failure("`promtool` is missing; install Prometheus (brew install prometheus)")
    places.say("taking promtool out of Debian's package: it judges the alert rules")
    target = places.CACHE / "prometheus"
    with tempfile.TemporaryDirectory(dir=places.CACHE) as directory:
        ask = ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", "prometheus"]
        if subprocess.run(ask, cwd=directory, stdout=2, check=False).returncode != 0:
            as_root = [] if os.getuid() == 0 else ["sudo"]
            subprocess.run([*as_root, "apt-get", "update", "-q"], stdout=2, check=True)
            subprocess.run(ask, cwd=directory, stdout=2, check=True)
        (package,) = pathlib.Path(directory).glob("*.deb")
        partial = pathlib.Path(directory) / "unpacked"
        subprocess.run(["dpkg-deb", "-x", str(package), str(partial)], stdout=2, check=True)
        shutil.rmtree(target, ignore_errors=True)
        (target / "usr" / "bin").mkdir(parents=True)
        (partial / "usr" / "bin" / "promtool").rename(target / "usr" / "bin" / "promtool")


def fetch(names):
    """Sees to it that these can start. The ring is made of the same stuff as the single node."""
    with alone():
        if "cassandra" in names or "ring" in names:
            cassandra.fetch()
        if "redis" in names or "redis-cluster" in names:
            redis_program()
        if "s3" in names:
            build(places.VERSITYGW, "an S3 server that is not ours")
        if "toxiproxy" in names:
            build(places.TOXIPROXY, "it makes networks slow and broken")
        if "promtool" in names:
            fetch_promtool()
