"""Processes that outlive the one that started them: begin, recognise, end."""

import os
import pathlib
import signal
import subprocess
import time


def started(pid):
    """When the process began, as a text to compare; None if there is no such process (or only its remains)."""
    if pathlib.Path("/proc/self/stat").exists():
        try:
            text = pathlib.Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        fields = text.rpartition(")")[2].split()
        return None if fields[0] in ("Z", "X") else fields[19]
    asked = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    stat, _, when = asked.stdout.strip().partition(" ")
    return None if not stat or stat.startswith("Z") else when.strip()


def alive(process):
    """Whether the process of this record (`pid`, `started`) runs; a later one with its number does not count."""
    return process.get("pid") is not None and started(process["pid"]) == process["started"]


def begin(argv, log, directory):
    """Starts a server in a session of its own, so that Ctrl-C reaches us and not it. Gives its record."""
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(directory), "LANG": "C", "TZ": "UTC"}
    with open(log, "ab") as output:
        child = subprocess.Popen(
            argv,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return child, {"pid": child.pid, "started": started(child.pid)}


def send(process, number):
    """Sends a signal to the process of this record and its kin, if it still is that process."""
    if alive(process):
        try:
            os.killpg(process["pid"], number)
        except ProcessLookupError:
            pass


def end(processes):
    """Kills at once and waits: the data is thrown away, so there is nothing to close in good order."""
    for process in processes:
        send(process, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(alive(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.02)
