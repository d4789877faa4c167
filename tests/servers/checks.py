"""Does test-servers clean up after itself, whatever happens? Tried with Redis alone, which starts at once.

Run it: python3 tests/servers/checks.py
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

sys.dont_write_bytecode = True
# Apart from real runs, whose logs somebody may still want to read.
OWN = tempfile.TemporaryDirectory()
os.environ["VITRINE_TEST_SERVERS_OWN"] = OWN.name

import fleet
import kinds
import places
import processes

SCRIPT = str(places.ROOT / "scripts" / "test-servers")
TELL = "import os; print(os.environ['VITRINE_TEST_SERVERS_STATE'], flush=True)"
STAY = [sys.executable, "-c", TELL + "; import time; time.sleep(60)"]
DEADLINE_S = 30


def until(condition, what):
    """Polls until the condition holds."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"still not: {what}"
        time.sleep(0.05)


class Begun:
    """A `run redis` whose command waits."""

    def __init__(self, wrapper=()):
        argv = [*wrapper, SCRIPT, "run", "redis", "--", *STAY]
        self.runner = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.state_file = pathlib.Path(self.runner.stdout.readline().strip())
        until(lambda: self.read()["command"], "the command is written down")
        self.state = self.read()
        self.redis = self.state["nodes"]["redis"]["process"]

    def read(self):
        return json.loads(self.state_file.read_text())

    def script(self, *arguments):
        environment = {**os.environ, "VITRINE_TEST_SERVERS_STATE": str(self.state_file)}
        subprocess.run([SCRIPT, *arguments], env=environment, check=True)

    def expect_nothing_left(self, test):
        until(lambda: not processes.alive(self.redis), "Redis is gone")
        until(lambda: not processes.alive(self.state["command"]), "the command is gone")
        until(lambda: not self.state_file.parent.exists(), "the run's directory is gone")
        test.assertFalse(pathlib.Path(self.state["data"]).exists())
        self.runner.stdout.close()


class Cleaning(unittest.TestCase):
    """However it ends, nothing is left."""

    def test_the_commands_status_is_handed_on(self):
        ended = subprocess.run([SCRIPT, "run", "redis", "--", "sh", "-c", "exit 7"], check=False)
        self.assertEqual(ended.returncode, 7)

    def test_a_good_run_leaves_no_logs(self):
        before = set(places.LOGS.glob("*"))
        command = [sys.executable, "-c", TELL]
        ended = subprocess.run([SCRIPT, "run", "redis", "--", *command], check=True, capture_output=True, text=True)
        self.assertFalse(pathlib.Path(ended.stdout.strip()).exists())
        self.assertEqual(set(places.LOGS.glob("*")), before)

    def test_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                begun = Begun()
                begun.runner.send_signal(number)
                self.assertEqual(begun.runner.wait(timeout=DEADLINE_S), 128 + number)
                begun.expect_nothing_left(self)

    def test_the_runner_is_killed(self):
        begun = Begun()
        begun.runner.kill()
        begun.runner.wait(timeout=DEADLINE_S)
        begun.expect_nothing_left(self)

    def test_the_runners_parent_is_killed(self):
        begun = Begun(wrapper=["sh", "-c", '"$@"; true', "sh"])
        self.assertNotEqual(begun.state["owner"]["pid"], begun.runner.pid)
        begun.runner.kill()
        begun.runner.wait(timeout=DEADLINE_S)
        begun.expect_nothing_left(self)

    def test_a_server_that_dies_on_its_own_fails_the_run(self):
        begun = Begun()
        os.kill(begun.redis["pid"], signal.SIGKILL)
        os.kill(begun.state["command"]["pid"], signal.SIGTERM)
        self.assertNotEqual(begun.runner.wait(timeout=DEADLINE_S), 0)
        self.assertTrue((places.LOGS / begun.state_file.parent.name / "redis.log").exists())
        begun.expect_nothing_left(self)


    def test_what_was_added_ends_too(self):
        begun = Begun()
        begun.script("add", "toxiproxy", "redis")
        added = begun.read()["nodes"]
        self.assertEqual(added["redis"]["process"], begun.redis, "what is there stays as it is")
        self.assertTrue(processes.alive(added["toxiproxy"]["process"]))
        begun.runner.kill()
        begun.runner.wait(timeout=DEADLINE_S)
        begun.expect_nothing_left(self)
        self.assertFalse(processes.alive(added["toxiproxy"]["process"]))


class Faults(unittest.TestCase):
    """Killing, reviving, holding still."""

    def test_kill_and_revive_keep_the_port(self):
        begun = Begun()
        address = (places.LOOPBACK, begun.state["nodes"]["redis"]["probe"]["port"])
        begun.script("kill", "redis")
        self.assertFalse(processes.alive(begun.redis))
        with self.assertRaises(OSError):
            socket.create_connection(address, timeout=1).close()
        begun.script("revive", "redis")
        socket.create_connection(address, timeout=1).close()
        begun.redis = begun.read()["nodes"]["redis"]["process"]
        begun.script("pause", "redis")
        with socket.create_connection(address, timeout=1) as connection:
            connection.settimeout(0.5)
            connection.sendall(b"PING\r\n")
            with self.assertRaises(TimeoutError):
                connection.recv(1)
            begun.script("resume", "redis")
            connection.settimeout(DEADLINE_S)
            self.assertEqual(connection.recv(7), b"+PONG\r\n")
        begun.runner.terminate()
        begun.runner.wait(timeout=DEADLINE_S)
        begun.expect_nothing_left(self)


class Starting(unittest.TestCase):
    """When a start goes wrong."""

    def test_a_taken_port_is_answered_by_another_try(self):
        with socket.socket() as taken:
            taken.bind((places.LOOPBACK, 0))
            taken.listen()
            port = taken.getsockname()[1]
            one = fleet.Fleet.create(owner=os.getpid())
            try:
                free = kinds.ports.free
                # A listener that says nothing: Redis cannot bind there and ends.
                answers = iter([[port]])
                with unittest.mock.patch.object(
                    kinds.ports, "free", lambda *about: next(answers, None) or free(*about)
                ):
                    environment = one.start(["redis"])
                self.assertNotIn(str(port), environment["VITRINE_TEST_REDIS"])
            finally:
                one.stop(keep_logs=False)

    def test_one_that_fails_does_not_wait_for_a_slow_one(self):
        one = fleet.Fleet.create(owner=os.getpid())

        def silent(data, scratch):
            del data
            probe = {"kind": "redis", "address": places.LOOPBACK, "port": 1}
            return [kinds.node_of("silent", ["sleep", "600"], scratch, probe)], {}

        def impossible(data, scratch):
            del data, scratch
            until(lambda: "silent" in one.read()["nodes"], "the slow one began")
            raise places.Failure("impossible")

        began = time.monotonic()
        try:
            with unittest.mock.patch.dict(kinds.KINDS, silent=silent, impossible=impossible):
                with self.assertRaisesRegex(places.Failure, "impossible"):
                    one.start(["silent", "impossible"])
            sleeper = one.read()["nodes"]["silent"]["process"]
        finally:
            one.stop(keep_logs=False)
        self.assertLess(time.monotonic() - began, kinds.DEADLINE_S / 2)
        self.assertFalse(processes.alive(sleeper))

    def test_a_later_process_with_the_same_number_is_left_alone(self):
        child = subprocess.Popen(["sleep", "60"], start_new_session=True)
        try:
            processes.end([{"pid": child.pid, "started": "another time"}])
            self.assertIsNone(child.poll())
        finally:
            child.kill()
            child.wait()


if __name__ == "__main__":
    unittest.main()
