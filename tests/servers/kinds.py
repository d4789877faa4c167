"""Each kind of server: what runs, how one sees that it is ready, what tests are told."""

import secrets

import cassandra
import fetch
import places
import ports

# To a first answer; Cassandra has a longer one of its own.
DEADLINE_S = 30


def plan_redis(data, scratch):
    """Redis that keeps nothing."""
    own = data / "redis"
    own.mkdir()
    (port,) = ports.free(1)
    settings = {
        "bind": places.LOOPBACK,
        "port": port,
        "dir": own,
        "save": '""',
        "appendonly": "no",
        "daemonize": "no",
        "databases": 16,
        "maxmemory": "512mb",
        "maxmemory-policy": "noeviction",
        "set-proc-title": "no",
    }
    file = scratch / "redis.conf"
    file.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    probe = {"kind": "redis", "address": places.LOOPBACK, "port": port}
    node = node_of("redis", [fetch.redis_program(), str(file)], own, probe)
    return [node], {"VITRINE_TEST_REDIS": f"redis://{places.LOOPBACK}:{port}"}


def plan_s3(data, scratch):
    """Versity's gateway over a directory. Its objects are files: `a` and `a/b` cannot both be there."""
    del scratch
    own = data / "s3"
    (own / "buckets").mkdir(parents=True)
    (own / "about").mkdir()
    (port,) = ports.free(1)
    access_key, secret_key, region = "vitrine-tests", secrets.token_hex(20), "us-east-1"
    argv = [str(fetch.built(places.VERSITYGW)), "--port", f"{places.LOOPBACK}:{port}", "--health", "/health"]
    argv += ["--access", access_key, "--secret", secret_key, "--region", region, "--keep-alive", "--quiet"]
    argv += ["posix", "--sidecar", str(own / "about"), str(own / "buckets")]
    probe = {"kind": "http", "address": places.LOOPBACK, "port": port, "path": "/health"}
    environment = {
        "VITRINE_TEST_S3": f"http://{places.LOOPBACK}:{port}",
        "VITRINE_TEST_S3_ACCESS_KEY": access_key,
        "VITRINE_TEST_S3_SECRET_KEY": secret_key,
        "VITRINE_TEST_S3_REGION": region,
    }
    return [node_of("s3", argv, own, probe)], environment


def plan_toxiproxy(data, scratch):
    """Toxiproxy; tests make their proxies through its API."""
    del data
    (port,) = ports.free(1)
    argv = [str(fetch.built(places.TOXIPROXY)), "-host", places.LOOPBACK, "-port", str(port)]
    probe = {"kind": "http", "address": places.LOOPBACK, "port": port, "path": "/version"}
    node = node_of("toxiproxy", argv, scratch, probe)
    return [node], {"VITRINE_TEST_TOXIPROXY": f"http://{places.LOOPBACK}:{port}"}


def plan_promtool(data, scratch):
    """Not a server, but found in the same way."""
    del data, scratch
    return [], {"VITRINE_TEST_PROMTOOL": fetch.promtool_program()}


def node_of(name, argv, directory, probe):
    """A node's record, as it is kept in the state file."""
    return {"name": name, "argv": argv, "directory": str(directory), "probe": probe, "deadline_s": DEADLINE_S}


# name → plan(data, scratch) → (nodes in the order of their start, variables)
KINDS = {
    "cassandra": cassandra.plan_alone,
    "ring": cassandra.plan_ring,
    "redis": plan_redis,
    "s3": plan_s3,
    "toxiproxy": plan_toxiproxy,
    "promtool": plan_promtool,
}
