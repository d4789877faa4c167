"""The servers of one run: begun together, killed and revived one by one, ended together.

What runs is written down in `target/servers/run/<id>/state.json` before and after each step, so that another
process (a test, the watcher, a later `stop`) can do any of this too.
"""

import concurrent.futures
import contextlib
import fcntl
import json
import os
import pathlib
import secrets
import shutil
import signal
import threading
import time

import cql
import kinds
import places
import probes
import processes

# The variable that tells a test, or this program called by one, which run is meant.
STATE = "VITRINE_TEST_SERVERS_STATE"
TRIES_MAX = 3
POLL_S = 0.1


class Died(places.Failure):
    """A server ended before it was ready: perhaps somebody else took its port."""


class Fleet:
    """One run."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.file = self.directory / "state.json"
        self.logs = places.LOGS / self.directory.name
        # Those that this very process started, to notice and bury them when they end.
        self.children = []
        # A start that fails or is broken off need not wait for the slower ones.
        self.given_up = threading.Event()

    @classmethod
    def create(cls, owner):
        """An empty run that belongs to the process `owner`, or to nobody in particular."""
        name = time.strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(3)
        fleet = cls(places.RUNS / name)
        fleet.directory.mkdir(parents=True, mode=0o700)
        fleet.logs.mkdir(parents=True)
        owner_record = {"pid": owner, "started": processes.started(owner)} if owner else None
        data = str(places.fast_directory(name, fleet.directory))
        fleet.write({"owner": owner_record, "data": data, "nodes": {}, "kinds": {}, "command": None})
        return fleet

    def read(self):
        """The state as it was last written."""
        return json.loads(self.file.read_text())

    def write(self, state):
        """Replaces the state in one step."""
        fresh = self.file.with_suffix(".fresh")
        fresh.write_text(json.dumps(state, indent=2))
        fresh.rename(self.file)

    @contextlib.contextmanager
    def change(self):
        """Reads the state, lets the caller change it, writes it; others wait meanwhile."""
        with open(self.directory / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self.read()
            yield state
            self.write(state)

    # Beginning

    def start(self, names):
        """Starts those of these kinds that are not there yet, at the same time, and waits until all are ready.
        Gives the variables of all that this run has."""
        missing = [name for name in dict.fromkeys(names) if name not in self.read()["kinds"]]
        with concurrent.futures.ThreadPoolExecutor(max_workers=len(kinds.KINDS)) as pool:
            try:
                for done in concurrent.futures.as_completed([pool.submit(self.start_kind, name) for name in missing]):
                    done.result()
            except BaseException:
                self.given_up.set()
                raise
        found = {key: value for told in self.read()["kinds"].values() for key, value in told.items()}
        return {**found, STATE: str(self.file)}

    def start_kind(self, name):
        """Starts one kind; tries again with other ports if a server ends at once."""
        for attempt in range(1, TRIES_MAX + 1):
            try:
                return self.try_kind(name, attempt)
            except Died as error:
                places.say(f"{error}; attempt {attempt} of {TRIES_MAX}")
        raise places.Failure(f"{name} does not start; see {self.logs}")

    def try_kind(self, name, attempt):
        """One attempt, in directories of its own."""
        began = time.monotonic()
        scratch = self.directory / f"{name}-{attempt}"
        data = pathlib.Path(self.read()["data"]) / f"{name}-{attempt}"
        scratch.mkdir()
        data.mkdir()
        nodes, environment = kinds.KINDS[name](data, scratch)
        # The first one alone: the others of a ring ask it who is there.
        for together in (nodes[:1], nodes[1:]):
            with self.change() as state:
                for node in together:
                    self.spawn(state, node)
            for node in together:
                self.await_node(node)
        if name == "ring":
            self.await_agreement()
        if name == "redis-cluster":
            kinds.form_redis_cluster(nodes)
        with self.change() as state:
            state["kinds"][name] = environment
        if nodes:
            places.say(f"{name} is ready after {time.monotonic() - began:.1f} s ({', '.join(environment.values())})")

    def spawn(self, state, node):
        """Starts the process of a node and writes it down."""
        places.say(f"starting {node['name']} on {node['probe']['address']}:{node['probe']['port']}")
        child, node["process"] = processes.begin(node["argv"], self.logs / f"{node['name']}.log", node["directory"])
        node["expected"] = True
        self.children.append(child)
        state["nodes"][node["name"]] = node

    def await_node(self, node):
        """Waits until a node answers."""
        deadline = time.monotonic() + node["deadline_s"]
        while not probes.ready(node["probe"]):
            self.bury()
            if self.given_up.is_set():
                raise places.Failure(f"did not wait for {node['name']}")
            if not processes.alive(node["process"]):
                raise Died(f"{node['name']} ended before it was ready (see {self.logs / node['name']}.log)")
            if time.monotonic() > deadline:
                raise places.Failure(f"{node['name']} was not ready in {node['deadline_s']} s; see {self.logs}")
            time.sleep(POLL_S)

    def await_agreement(self):
        """Waits until every living node of the ring sees all the living ones, the others having been given up."""
        living = [node for node in self.ring() if processes.alive(node["process"])]
        level = (cql.ONE, cql.TWO, cql.THREE)[len(living) - 1]
        deadline = time.monotonic() + living[0]["deadline_s"]
        for node in living:
            address, port = node["probe"]["address"], node["probe"]["port"]
            while not self.given_up.is_set() and (amiss := cql.amiss(address, port, level)):
                if time.monotonic() > deadline:
                    raise places.Failure(f"{node['name']} does not see {len(living)} nodes: {amiss}; see {self.logs}")
                time.sleep(POLL_S)

    def ring(self):
        """The nodes of the ring, if there is one."""
        return [node for name, node in self.read()["nodes"].items() if name.startswith("ring-")]

    def bury(self):
        """Takes note of those of our own children that ended; else they would stay as remains."""
        self.children = [child for child in self.children if child.poll() is None]

    # Faults

    def node(self, state, name):
        """A node by name."""
        if name not in state["nodes"]:
            raise places.Failure(f"there is no `{name}`; running: {', '.join(state['nodes']) or 'nothing'}")
        return state["nodes"][name]

    def kill(self, names):
        """Ends nodes as a power cut would, and waits until they are gone."""
        with self.change() as state:
            nodes = [self.node(state, name) for name in names]
            for node in nodes:
                node["expected"] = False
            processes.end([node["process"] for node in nodes])

    def revive(self, names):
        """Starts nodes again, on the same data and ports, and waits until they are ready and the others see them."""
        with self.change() as state:
            nodes = [self.node(state, name) for name in names]
            for node in nodes:
                if not processes.alive(node["process"]):
                    self.spawn(state, node)
        for node in nodes:
            self.await_node(node)
        if any(name.startswith("ring-") for name in names):
            self.await_agreement()

    def signal(self, names, number):
        """Holds nodes still (SIGSTOP) or lets them go on (SIGCONT)."""
        with self.change() as state:
            for name in names:
                processes.send(self.node(state, name)["process"], number)

    # Ending

    def casualties(self):
        """Nodes that ended though nobody asked them to."""
        nodes = self.read()["nodes"].values()
        return [node["name"] for node in nodes if node["expected"] and not processes.alive(node["process"])]

    def stop(self, keep_logs):
        """Ends everything and removes everything but, if asked, the logs. May be called twice."""
        if not self.file.exists():
            return
        with self.change() as state:
            end_command(state["command"])
            processes.end([node["process"] for node in state["nodes"].values()])
            self.bury()
        shutil.rmtree(state["data"], ignore_errors=True)
        shutil.rmtree(self.directory, ignore_errors=True)
        if not keep_logs:
            shutil.rmtree(self.logs, ignore_errors=True)
        for old in sorted(places.LOGS.iterdir())[: -places.LOG_RUNS_MAX] if places.LOGS.is_dir() else []:
            shutil.rmtree(old, ignore_errors=True)


def end_command(command):
    """Ends the command of a `run` that nobody waits for any more."""
    if command is None or not processes.alive(command):
        return
    if command["group"]:
        processes.send(command, signal.SIGKILL)
    else:
        with contextlib.suppress(ProcessLookupError):
            os.kill(command["pid"], signal.SIGKILL)


def all_runs():
    """Every run that left a state."""
    found = sorted(places.RUNS.glob("*/state.json")) if places.RUNS.is_dir() else []
    return [Fleet(file.parent) for file in found]


def sweep():
    """Ends runs whose owner is gone: only a machine that went down with everything leaves such."""
    for fleet in all_runs():
        with contextlib.suppress(OSError, ValueError):
            owner = fleet.read()["owner"]
            if owner is not None and not processes.alive(owner):
                places.say(f"clearing up after the run {fleet.directory.name}")
                fleet.stop(keep_logs=True)
