#!/usr/bin/env python3
"""All of Apache Kafka's command line tools, in their usual subcommands, and kcat and kadm, against one broker: what they say must
be what they say to Apache Kafka 4.3.1, ids, times and places aside.

What Kafka had them say is kept in tool_answers.json, so that no Kafka is needed for the comparison:

    tests/interop/run --only tools                     # Ottla, compared with what is kept
    tests/interop/run --only tools --target kafka      # Kafka itself, compared with what is kept
    tests/interop/tools.py --record                    # Kafka again; what it has them say is kept from now on

The tools share one Java machine (clients/java/Tools.java), which saves most of the time; the few that can't are left out: the
ReplicaVerificationTool, which never ends, and the JmxTool, which is not about Kafka.
"""

import base64
import difflib
import json
import re
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from broker import KAFKA, Broker, kafka
from tool_steps import BEFORE_MOVES, BEFORE_OTHERS, FILE_STEPS, FILES, INPUTS, MOVE_STEPS, OTHER_STEPS, STEPS, steps

HERE = Path(__file__).resolve().parent
TOOLS = "tools"
ANSWERS = HERE / "tool_answers.json"
STEP_S = 60  # a tool that takes longer hangs
# MetadataShell shows what it has loaded by then: all, a part, or nothing, and then it hangs. Its longest answer counts.
SHELL = "org.apache.kafka.shell.MetadataShell"
SHELL_S = 15
SHELL_TRIES = 5
STOP_S = 10

SHELL_VERSION = "4.3.1"
# Groups need one partition each here, and the fewer there are the less is to be opened.
OVERRIDES = ["offsets.topic.num.partitions=1", "share.coordinator.state.topic.num.partitions=1", "offsets.topic.replication.factor=1",
             "transaction.state.log.num.partitions=1", "share.coordinator.state.topic.replication.factor=1",
             "share.coordinator.state.topic.min.isr=1", "group.initial.rebalance.delay.ms=0", "log.cleaner.enable=false"]

# Kafka has one anyway; for Ottla it is only something to tell.
CONTROLLER = ["controller.listener.names=CONTROLLER", "controller.quorum.voters=1@127.0.0.1:9093"]

# Ids, times, places and speeds: what no two brokers have in common. The order counts.
UNLIKE = [
    (r"Java HotSpot.*|OpenJDK .* warning.*", ""),
    (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,:]\d+Z?\b", "TIME"),
    (r"\b1[789]\d{11}\b", "TIME"),
    (r"(?<![A-Za-z0-9_-])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[A-Za-z0-9_-]{21}[AQgw](?![A-Za-z0-9_-])(==)?", "ID"),
    (r"console-(share-)?consumer-[0-9a-f-]{36}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"(?i)\bcrc: \d+", "crc: N"),
    (r"(console-consumer|perf-consumer|console-share-consumer)-\d+", r"\1-N"),
]
# Where a tool's numbers tell how fast the machine is, and how far the metadata log has come.
NUMBERS = ("ProducerPerformance", "ConsumerPerformance", "ShareConsumerPerformance", "EndToEndLatency", "MetadataQuorumCommand")
# Where Kafka has things in the order of a hash.
UNORDERED = ("StreamsResetter", "LeaderElectionCommand", "LogDirsCommand", "--describe --topics-with-overrides", "TopicCommand --describe", "MetadataShell", "ClientMetricsCommand --list", "kcat -L", "kcat -G",
             "ConsumerGroupCommand --list", "ShareGroupCommand --list", "GroupsCommand", "ConfigCommand --describe", "reassign.", "consumer.Console", "--describe --all-groups")

# Where Ottla means to say something else: the step, Kafka's line, Ottla's, and why. One that is no longer so fails.
MEANT = []


class Wrong(Exception):
    """A step went wrong; the text says how."""


class Machine:
    """The Java machine that the tools share. One that hangs, or that a tool ended, is replaced."""

    def __init__(self, java):
        self.java, self.process = java, None

    def run(self, class_name, words, stdin, limit_s=STEP_S):
        """-> status and all that was said."""
        if self.process is None:
            self.process = subprocess.Popen([*self.java, "Tools"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        hangs = threading.Timer(limit_s, self.process.kill)
        hangs.start()
        try:
            request = {"class": class_name, "arguments": words, "input": base64.b64encode(stdin.encode()).decode()}
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            hangs.cancel()
        if not line:
            self.close()
            return "ended the machine, or hung", ""
        ended = json.loads(line)
        said = b"".join(base64.b64decode(ended[stream]) for stream in ("output", "errors"))
        return ended["status"], said.decode(errors="replace")

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


class ToolRun:
    """The tools against one broker. `java` is how to start a machine, `kadm` the program."""

    def __init__(self, column, directory, binary, java, kadm, report=None):
        self.column, self.directory, self.binary, self.kadm, self.report = column, directory, binary, kadm, report
        self.directory.mkdir(parents=True)
        self.data, self.work = directory / "data", directory / "work"
        self.work.mkdir()
        self.port = kafka.free_port()
        # What a tool leaves behind goes with the rest.
        self.machine = Machine([java[0], f"-Djava.io.tmpdir={self.work}", *java[1:]])
        self.expected = expected_of(column) if report else {}
        for name, text in FILES.items():
            (self.work / name).write_text(text.replace("{moves}", str(self.directory / "moves" / "data")))
        (self.work / "server.properties").write_text(kafka.server_properties(self.data, self.port, []))

    def all(self):
        begin = time.monotonic()
        answers = self.answers()
        wrong = 0
        tools = {}
        for step, (seconds, said) in answers.items():
            took, details = tools.setdefault(class_of(step), ([], []))
            took.append(seconds)
            if detail := difference(self.expected.get(step), said):
                if any(step == listed for listed, *_ in MEANT):
                    detail += "\n(MEANT, in tools.py, says that it differs)"
                details.append(f"\n{step}\n{detail}")
                wrong += 1
        for tool, (took, details) in tools.items():
            self.report.add(TOOLS, tool, self.column, "fail" if details else "pass", sum(took), "\n".join(details))
        print(f"{self.column:6} {TOOLS}: {len(answers)} calls, {wrong} of them unlike Kafka, {time.monotonic() - begin:.1f} s", flush=True)

    def answers(self):
        """-> what each step took and had the tool say."""
        answers = {}
        try:
            with self.broker(self.directory):
                for step in steps(STEPS):
                    answers[step] = self.step(step, is_online=True)
            for step in steps(FILE_STEPS):
                answers[step] = self.shell_step(step) if step.startswith(SHELL) else self.step(step, is_online=False)
            # Nothing that was changed before is in their way.
            self.data = self.directory / "others" / "data"
            with self.broker(self.directory / "others"):
                for step in steps(BEFORE_OTHERS):
                    self.step(step, is_online=True)
                for step in steps(OTHER_STEPS):
                    answers[step] = self.other_step(step)
            # The shell of metadata closes the output of the machine that it runs in.
            self.machine.close()
            self.data = self.directory / "moves" / "data"
            with self.broker(self.directory / "moves", [f"log.dirs={self.data},{self.data}2"]):
                for step in steps(BEFORE_MOVES):
                    self.moved_step(step)
                for step in steps(MOVE_STEPS):
                    answers[step] = self.moved_step(step)
        finally:
            self.machine.close()
        return answers

    @contextmanager
    def broker(self, directory, overrides=()):
        directory.mkdir(exist_ok=True)
        overrides = [*OVERRIDES, *overrides] if self.column == KAFKA else [*OVERRIDES, *CONTROLLER, *overrides]
        broker = Broker(directory, self.port, self.column, self.binary, overrides)
        try:
            if problem := broker.start():
                raise Wrong(f"the broker {problem}")
            yield
            if problem := broker.stop(STOP_S):
                raise Wrong(f"the broker {problem}")
        finally:
            broker.kill()

    def shell_step(self, step):
        """In a machine of its own: it hangs more often where it ran before."""
        begin = time.monotonic()
        answers = []
        while len(answers) < SHELL_TRIES and self.expected.get(step) not in answers:
            self.machine.close()
            answers.append(self.step(step, is_online=False, limit_s=SHELL_S)[1])
        return time.monotonic() - begin, max(answers, key=len)

    def step(self, step, is_online, limit_s=STEP_S):
        begin = time.monotonic()
        command, _, stdin = step.partition(" < ")
        class_name, *words = shlex.split(command.replace("|", "'|'").format(data=self.data, work=self.work))
        if is_online:
            words = self.with_address(class_name, words)
        if "." not in class_name or class_name.startswith(("consumer.", "streams.", "reassign.")):
            class_name = "org.apache.kafka.tools." + class_name
        status, said = self.machine.run(class_name, words, INPUTS.get(stdin, ""), limit_s)
        return time.monotonic() - begin, self.alike(step, [f"status {status}", *said.splitlines()])

    def moved_step(self, step):
        """What is on its way is asked for until it is there."""
        begin = time.monotonic()
        while True:
            _, said = self.step(step, is_online=True)
            if not any("is still in progress" in line for line in said) or time.monotonic() - begin > STEP_S:
                return time.monotonic() - begin, said

    def other_step(self, step):
        begin = time.monotonic()
        command, _, stdin = step.partition(" < ")
        program, *words = shlex.split(command)
        address = f"127.0.0.1:{self.port}"
        words = [self.kadm, address] if program == "kadm" else [program, "-b", address, *words]
        try:
            ended = subprocess.run(words, input=INPUTS.get(stdin, ""), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=STEP_S)
            status, said = ended.returncode, ended.stdout
        except subprocess.TimeoutExpired:
            status, said = "hung", ""
        return time.monotonic() - begin, self.alike(step, [f"status {status}", *said.splitlines()])

    def with_address(self, class_name, words):
        address = ["--bootstrap-server", f"127.0.0.1:{self.port}"]
        # Some have it before their subcommand, and one after it.
        return words + address if class_name == "ClusterTool" else address + words

    def alike(self, step, lines):
        """Without what no two brokers have in common."""
        text = "\n".join(line.rstrip() for line in lines)
        for what, name in [(str(self.data), "DATA"), (str(self.work), "WORK"), (str(self.port), "PORT")]:
            text = text.replace(what, name)
        for pattern, name in UNLIKE:
            text = re.sub(pattern, name, text)
        # Times of few and of many milliseconds take different room.
        text = re.sub(r"(producerId|CreateTime|size|position|Epoch|\"size\"): ?\d+", r"\1: N", text)
        # What is logged comes with its time, and is not what the tool says; nor are the steps to a failure.
        lines = [line.strip() for line in text.splitlines()]
        lines = [line for line in lines if line and not re.match(r"at [\w.$/]+\(|null$|Tools\$Ended|Unexpected error:$|\d\d:\d\d:\d\d\.|%\d\|\[?TIME\]?,? (WARN|INFO|ERROR)|\.\.\. \d+ more", line)]
        if step.startswith(NUMBERS):
            lines = [re.sub(r"-?\d+(\.\d+)?|NaN", "N", line) for line in lines]
        # Tables are as wide as what is in them.
        lines = [in_order_of_directories(re.sub(r"\s+", " ", line)) for line in lines]
        return [lines[0], *sorted(lines[1:])] if any(part in step for part in UNORDERED) else lines


def in_order_of_directories(line):
    """The log directories that LogDirsCommand has in the order of a hash of their paths."""
    directories = re.findall(r'\{"partitions":\[[^]]*\],"error":[^}]*\}', line)
    return line.replace(",".join(directories), ",".join(sorted(directories))) if directories else line


def class_of(step):
    return step.partition(" ")[0].rpartition(".")[2]


def expected_of(column):
    """What is kept, but for what is meant to differ."""
    expected = json.loads(ANSWERS.read_text())
    if column != KAFKA:
        for step, kafkas, ottlas, _ in MEANT:
            expected[step][expected[step].index(kafkas)] = ottlas
    return expected


def difference(expected, said):
    """-> None, or how it differs."""
    if expected is None:
        return "not kept: tests/interop/tools.py --record asks Kafka"
    if expected != said:
        lines = difflib.unified_diff(expected, said, "kafka", "ottla", lineterm="", n=0)
        return "\n".join(["differs", *(line[:300] for line in list(lines)[2:40])])


def install_shell(directory):
    """The metadata shell is not among the tools' jars."""
    kafka.need("mvn", "Apache Maven (Debian and Ubuntu: apt-get install maven)")
    for artifact in (f"org.apache.kafka:kafka-shell:{SHELL_VERSION}", "org.jline:jline:3.30.4"):
        subprocess.run(["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={directory}"], check=True)


def record(java, kadm):
    with tempfile.TemporaryDirectory(prefix="ottla-tools-") as directory:
        answers = ToolRun(KAFKA, Path(directory) / KAFKA, None, java, kadm).answers()
    kept = {step: said for step, (_, said) in answers.items()}
    ANSWERS.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    print(f"{len(kept)} answers are kept in {ANSWERS}")


if __name__ == "__main__":
    if sys.argv[1:] != ["--record"]:
        sys.exit(__doc__.strip())
    from importlib.machinery import SourceFileLoader
    run = SourceFileLoader("run", str(HERE / "run")).load_module()
    run.install_java()
    run.install_shell()
    run.install_go()
    record(run.TOOLS_JAVA, run.KADM)
