"""Apache Cassandra, alone or as a ring of three: fetched from Maven, laid out by us, started by hand."""

import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import places
import ports
import probes
import processes

SOURCE = places.HERE / "cassandra"
HEAP_ALONE = "768m"
HEAP_IN_RING = "512m"
ALONE_DEADLINE_S = 180
ARCHIVE_DEADLINE_S = 120

# An even cut of the token range, so that each node is the first replica of a third. Not at its very beginning, which is
# no token that a row can have.
TOKENS = [-(1 << 63) + (2 * step + 1) * ((1 << 64) // 6) for step in range(3)]


def version():
    """The pinned version."""
    text = (SOURCE / "pom.xml").read_text()
    return re.search(r"<artifactId>cassandra-all</artifactId>\s*<version>([^<]+)<", text).group(1)


def home():
    """Where the jars are."""
    return places.CACHE / f"cassandra-{version()}"


def java():
    """A Java that Cassandra 5 runs on: 17 is the one we know; later than 23 it cannot."""
    usual = [*pathlib.Path("/usr/lib/jvm").glob("*17*")]
    usual += [*pathlib.Path("/opt/homebrew/opt").glob("openjdk@17"), *pathlib.Path("/usr/local/opt").glob("openjdk@17")]
    homes = [os.environ.get("JAVA_HOME", ""), *sorted(map(str, usual))]
    candidates = [shutil.which("java"), *(os.path.join(home, "bin", "java") for home in homes if home)]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            told = subprocess.run([candidate, "-version"], capture_output=True, text=True, check=False).stderr
            number = re.search(r'version "(\d+)', told)
            if number and 17 <= int(number.group(1)) <= 23:
                return candidate, told
    raise places.Failure("Cassandra needs Java 17 (Debian: openjdk-17-jre-headless, brew: openjdk@17)")


def archive(told):
    """The file of this Java's ready-made class data, which cuts a third of the work of a start."""
    return home() / f"classes-{hashlib.sha256(told.encode()).hexdigest()[:12]}.jsa"


def fetch():
    """Copies the jars into the cache, then runs one node once to make the class data."""
    jars = home() / "lib"
    if not jars.is_dir():
        places.say(f"fetching Apache Cassandra {version()} from Maven: the CQL server that the tests run on")
        partial = home() / "lib.partial"
        shutil.rmtree(partial, ignore_errors=True)
        command = [places.program("mvn"), "-B", "-q", "-Dstyle.color=never", "--strict-checksums"]
        command += ["-f", str(SOURCE / "pom.xml")]
        command += ["dependency:copy-dependencies", f"-DoutputDirectory={partial}"]
        if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=2, check=False).returncode != 0:
            raise places.Failure("Maven could not fetch Cassandra")
        partial.rename(jars)
    _, told = java()
    if not archive(told).exists():
        make_archive(archive(told))


def make_archive(target):
    """Runs a node to readiness and lets it end in order, at which Java writes down the classes it loaded.
    A convenience: without the file a start only takes longer."""
    places.say("running Cassandra once to make its next starts faster")
    directory = home() / "archive"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    fresh = target.with_suffix(".partial")
    node = plan_node("archive", directory, directory, places.LOOPBACK, ports.free(3), [places.LOOPBACK], 0)
    at = node["argv"].index("-cp")
    node["argv"][at:at] = [f"-XX:ArchiveClassesAtExit={fresh}"]
    child, _ = processes.begin(node["argv"], directory / "node.log", directory)
    deadline = time.monotonic() + ARCHIVE_DEADLINE_S
    try:
        while not probes.ready(node["probe"]) and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)
        child.send_signal(signal.SIGTERM)
        child.wait(timeout=ARCHIVE_DEADLINE_S)
        fresh.rename(target)
        shutil.rmtree(directory, ignore_errors=True)
    except (OSError, subprocess.TimeoutExpired) as error:
        places.say(f"no class data ({error}); see {directory}/node.log; going on without")
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def plan_node(name, data, scratch, address, free_ports, seeds, position, heap=HEAP_ALONE):
    """Writes a node's configuration into `scratch`; its data goes to `data`."""
    own = scratch / name
    own.mkdir()
    cql_port, storage_port, ssl_storage_port = free_ports
    values = {
        "SEEDS": ",".join(f"{seed}:{storage_port}" for seed in seeds),
        "TOKEN": str(TOKENS[position]),
        "ADDRESS": address,
        "STORAGE_PORT": str(storage_port),
        "SSL_STORAGE_PORT": str(ssl_storage_port),
        "CQL_PORT": str(cql_port),
        "DIRECTORY": str(data / name),
        "HEAP": heap,
    }
    for file in ("cassandra.yaml", "jvm.options"):
        text = (SOURCE / file).read_text()
        (own / file).write_text(re.sub(r"@([A-Z_]+)@", lambda found: values[found.group(1)], text))
    program, told = java()
    jars = home() / "lib"
    ready_made = [f"-XX:SharedArchiveFile={archive(told)}"] if archive(told).exists() else []
    argv = [
        program,
        f"@{own / 'jvm.options'}",
        f"-javaagent:{next(jars.glob('jamm-*.jar'))}",
        *ready_made,
        # Not in the data's place: memory disks may refuse to run the libraries that are unpacked here.
        f"-Djava.io.tmpdir={own}",
        f"-Dcassandra.config=file://{own / 'cassandra.yaml'}",
        f"-Dcassandra.storagedir={data / name}",
        f"-Dcassandra.logdir={own}",
        f"-Dlogback.configurationFile={SOURCE / 'logback.xml'}",
        "-cp",
        f"{jars}/*",
        "org.apache.cassandra.service.CassandraDaemon",
    ]
    probe = {"kind": "cql", "address": address, "port": cql_port}
    return {"name": name, "argv": argv, "directory": str(own), "probe": probe, "deadline_s": ALONE_DEADLINE_S}


def plan_alone(data, scratch):
    """One node."""
    node = plan_node("cassandra", data, scratch, places.LOOPBACK, ports.free(3), [places.LOOPBACK], 0)
    return [node], {"VITRINE_TEST_CQL": f"{places.LOOPBACK}:{node['probe']['port']}"}


def plan_ring(data, scratch):
    """Three nodes on three loopback addresses with the same ports, each a third of the tokens."""
    for address in places.RING:
        if not ports.can_bind(address):
            raise places.Failure(f"the ring needs {address}; on macOS: sudo ifconfig lo0 alias {address} up")
    free_ports = ports.free(3, places.RING)
    nodes = [
        plan_node(f"ring-{at + 1}", data, scratch, address, free_ports, places.RING[:1], at, HEAP_IN_RING)
        for at, address in enumerate(places.RING)
    ]
    contacts = ",".join(f"{address}:{free_ports[0]}" for address in places.RING)
    return nodes, {"VITRINE_TEST_RING": contacts}
