"""Applications: programs that use a client as its users do, told here what to do, and watched in what they do.

A client program that is called as  PROGRAM NAME serve ADDRESS PROTOCOL  reads commands from its standard input, one JSON object a
line, and writes an answer for each, and what its members do, to its standard output. It ends when its input ends. PROTOCOL is that of its groups: classic, or
consumer (KIP-848).

  {"id": 7, "do": "join", ...}          a command; several may be under way
  {"id": 7, "result": ...}              its answer, or
  {"id": 7, "error": "..."}
  {"member": "one", "read": [[partition, offset, value], ...]}      told before the commit
  {"member": "one", "committed": [[partition, next offset], ...]}   told once the broker has acknowledged it

The commands, with what each answers:

  topic {topic, partitions}             makes a topic
  produce {topic, values}               values: [[partition, value], ...]; answers when all are acknowledged
  join {member, group, topic, instance, isolation, protocol}
                                        a member that reads, tells, commits, and so on, until it leaves. It begins where
                                        the group is, or at the earliest record. A commit that a rebalance refuses is no
                                        failure: those records are read again. instance: a static member. isolation:
                                        read_committed or read_uncommitted. protocol: the group's, where it is not the program's own
  leave {member}                        answers when the member has stopped and left (a static one stays in the group)
  groups {}                             {group: state}
  describe {group}                      [state, number of members]
  committed {group, topic}              [[partition, offset], ...] of those that have one
  reset {group, topic, offsets}         offsets: [[partition, offset], ...]
  delete {group}
  open {producer, transactional}        a producer with this transactional id
  begin, commit, abort {producer}
  send {producer, topic, values}        in the transaction; answers when all are acknowledged
  transform {member, group, topic, to, transactional}
                                        a member that writes "partition:offset:value" of each record that it reads to the
                                        topic `to`, in a transaction that commits its offsets too. What a failure undoes,
                                        it does again
  streams {member, group, topic, to, directory, protocol}
                        Java's alone: Kafka Streams counts the values of a topic by their last letter, exactly once, keeps
                        the counts in the directory, and writes "letter:count" to the topic `to`. protocol: classic, or streams
                        (KIP-1071), with one copy of each state
  tool {class, arguments}
                        Java's alone: runs one of Kafka's tools: [status, output]
  tasks {group}         Java's alone: [state, number of members, active tasks, standby tasks] of a streams group
"""

import json
import subprocess
import threading
import time

WAIT_S = 60  # several applications share the machine


class Refused(Exception):
    """The application answered with an error."""


class Application:
    """One such program. What its members read and commit is judged as it comes in: see `problems`."""

    def __init__(self, name, command, address, log, environment, group_protocol="classic"):
        self.name = name
        self.log = open(log, "a")
        self.process = subprocess.Popen([*command, name, "serve", address, group_protocol], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, text=True, env=environment, start_new_session=True)
        self.changed = threading.Condition()
        self.answers = {}
        self.last_id = 0
        self.is_over = False
        self.members = {}  # member -> (group, topic)
        self.reads = {}  # (group, topic) -> [(member, partition, offset, value)]
        self.commits = {}  # (group, topic, partition) -> next offset
        self.problems = []
        self.produced = 0
        threading.Thread(target=self.listen, daemon=True).start()

    def close(self):
        """Its members leave by themselves or not; either is fine by now."""
        try:
            self.process.stdin.close()
            self.process.wait(5)
        except (subprocess.TimeoutExpired, OSError):
            self.process.kill()
            self.process.wait()
        self.log.close()

    # What it is told

    def call(self, do, **arguments):
        with self.changed:
            self.last_id += 1
            call_id = self.last_id
            self.process.stdin.write(json.dumps({"id": call_id, "do": do} | arguments) + "\n")
            self.process.stdin.flush()
            self.until(lambda: call_id in self.answers, lambda: f"{do} has no answer")
            answer = self.answers.pop(call_id)
        if "error" in answer:
            raise Refused(f"{do}: {answer['error']}")
        return answer.get("result")

    def join(self, member, group, topic, do="join", **arguments):
        with self.changed:
            self.members[member] = (group, topic)
        self.call(do, member=member, group=group, topic=topic, **arguments)

    def leave(self, member):
        self.call("leave", member=member)

    def produce(self, topic, partitions, each):
        """As many values to each partition, none of which was written before; -> the values."""
        values = [[partition, self.value()] for _ in range(each) for partition in range(partitions)]
        self.call("produce", topic=topic, values=values)
        return [value for _, value in values]

    def value(self):
        with self.changed:
            self.produced += 1
            return f"v{self.produced}"

    # What it tells

    def listen(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                with self.changed:
                    self.hear(json.loads(line))
                    self.changed.notify_all()
        with self.changed:
            self.is_over = True
            self.changed.notify_all()

    def hear(self, said):
        if "id" in said:
            self.answers[said["id"]] = said
            return
        member = said["member"]
        group, topic = self.members[member]
        for partition, offset, value in said.get("read", []):
            if offset < self.commits.get((group, topic, partition), 0):
                self.problems.append(f"{member} read {topic}-{partition} at {offset} again: the group had committed "
                                     f"{self.commits[group, topic, partition]}")
            self.reads.setdefault((group, topic), []).append((member, partition, offset, value))
        for partition, offset in said.get("committed", []):
            key = (group, topic, partition)
            self.commits[key] = max(offset, self.commits.get(key, 0))

    def until(self, is_reached, what):
        """Waits; `what` gives the words for a failure."""
        deadline = time.monotonic() + WAIT_S
        with self.changed:
            while not is_reached():
                if self.is_over:
                    raise AssertionError(f"the program has ended: {what()}")
                if not self.changed.wait(max(0, deadline - time.monotonic())) and time.monotonic() >= deadline:
                    raise AssertionError(f"after {WAIT_S} s: {what()}")

    # What is asked of it

    def shared(self, group, topic, partitions, members):
        """Waits until each of these members, and nobody else, reads some of the partitions, and between them all."""
        begin = len(self.reads.get((group, topic), []))

        def owners():
            recent = self.reads.get((group, topic), [])[begin:]
            return {partition: member for member, partition, _, _ in recent}

        self.until(lambda: len(owners()) == partitions and set(owners().values()) == set(members),
                   lambda: f"{members} should share {partitions} partitions, but these read: {owners()}")
        return owners()

    def have_read(self, group, topic, values):
        """Waits until the group has read all of these."""
        wanted = set(values)

        def missing():
            return wanted - {value for _, _, _, value in self.reads.get((group, topic), [])}

        self.until(lambda: not missing(), lambda: f"{len(missing())} of {len(wanted)} values were not read: {sorted(missing())[:5]}")

    def expect_no_problems(self):
        if self.problems:
            raise AssertionError(f"{len(self.problems)} problems; {self.problems[0]}")


class Load(threading.Thread):
    """Writes to all partitions of a topic until it is stopped: used as a context."""

    PAUSE_S = 0.02

    def __init__(self, application, topic, partitions):
        super().__init__(daemon=True)
        self.application, self.topic, self.partitions = application, topic, partitions
        self.acknowledged = []
        self.failures = []
        self.is_stopping = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def run(self):
        while not self.is_stopping.wait(self.PAUSE_S):
            try:
                self.acknowledged += self.application.produce(self.topic, self.partitions, 2)
            except Refused as refused:  # a broker that dies may break a client's word, too
                self.failures.append(str(refused))
            except (AssertionError, OSError) as error:
                self.failures.append(str(error))
                return

    def stop(self):
        self.is_stopping.set()
        self.join(WAIT_S)
