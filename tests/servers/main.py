"""The command line: see `scripts/test-servers --help`."""

import argparse
import os
import signal
import subprocess
import sys
import time

import fetch
import fleet
import kinds
import places
import processes

# What a command gets to end in good order before it is ended.
GRACE_S = 15
POLL_S = 0.2

DESCRIPTION = """Starts the real servers that the tests need, on free ports of the loopback interface, and ends them.

names: cassandra (one node), ring (three nodes, ring-1 to ring-3), redis, s3, toxiproxy, promtool (no server).
`run` and `start` fetch what is missing. Logs of failed runs stay in target/servers/logs."""


def parser():
    """The arguments."""
    top = argparse.ArgumentParser(
        prog="test-servers", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = top.add_subparsers(dest="command", required=True)
    names = {"choices": list(kinds.KINDS), "metavar": "NAME"}
    one = commands.add_parser("fetch", help="download or build what is missing (all, if no name is given)")
    one.add_argument("names", nargs="*", default=[], metavar="NAME")
    one = commands.add_parser("start", help="start servers, print the variables, leave them running")
    one.add_argument("names", nargs="+", **names)
    one = commands.add_parser("run", help="start servers, run a command with the variables, stop them whatever happens")
    one.add_argument("names", nargs="+", **names)
    one = commands.add_parser("add", help="start more servers in the present run; they end with it")
    one.add_argument("names", nargs="+", **names)
    commands.add_parser("stop", help="stop what `start` left running")
    commands.add_parser("status", help="show what runs")
    for name, what in [
        ("kill", "end nodes as a power cut would"),
        ("revive", "start killed nodes again on their data"),
        ("pause", "hold nodes still"),
        ("resume", "let paused nodes go on"),
    ]:
        one = commands.add_parser(name, help=what)
        one.add_argument("nodes", nargs="+", metavar="NODE")
    one = commands.add_parser("watch")
    one.add_argument("directory")
    return top


def main(arguments):
    """Runs one command; gives the exit status."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    wanted, rest = arguments[:at], arguments[at + 1 :]
    asked = parser().parse_args(wanted)
    try:
        if asked.command == "run" and not rest:
            raise places.Failure("run NAME… -- COMMAND: the command is missing")
        return act(asked, rest)
    except places.Failure as failure:
        places.say(str(failure))
        return 1


def act(asked, rest):
    """Does what was asked."""
    if asked.command == "fetch":
        unknown = set(asked.names) - set(kinds.KINDS)
        if unknown:
            raise places.Failure(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(kinds.KINDS)}")
        fetch.fetch(asked.names or list(kinds.KINDS))
    elif asked.command == "start":
        start(asked.names)
    elif asked.command == "add":
        add(asked.names)
    elif asked.command == "run":
        return Run(asked.names, rest).whole()
    elif asked.command == "stop":
        for one in fleet.all_runs():
            if one.read()["owner"] is None:
                one.stop(keep_logs=False)
        fleet.sweep()
    elif asked.command == "status":
        status()
    elif asked.command == "watch":
        watch(asked.directory)
    else:
        fault(present(), asked.command, asked.nodes)
    return 0


def fault(one, command, nodes):
    """Does something bad or good to nodes."""
    if command == "kill":
        one.kill(nodes)
    elif command == "revive":
        one.revive(nodes)
    else:
        one.signal(nodes, signal.SIGSTOP if command == "pause" else signal.SIGCONT)


def present():
    """The run that is meant: that of the variable, else the only one."""
    if fleet.STATE in os.environ:
        return fleet.Fleet(os.path.dirname(os.environ[fleet.STATE]))
    runs = fleet.all_runs()
    if len(runs) != 1:
        raise places.Failure(f"{len(runs)} runs are there; {fleet.STATE} says which one is meant")
    return runs[0]


def status():
    """Shows each run and its nodes."""
    for one in fleet.all_runs():
        state = one.read()
        owner = state["owner"]
        print(f"{one.directory.name} ({'left running' if owner is None else 'of process %d' % owner['pid']})")
        for name, node in state["nodes"].items():
            condition = "runs" if processes.alive(node["process"]) else "is dead"
            print(f"  {name} {condition}, {node['probe']['address']}:{node['probe']['port']}, {one.logs}/{name}.log")


def start(names):
    """Starts servers that stay until `stop`."""
    fleet.sweep()
    fetch.fetch(names)
    one = fleet.Fleet.create(owner=None)
    try:
        environment = one.start(names)
    except BaseException:
        one.stop(keep_logs=True)
        raise
    tell(environment)


def add(names):
    """Starts more servers in a run that is there already; they end with it."""
    fetch.fetch(names)
    tell(present().start(names))


def tell(environment):
    """Prints variables."""
    for key, value in environment.items():
        print(f"{key}={value}")


def watch(directory):
    """Waits until standard input closes, which it does when its writer is gone for whatever reason, then clears up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    fleet.Fleet(directory).stop(keep_logs=True)


class Stopped(BaseException):
    """A signal told us to end."""


class Run:
    """`run NAME… -- COMMAND`."""

    def __init__(self, names, command):
        self.names = names
        self.command = command
        self.parent = os.getppid()
        self.child = None
        # At a terminal the command stays in our group, so that it can read keys and gets Ctrl-C itself.
        self.own_group = not sys.stdin.isatty()

    def whole(self):
        """Everything, from the fetch to the end."""
        fleet.sweep()
        fetch.fetch(self.names)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.on_signal)
        one = fleet.Fleet.create(owner=os.getpid())
        argv = [sys.executable, sys.argv[0], "watch", str(one.directory)]
        watcher = subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True)
        code = 1
        try:
            environment = one.start(self.names)
            code = self.run_command(one, environment)
            dead = one.casualties()
            if dead:
                places.say(f"ended on their own: {', '.join(dead)}")
                code = code or 1
        except Stopped as stopped:
            code = 128 + stopped.args[0]
        finally:
            self.end_command()
            one.stop(keep_logs=code != 0)
            watcher.stdin.close()
            watcher.wait()
        if code != 0:
            places.say(f"logs: {one.logs}")
        return code

    def on_signal(self, number, _frame):
        """Ends everything; further signals do not disturb that."""
        for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(other, signal.SIG_IGN)
        raise Stopped(number)

    def run_command(self, one, environment):
        """Runs the command; gives up when our own parent is gone."""
        try:
            self.child = subprocess.Popen(
                self.command,
                env={**os.environ, **environment},
                start_new_session=self.own_group,
            )
        except OSError as error:
            raise places.Failure(f"cannot run {self.command[0]}: {error.strerror}") from error
        with one.change() as state:
            pid = self.child.pid
            state["command"] = {"pid": pid, "started": processes.started(pid), "group": self.own_group}
        while True:
            try:
                code = self.child.wait(timeout=POLL_S)
                return code if code >= 0 else 128 - code
            except subprocess.TimeoutExpired:
                one.bury()
                if os.getppid() != self.parent:
                    raise Stopped(signal.SIGTERM) from None

    def end_command(self):
        """Asks the command to end, then makes it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.child is None or self.child.poll() is not None:
                return
            if self.own_group:
                os.killpg(self.child.pid, number)
            else:
                self.child.send_signal(number)
            deadline = time.monotonic() + GRACE_S
            while self.child.poll() is None and time.monotonic() < deadline:
                time.sleep(POLL_S)
