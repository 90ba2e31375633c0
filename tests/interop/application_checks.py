"""The checks that every application makes: its members share, come and go, are static, resume; its transactions hold.

Each check is told to one application, whatever its client; what a client cannot do is not among its checks. All
applications of a run are at work at the same time, against the same broker, and live through one SIGKILL of it together.
"""

import time
from collections import Counter

from applications import WAIT_S, Load, Refused
from checks import Checks, await_equal, expect, expect_all

PARTITIONS = 4

# What a client does when its users ask for it.
MEMBERS = ["members under load", "group resumes"]
STATIC = ["static members"]
MIGRATION = ["a group migrates"]
GROUP_ADMIN = ["groups listed", "offsets reset", "group deleted"]
CRASH = ["SIGKILL, a group"]
TRANSACTIONS = ["commit and abort", "fenced"]
EXACTLY_ONCE = ["SIGKILL, exactly once"]
STREAMS = ["SIGKILL, Streams", "SIGKILL, Streams by the broker"]


class ApplicationChecks(Checks):
    """`reader`: another application, which reads what was written in transactions, where the client can't. `directory`: for
    what an application keeps."""

    def __init__(self, application, checks, directory, crash, add, reader=None):
        super().__init__(application, checks, crash, add)
        self.directory, self.reader = directory, reader or application

    def all(self):
        self.run([("members under load", self.members), ("group resumes", self.resumes), ("static members", self.static), ("a group migrates", self.migrates),
                  ("groups listed", self.listed), ("offsets reset", self.reset), ("group deleted", self.deleted),
                  ("commit and abort", self.commit_and_abort), ("fenced", self.fenced)],
                 [("SIGKILL, a group", self.group_lives), ("SIGKILL, exactly once", self.exactly_once), ("SIGKILL, Streams", self.streams),
                  ("SIGKILL, Streams by the broker", self.streams_by_broker)])

    def close(self):
        super().close()
        if self.reader is not self.application:
            self.reader.close()

    # Groups

    def members(self):
        app, group, topic = self.application, f"{self.name}-shared", f"{self.name}-shared"
        app.call("topic", topic=topic, partitions=PARTITIONS)
        with Load(app, topic, PARTITIONS) as load:
            app.join("one", group, topic)
            app.shared(group, topic, PARTITIONS, ["one"])
            app.join("two", group, topic)
            app.shared(group, topic, PARTITIONS, ["one", "two"])
            app.leave("one")
            app.shared(group, topic, PARTITIONS, ["two"])
            app.join("three", group, topic)
            app.shared(group, topic, PARTITIONS, ["two", "three"])
            app.leave("two")
            app.shared(group, topic, PARTITIONS, ["three"])
        expect("failures of the load", load.failures, [])
        app.have_read(group, topic, load.acknowledged)
        app.leave("three")
        expect("partitions committed", self.committed(group, topic), self.ends(group, topic))

    def resumes(self):
        """That a new member reads nothing from before is judged with each record that it reads."""
        app, group, topic = self.application, f"{self.name}-shared", f"{self.name}-shared"
        if "members under load" not in self.checks:
            app.call("topic", topic=topic, partitions=PARTITIONS)
            self.read_as("zero", group, topic, 5)
        self.read_as("four", group, topic, 3)
        expect("partitions committed", self.committed(group, topic), self.ends(group, topic))

    def read_as(self, member, group, topic, each):
        app = self.application
        values = app.produce(topic, PARTITIONS, each)
        app.join(member, group, topic)
        app.have_read(group, topic, values)
        app.leave(member)

    def static(self):
        """A static member may go and come back within its session: nobody takes over what it has."""
        app, group, topic = self.application, f"{self.name}-static", f"{self.name}-static"
        app.call("topic", topic=topic, partitions=PARTITIONS)
        with Load(app, topic, PARTITIONS) as load:
            app.join("first", group, topic, instance="first")
            app.join("second", group, topic, instance="second")
            app.shared(group, topic, PARTITIONS, ["first", "second"])
            # Now that the second reads, the first has given up what is no longer its own.
            had = app.shared(group, topic, PARTITIONS, ["first", "second"])
        app.have_read(group, topic, load.acknowledged)
        app.leave("second")
        expect("members without the second", app.call("describe", group=group)[1], 2)
        begin = len(app.reads[group, topic])
        values = app.produce(topic, PARTITIONS, 3)
        firsts = [partition for partition, member in had.items() if member == "first"]
        app.until(lambda: len(app.reads[group, topic]) >= begin + 3 * len(firsts), lambda: "the first does not go on")
        app.join("second", group, topic, instance="second")
        app.have_read(group, topic, values)
        expect("who read what", {partition: member for member, partition, _, _ in app.reads[group, topic][begin:]}, had)
        app.leave("first"), app.leave("second")

    def migrates(self):
        """A classic group turns into one where the broker assigns (KIP-848) and back, while members are in it and under load."""
        app, group, topic = self.application, f"{self.name}-migrates", f"{self.name}-migrates"
        app.call("topic", topic=topic, partitions=PARTITIONS)
        with Load(app, topic, PARTITIONS) as load:
            app.join("old", group, topic, protocol="classic")
            app.shared(group, topic, PARTITIONS, ["old"])
            app.join("new", group, topic, protocol="consumer")
            app.shared(group, topic, PARTITIONS, ["old", "new"])
            app.leave("old")
            app.shared(group, topic, PARTITIONS, ["new"])
            app.join("older", group, topic, protocol="classic")
            app.shared(group, topic, PARTITIONS, ["new", "older"])
            app.leave("new")
            app.shared(group, topic, PARTITIONS, ["older"])
        expect("failures of the load", load.failures, [])
        app.have_read(group, topic, load.acknowledged)
        app.leave("older")
        expect("partitions committed", self.committed(group, topic), self.ends(group, topic))

    def listed(self):
        app, group, topic = self.application, f"{self.name}-shared", f"{self.name}-shared"
        await_equal("listed", lambda: app.call("groups").get(group), "empty")
        values = app.produce(topic, PARTITIONS, 1)
        app.join("five", group, topic)
        app.have_read(group, topic, values)
        expect("described", app.call("describe", group=group), ["stable", 1])
        app.leave("five")
        await_equal("described", lambda: app.call("describe", group=group), ["empty", 0])

    def reset(self):
        app, group, topic = self.application, f"{self.name}-shared", f"{self.name}-shared"
        app.call("reset", group=group, topic=topic, offsets=[[0, 2]])
        expect("reset", self.committed(group, topic), self.ends(group, topic) | {0: 2})
        with app.changed:
            app.commits[group, topic, 0] = 2
        begin = len(app.reads[group, topic])
        end = max(offset for _, partition, offset, _ in app.reads[group, topic] if partition == 0)
        app.join("six", group, topic)
        app.until(lambda: any(read[1:3] == (0, end) for read in app.reads[group, topic][begin:]), lambda: "the end was not read again")
        app.leave("six")
        expect("read again", [read[1:3] for read in app.reads[group, topic][begin:]], [(0, offset) for offset in range(2, end + 1)])

    def deleted(self):
        app, group, topic = self.application, f"{self.name}-shared", f"{self.name}-shared"
        app.call("delete", group=group)
        await_equal("listed", lambda: app.call("groups").get(group), None)
        expect("partitions committed", self.committed(group, topic), {})

    def committed(self, group, topic):
        """As the broker has it, where the client can ask."""
        app = self.application
        if not set(GROUP_ADMIN) & set(self.checks):
            return self.ends(group, topic)
        return {partition: offset for partition, offset in app.call("committed", group=group, topic=topic)}

    def ends(self, group, topic):
        ends = {}
        for _, partition, offset, _ in self.application.reads[group, topic]:
            ends[partition] = max(offset + 1, ends.get(partition, 0))
        return ends

    def group_lives(self):
        app, group, topic = self.application, f"{self.name}-lives", f"{self.name}-lives"
        app.call("topic", topic=topic, partitions=PARTITIONS)
        with Load(app, topic, PARTITIONS) as load:
            app.join("left", group, topic)
            app.join("right", group, topic)
            app.shared(group, topic, PARTITIONS, ["left", "right"])
            yield
            app.shared(group, topic, PARTITIONS, ["left", "right"])
        app.have_read(group, topic, load.acknowledged)
        app.leave("left"), app.leave("right")

    # Transactions

    def commit_and_abort(self):
        app, topic = self.application, f"{self.name}-txn"
        app.call("topic", topic=topic, partitions=2)
        app.call("open", producer="p", transactional=f"{self.name}-txn")
        kept, dropped = [], []
        for n, end in enumerate(["commit", "abort", "abort", "commit"]):
            app.call("begin", producer="p")
            values = [[partition, app.value()] for _ in range(20) for partition in range(2)]
            app.call("send", producer="p", topic=topic, values=values)
            app.call(end, producer="p")
            (kept if end == "commit" else dropped).extend(value for _, value in values)
        last = app.produce(topic, 2, 1)
        expect_all("read_committed", self.values_of(topic, "read_committed", last), kept + last)
        expect_all("read_uncommitted", self.values_of(topic, "read_uncommitted", last), kept + dropped + last)

    def fenced(self):
        """A second producer with the same transactional id ends what the first has begun, and the first is told so."""
        app, topic = self.application, f"{self.name}-fenced"
        app.call("topic", topic=topic, partitions=2)
        app.call("open", producer="old", transactional=f"{self.name}-fenced")
        app.call("begin", producer="old")
        app.call("send", producer="old", topic=topic, values=[[0, "old"], [1, "old"]])
        app.call("open", producer="new", transactional=f"{self.name}-fenced")
        try:
            app.call("commit", producer="old")
        except Refused as refused:
            # sarama knows Kafka's error 90, which says just that, by its number alone.
            words = ("fenc", "epoch", "error code = 90")
            expect("the refusal says that it is fenced", any(word in str(refused).lower() for word in words), True, refused)
        else:
            raise AssertionError("the old producer has committed")
        app.call("begin", producer="new")
        app.call("send", producer="new", topic=topic, values=[[0, "new"], [1, "new"]])
        app.call("commit", producer="new")
        last = app.produce(topic, 2, 1)
        expect_all("read_committed", self.values_of(topic, "read_committed", last), ["new", "new", *last])

    def exactly_once(self):
        app, source, to = self.application, f"{self.name}-source", f"{self.name}-to"
        group = f"{self.name}-transform"
        for topic in (source, to):
            app.call("topic", topic=topic, partitions=PARTITIONS)
        with Load(app, source, PARTITIONS) as load:
            app.join("transform", group, source, do="transform", to=to, transactional=f"{self.name}-transform")
            app.shared(group, source, PARTITIONS, ["transform"])
            yield
            app.shared(group, source, PARTITIONS, ["transform"])
        app.have_read(group, source, load.acknowledged)
        app.leave("transform")
        last = app.produce(to, PARTITIONS, 1)
        got = Counter(value for value in self.values_of(to, "read_committed", last) if value not in last)
        expect("written twice", [value for value, count in got.items() if count > 1][:5], [])
        missing = set(load.acknowledged) - {value.split(":")[2] for value in got}
        expect("never written", sorted(missing)[:5], [])

    def streams(self):
        """Kafka Streams counts; after the crash it has to build its state again, in an empty directory, and counts on."""
        app, source, to = self.application, f"{self.name}-words", f"{self.name}-counts"
        for topic in (source, to):
            app.call("topic", topic=topic, partitions=PARTITIONS)
        reads = app.reads.setdefault((to, to), [])

        def start(directory):
            app.call("streams", member="streams", group=f"{self.name}-streams", topic=source, to=to, directory=str(self.directory / directory))
            begin = len(reads)
            app.until(lambda: len(reads) > begin + 20, lambda: f"Streams has written {len(reads) - begin} counts")

        with Load(app, source, PARTITIONS) as load:
            app.join("counts", to, to)
            start("before")
            yield
            begin = len(reads)
            app.until(lambda: len(reads) > begin + 20, lambda: f"Streams has written {len(reads) - begin} counts since the crash")
            app.leave("streams")
            start("after")
        self.counted_once(source, reads, load, ["streams"])

    def streams_by_broker(self):
        """Kafka Streams counts in two instances, whose tasks the broker assigns, with a copy of each state in the other; one goes and comes."""
        app, group, source, to = self.application, f"{self.name}-streams-group", f"{self.name}-group-words", f"{self.name}-group-counts"
        for topic in (source, to):
            app.call("topic", topic=topic, partitions=PARTITIONS)
        reads = app.reads.setdefault((to, to), [])

        def start(member):
            app.call("streams", member=member, group=group, topic=source, to=to, directory=str(self.directory / member), protocol="streams")

        def tasks_of(group):
            try:
                return app.call("tasks", group=group)
            except Refused as refused:  # it is there with its first member
                return str(refused)

        def goes_on(members):
            deadline = time.monotonic() + WAIT_S
            # Each part of the topology has a task for each partition, and only the counting one keeps a state.
            wanted = ["stable", members, 2 * PARTITIONS, PARTITIONS if members > 1 else 0]
            while (tasks := tasks_of(group)) != wanted:
                if time.monotonic() > deadline:
                    raise AssertionError(f"the group should get to {wanted}, and is at {tasks}")
                time.sleep(0.2)
            begin = len(reads)
            app.until(lambda: len(reads) > begin + 20, lambda: f"{members} instances have written {len(reads) - begin} counts")

        with Load(app, source, PARTITIONS) as load:
            app.join("group-counts", to, to)
            start("instance-1"), goes_on(1)
            start("instance-2"), goes_on(2)
            yield
            goes_on(2)
            app.leave("instance-1"), goes_on(1)
            start("instance-1"), goes_on(2)
            self.streams_tool(group, "--describe", "--members", shows="ACTIVE: 0:")
        self.counted_once(source, reads, load, ["instance-1", "instance-2"])
        self.streams_tool(group, "--describe", "--state", shows="Empty")
        self.streams_tool(group, "--reset-offsets", "--input-topic", source, "--to-earliest", "--execute", shows=source)
        expect("offsets after a reset", sorted(app.call("committed", group=group, topic=source)), [[each, 0] for each in range(PARTITIONS)])
        self.streams_tool(group, "--delete", "--delete-all-internal-topics", shows="was successful")
        expect("the group is gone", group in app.call("groups"), False)

    def streams_tool(self, group, *arguments, shows):
        """Kafka's own tool for streams groups."""
        name = "org.apache.kafka.tools.streams.StreamsGroupCommand"
        status, output = self.application.call("tool", **{"class": name}, arguments=[*arguments, "--group", group])
        if status != 0 or shows not in output:
            raise AssertionError(f"{' '.join(arguments)}: ended with {status}, and should show {shows!r}: {output}")

    def counted_once(self, source, reads, load, members):
        """All that was written is counted, none of it twice, and the counts only rise."""
        app = self.application
        last = app.produce(source, PARTITIONS, 1)
        values = self.values_of(source, "read_committed", last)
        expect("written and not acknowledged", sorted(set(load.acknowledged) - set(values))[:5], [])
        wanted = Counter(value[-1] for value in values)
        counts = lambda: dict(read[3].split(":") for read in reads)
        app.until(lambda: counts() == {letter: str(count) for letter, count in wanted.items()}, lambda: f"counted {counts()}, written {wanted}")
        for member in members:
            app.leave(member)
        for letter in wanted:
            counted = [int(count) for each, count in (read[3].split(":") for read in reads) if each == letter]
            expect(f"the counts of {letter} rise", counted, sorted(set(counted)))

    def values_of(self, topic, isolation, last):
        """All values of a topic, whose last ones are these."""
        app, group = self.reader, f"{topic}-{isolation}"
        app.join(group, group, topic, isolation=isolation)
        app.have_read(group, topic, last)
        app.leave(group)
        return [value for _, _, _, value in app.reads[group, topic]]
