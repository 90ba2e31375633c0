"""What is in the files of a broker that has stopped, as `ottla dump` reads them: of either broker, by the same tool."""

import json
import subprocess

DISK = "disk"


def write_down(world, ottla, topics):
    """An event `disk` of each partition -> what was wrong with files, and the least and the greatest time in each topic."""
    problems, times_ms = [], {}
    for topic, partitions in topics.items():
        for partition in range(partitions):
            name = f"{topic}-{partition}"
            log = Log(ottla, world.volume.path / "data" / name)
            problems += [f"{name} on disk: {problem}" for problem in log.problems]
            world.history.event("files", DISK, partition=name, **{"from": log.begin}, end=log.end, records=log.records)
            times_ms.setdefault(topic, []).extend(log.times_ms)
    return problems, {topic: (min(times), max(times)) for topic, times in times_ms.items() if times}


class Log:
    def __init__(self, ottla, directory):
        self.records, self.times_ms, self.problems = [], [], []
        self.begin, self.end = None, 0
        dump = subprocess.Popen([ottla, "dump", "--json", "--records", directory], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for line in dump.stdout:
            row = json.loads(line)
            # Segments that are being deleted lie beside the others.
            if row["file"].endswith(".log"):
                self.row(row)
            if row["type"] == "damage":
                self.problems.append(f"{row['file']}: {row['message']}")
        said = dump.stderr.read()
        if dump.wait() != 0 and not self.problems:
            self.problems.append(f"dump ended with status {dump.returncode}: {said.strip()}")
        self.begin = self.begin or 0

    def row(self, row):
        if row["type"] == "batch":
            self.is_control = "control" in row["flags"]
            self.begin = row["baseOffset"] if self.begin is None else self.begin
            self.end = row["lastOffset"] + 1
            self.times_ms.append(row["maxTimestamp"])
        elif row["type"] == "record" and not self.is_control:
            self.records.append([row["offset"], int(row["value"])])
