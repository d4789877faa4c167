"""Each kind of server: what runs, how one sees that it is ready, what tests are told."""

import secrets
import subprocess
import time

import cassandra
import fetch
import places
import ports

# To a first answer; Cassandra has a longer one of its own.
DEADLINE_S = 30


def redis_node(name, port, data, scratch, more):
    """One Redis that keeps nothing."""
    own = data / name
    own.mkdir()
    settings = {
        "bind": places.LOOPBACK,
        "port": port,
        "dir": own,
        "save": '""',
        "appendonly": "no",
        "daemonize": "no",
        "maxmemory": "512mb",
        "maxmemory-policy": "noeviction",
        "set-proc-title": "no",
        **more,
    }
    file = scratch / f"{name}.conf"
    file.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    probe = {"kind": "redis", "address": places.LOOPBACK, "port": port}
    return node_of(name, [fetch.redis_program(), str(file)], own, probe)


def plan_redis(data, scratch):
    """Redis alone."""
    (port,) = ports.free(1)
    node = redis_node("redis", port, data, scratch, {"databases": 16})
    return [node], {"VITRINE_TEST_REDIS": f"redis://{places.LOOPBACK}:{port}"}


def plan_redis_cluster(data, scratch):
    """Three masters of a Redis Cluster; `form_redis_cluster` makes them one."""
    free = ports.free(6)
    nodes, urls = [], []
    for number, (port, bus) in enumerate(zip(free[:3], free[3:]), start=1):
        more = {"cluster-enabled": "yes", "cluster-port": bus, "cluster-node-timeout": 2000}
        nodes.append(redis_node(f"redis-cluster-{number}", port, data, scratch, more))
        urls.append(f"redis://{places.LOOPBACK}:{port}")
    return nodes, {"VITRINE_TEST_REDIS_CLUSTER": ",".join(urls)}


def form_redis_cluster(nodes):
    """Shares the slots out, and waits until every node knows."""
    cli = places.program("redis-cli")
    addresses = [f"{node['probe']['address']}:{node['probe']['port']}" for node in nodes]
    create = [cli, "--cluster", "create", *addresses, "--cluster-replicas", "0", "--cluster-yes"]
    made = subprocess.run(create, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    if made.returncode != 0:
        raise places.Failure(f"no Redis Cluster: {made.stdout[-500:]}{made.stderr[-500:]}")
    deadline = time.monotonic() + DEADLINE_S
    for node in nodes:
        ask = [cli, "-h", node["probe"]["address"], "-p", str(node["probe"]["port"]), "cluster", "info"]
        asked = {"capture_output": True, "text": True, "timeout": DEADLINE_S, "check": False}
        while "cluster_state:ok" not in subprocess.run(ask, **asked).stdout:
            if time.monotonic() > deadline:
                raise places.Failure(f"{node['name']} does not find its cluster whole")
            time.sleep(0.1)


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
    "redis-cluster": plan_redis_cluster,
    "s3": plan_s3,
    "toxiproxy": plan_toxiproxy,
    "promtool": plan_promtool,
}
