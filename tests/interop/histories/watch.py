"""Looks into what clients write down while they do, to see that all of them work."""

import json


class Watch:
    def __init__(self, directories):
        self.directories = directories
        self.paths = {}  # how far each was read
        self.open = {}  # (path, op) -> (process, operation, when it began)
        self.last = {}  # process -> when the last operation began that did something
        self.processes = set()
        self.ended = 0

    def operations(self):
        self.look()
        return self.ended

    def active_since(self, since_ns):
        """Processes that have done something that they had not begun before."""
        self.look()
        return {process for process, begun_ns in self.last.items() if begun_ns > since_ns}

    def look(self):
        for path in (path for directory in self.directories for path in directory.glob("*.jsonl")):
            at = self.paths.get(path, 0)
            with open(path, "rb") as file:
                file.seek(at)
                text = file.read()
            whole = text.rfind(b"\n") + 1
            self.paths[path] = at + whole
            for line in text[:whole].splitlines():
                self.hear(path, json.loads(line))

    def hear(self, path, line):
        key = path, line.get("op")
        if line["type"] == "invoke":
            self.open[key] = line["process"], line["at_ns"]
            self.processes.add(line["process"])
        elif key in self.open:
            process, begun_ns = self.open.pop(key)
            self.ended += 1
            if did_something(line):
                self.last[process] = begun_ns


def did_something(line):
    """A poll that got nothing shows nothing."""
    if line["type"] == "sent":
        return all(isinstance(outcome, int) for outcome in line["outcomes"])
    return line["type"] == "ok" and line.get("reads") != []
