"""What all clients share: the cloud's own words about itself, and a judgement that sets the exit status."""

import json
import os
import subprocess
import sys

# Longest that one program or one answer is waited for, seconds; only ever used up by a failure.
PATIENCE = 20

_wrong = []


def cloud():
    """`client.json`: keys, names and files of the cloud of this run."""
    with open(os.path.join(os.environ["TESTBED_CLOUD_DIR"], "client.json"), encoding="utf-8") as file:
        return json.load(file)


def expect(what, seen, wanted):
    """One line on what was looked at; a difference makes the client fail in the end."""
    if seen == wanted:
        print(f"ok: {what}: {seen}", flush=True)
    else:
        print(f"wrong: {what}: {seen}, expected {wanted}", flush=True)
        _wrong.append(what)


def run(*command):
    """Runs a program to its end: exit status, standard output, standard error."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    return done.returncode, done.stdout, done.stderr


def finish():
    """The last line of every client."""
    sys.exit(1 if _wrong else 0)
