"""Writes down what a client asks for and what comes of it, a line of JSON an event, while it happens.

The lines are those of docs/checker.md, but for three things that ../merge.py makes up for:

- at_ns is CLOCK_MONOTONIC, which all processes of a machine share. It is taken before a call begins and after it has ended.
- a send is completed by {"type": "sent", "op": 1, "outcomes": [...]}: for each value its offset, "unknown" or "fail".
- {"type": "note", "process": ..., "what": ...} is for people: what the client said when something went wrong.
"""

import json
import threading
import time


class History:
    def __init__(self, path):
        # A line is in the file when the call returns, whatever becomes of this process.
        self.file = open(path, "w", buffering=1)
        self.lock = threading.Lock()
        self.ops = 0

    def invoke(self, process, operation, **fields):
        """Something is about to begin -> its number."""
        with self.lock:
            self.ops += 1
            self.write({"type": "invoke", "op": self.ops, "process": process, "operation": operation} | fields)
            return self.ops

    def ok(self, op, **fields):
        self.say({"type": "ok", "op": op} | fields)

    def fail(self, op):
        """It certainly had no effect."""
        self.say({"type": "fail", "op": op})

    def unknown(self, op):
        self.say({"type": "unknown", "op": op})

    def sent(self, op, outcomes):
        self.say({"type": "sent", "op": op, "outcomes": outcomes})

    def event(self, process, operation, **fields):
        self.say({"type": "event", "process": process, "operation": operation} | fields)

    def note(self, process, what):
        self.say({"type": "note", "process": process, "what": str(what)})

    def say(self, line):
        with self.lock:
            self.write(line)

    def write(self, line):
        self.file.write(json.dumps(line | {"at_ns": time.monotonic_ns()}) + "\n")
