"""The round trip: Ottla and Apache Kafka in turns on one directory, and whoever comes next finds all of it.

Ottla fills a directory and stops; Apache Kafka opens it, reads the same and adds to it; Ottla reads that, and is killed
while clients write; Apache Kafka recovers it with all that was acknowledged, and adds to it; Ottla reads that, adds and
stops. "The same" is every topic with its id and configs, every offset, time, key, value, header and leader epoch, and what
ListOffsets finds, read by one client from both. After each of Ottla's turns Apache Kafka's own DumpLogSegments looks at
every file.
"""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from broker import KAFKA, Broker, kafka

HERE = Path(__file__).resolve().parent
ROUND_TRIP = "round-trip"

CLIENT_S = 240  # the tools take a minute on a busy machine
STOP_S = 30  # all that was written is synced, and the disk may have others to serve
# Nothing goes away by itself, so that all that was read can be read again.
KEEP_ALL = ["log.retention.check.interval.ms=1000000000", "log.initial.task.delay.ms=1000000000"]
NO_CLEANER = [*KEEP_ALL, "log.cleaner.enable=false"]
# Kafka preallocates 20 MB of indexes for each partition, which take the tools long to look through.
OTTLA_FIRST = [*KEEP_ALL, "log.cleaner.backoff.ms=100", "offsets.topic.num.partitions=4", "share.coordinator.state.topic.num.partitions=2"]
KAFKA_ONLY = [*NO_CLEANER, "offsets.topic.num.partitions=4", "share.coordinator.state.topic.num.partitions=2"]
# Whose records have offsets with holes between them.
COMPACTED = "keys-0"
DUMPED = {".log", ".index", ".timeindex", ".txnindex", ".snapshot", ".checkpoint"}


class Wrong(Exception):
    """A check failed; the text says how."""


class RoundTrip:
    def __init__(self, runtime, directory, binary, python, report):
        self.runtime, self.directory, self.binary, self.python, self.report = runtime, directory, binary, python, report
        self.directory.mkdir(parents=True)
        self.data = directory / "data"
        self.port = kafka.free_port()
        self.broker = None
        self.log_from = 0

    def all(self):
        begin = time.monotonic()
        outcome = "ok"
        try:
            self.turns()
        except Wrong:
            outcome = "failed"
        finally:
            if self.broker:
                self.broker.kill()
        print(f"{self.runtime:6} {ROUND_TRIP}: {outcome}, {time.monotonic() - begin:.1f} s", flush=True)

    def turns(self):
        self.start("ottla starts", self.runtime, OTTLA_FIRST)
        self.client("ottla is filled", "fill")
        left = self.read("ottla is read", "ottla-1")
        self.check("ottla stops", self.stop)
        self.check("dump after a stop", self.dump)

        self.start("kafka opens it", KAFKA, KAFKA_ONLY)
        self.read("kafka has the same", "kafka-1", left)
        self.check("kafka needs no repair", self.nothing_was_repaired)
        self.client("kafka goes on", "more", "kafka")
        left = self.read("kafka is read", "kafka-2")
        self.check("kafka stops", self.stop)

        self.start("ottla opens it again", self.runtime, NO_CLEANER)
        left = self.read("ottla has the same", "ottla-2", left)
        self.check("ottla dies", self.die_under_load)
        self.check("dump after SIGKILL", self.dump)

        self.start("kafka recovers it", KAFKA, KAFKA_ONLY)
        left = self.read("kafka has all", "kafka-3", left, self.acknowledged())
        self.client("kafka goes on again", "more", "kafka-after-a-crash")
        left = self.read("kafka is read again", "kafka-4")
        self.check("kafka stops again", self.stop)

        self.start("ottla opens all", self.runtime, NO_CLEANER)
        self.read("ottla has all", "ottla-3", left)
        self.client("ottla goes on", "more", "ottla")
        self.check("ottla stops again", self.stop)
        self.check("dump at the end", self.dump)

    def check(self, name, body, *arguments):
        begin = time.monotonic()
        try:
            problem = body(*arguments)
        except (Wrong, subprocess.TimeoutExpired) as error:
            problem = str(error)
        took_s = time.monotonic() - begin
        self.report.add(ROUND_TRIP, name, self.runtime, "fail" if problem else "pass", took_s, problem or "",
                        self.log_tail() if problem else "")
        if problem:
            print(f"{self.runtime:6} {ROUND_TRIP}, {name}: {problem}", flush=True)
            raise Wrong(problem)

    # Brokers

    def start(self, name, runtime, overrides):
        self.broker = Broker(self.directory, self.port, runtime, self.binary, overrides)
        self.log_from = self.broker.log.stat().st_size if self.broker.log.exists() else 0
        self.check(name, lambda: self.broker.start() or self.strays())

    def stop(self):
        return self.broker.stop(STOP_S) or self.strays()

    def strays(self):
        """What Apache Kafka does not know, it renames."""
        strays = sorted(path.name for path in self.data.iterdir() if path.name.endswith("-stray"))
        return f"set aside: {', '.join(strays)}" if strays else None

    def said(self):
        """What the present broker has logged."""
        return self.broker.log.read_bytes()[self.log_from:].decode(errors="replace") if self.broker else ""

    def log_tail(self):
        return "\n".join(self.said().splitlines()[-15:])

    def nothing_was_repaired(self):
        """What Apache Kafka says of a directory after a clean stop. The metadata log it always looks through."""
        said = self.said()
        if "Skipping recovery of " not in said:
            return "it did not take the stop for a clean one"
        for line in said.splitlines():
            if ("Recovering unflushed segment" in line or "orrupt" in line) and "__cluster_metadata-0" not in line:
                return line

    def die_under_load(self):
        command = self.client_command("load", self.directory / "acknowledged.json")
        with open(self.directory / "load.log", "wb") as log:
            client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            is_loaded = client.stdout.readline()
            self.broker.kill()
            client.communicate(timeout=CLIENT_S)
        finally:
            client.kill()
        if not is_loaded or client.returncode != 0:
            return f"the client: {(self.directory / 'load.log').read_text()}"

    def acknowledged(self):
        return json.loads((self.directory / "acknowledged.json").read_text())

    # The client

    def client_command(self, command, *arguments):
        return [self.python, HERE / "clients" / "round_trip.py", command, f"127.0.0.1:{self.port}", *arguments]

    def run_client(self, command, *arguments):
        result = subprocess.run(self.client_command(command, *arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, timeout=CLIENT_S)
        if result.returncode != 0:
            return result.stdout.strip()

    def client(self, name, command, *arguments):
        self.check(name, self.run_client, command, *arguments)

    def read(self, name, out, left=None, acknowledged=None):
        """All topics; they must be as they were left, and have what was acknowledged since."""
        path = self.directory / f"{out}.json"

        def body():
            problem = self.run_client("read", path)
            if not problem and left is not None:
                compare(left, json.loads(path.read_text()), acknowledged)
            return problem

        self.check(name, body)
        return json.loads(path.read_text())

    # The files

    def dump(self):
        files = sorted(str(path.relative_to(self.data)) for path in self.data.rglob("*")
                       if path.suffix in DUMPED and not path.parent.name.endswith("-delete"))
        with ThreadPoolExecutor(2) as pool:
            deep, sanity = pool.map(lambda option: self.dump_with(option, files), ["--deep-iteration", "--index-sanity-check"])
        judge_dump(deep, files)
        judge_dump(sanity, files)
        for file in files:
            if file.endswith(("index")) and not file.endswith(".txnindex"):
                if f"{file} passed sanity check." not in sanity.stdout and f"{file} is empty." not in sanity.stdout:
                    return f"{file} was not said to be sane"
        return None if files else "there are no files"

    def dump_with(self, option, files):
        command = [sys.executable, HERE / "kafka", "tool", "DumpLogSegments", option, "--files", ",".join(files)]
        return subprocess.run(command, cwd=self.data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=CLIENT_S)


def judge_dump(result, files):
    if result.returncode != 0:
        raise Wrong(f"DumpLogSegments ended with status {result.returncode}: {result.stderr.strip() or result.stdout[-500:]}")
    place = None
    for line in result.stderr.splitlines():
        if line.startswith("Non-consecutive offsets in "):
            place = line
        # The tool says the latter of every segment that does not begin at offset 0.
        elif place is None or not (COMPACTED in place or line.startswith("  -1 is followed by ")):
            raise Wrong(f"DumpLogSegments: {place or ''}{line}")
    file = None
    for line in result.stdout.splitlines():
        if line.startswith("Dumping "):
            file = line.removeprefix("Dumping ")
        # A write that a SIGKILL has cut short; only the last segment of a log was being written to.
        is_last = file == max((each for each in files if each.endswith(".log") and Path(each).parent == Path(file).parent), default=None)
        if "isvalid: false" in line or ("invalid bytes" in line and not is_last):
            raise Wrong(f"{file}: {line}")


def compare(left, found, acknowledged):
    """Whether all is as it was left, but for records behind it where some were acknowledged since."""
    expect("topics", sorted(found), sorted(left))
    for name, topic in left.items():
        for what in ("id", "configs", "overrides"):
            expect(f"{what} of {name}", found[name][what], topic[what])
        expect(f"partitions of {name}", sorted(found[name]["partitions"]), sorted(topic["partitions"]))
        for index, partition in topic["partitions"].items():
            compare_partition(f"{name}-{index}", partition, found[name]["partitions"][index], acknowledged is not None)
    for topic, partition, offset, key in acknowledged or []:
        records = found[topic]["partitions"][str(partition)]["records"]
        # These topics have no holes.
        position = offset - records[0]["offset"]
        record = records[position] if position < len(records) else None
        expect(f"{topic}-{partition} at offset {offset}", record and (record["offset"], record["key"]), (offset, key))


def compare_partition(name, left, found, may_have_more):
    for one, other in zip(left["records"], found["records"]):
        if one != other:
            expect(f"{name} at offset {one['offset']}", other, one)
    count = len(left["records"])
    expect(f"number of records in {name}", len(found["records"][:count] if may_have_more else found["records"]), count)
    for what in ["earliest", "committed", *([] if may_have_more else ["latest", "max_timestamp", "by time"])]:
        expect(f"{what} of {name}", found[what], left[what])


def expect(what, got, wanted):
    if got == wanted:
        return
    if isinstance(got, dict) and isinstance(wanted, dict):
        differing = [key for key in sorted(got.keys() | wanted.keys()) if got.get(key) != wanted.get(key)]
        got, wanted = ({key: each.get(key) for key in differing} for each in (got, wanted))
    raise Wrong(f"{what}: got {got!r}, expected {wanted!r}")
