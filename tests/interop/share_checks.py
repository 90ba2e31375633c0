"""The checks that share consumers make (KIP-932): each record goes to one member, comes back until somebody has dealt with it,
and then never again.

An application takes one more command, beside those in applications.py:

  share {member, group, topic, explicit, hold, records, strict}
                        a member of a share group, until it leaves. With `explicit` the first word of a record's value says what it
                        makes of it: release (the first time; then it accepts), poison (it releases it each time), reject, renew
                        (it takes longer than records are locked for, and renews), anything else: accept. Without, it
                        accepts all. With `hold` it takes records once, and does nothing more with them, nor with others.
                        `records`: how many it takes at a time; `strict`: never more than that.

and its members tell

  {"member": "one", "shared": [[partition, offset, value, delivery count], ...]}    before anything is said of them
  {"member": "one", "acknowledged": [[partition, offset, "accept"], ...]}           once the broker has acknowledged it
"""

import time

from applications import Application, Load
from checks import Checks, await_equal, expect
from group_configs import configure_group

PARTITIONS = 2
LOCK_MS = 1_500  # as short as a lock may be, where it is to end
RENEWED_LOCK_MS = 5_000  # members renew after half of it: a busy machine must not be late

SHARE = ["shared under load", "release and reject", "delivered too often", "lock ends", "SIGKILL, shared"]
RENEW = ["lock renewed"]
STRICT = ["record limit"]


class ShareApplication(Application):
    """What its members are delivered and acknowledge is judged as it comes in: see `problems`."""

    def __init__(self, *arguments):
        self.deliveries = {}  # (group, topic) -> [(member, partition, offset, value, delivery count)]
        self.settled = {}  # (group, topic) -> {(partition, offset): accept or reject}
        super().__init__(*arguments)

    def share(self, member, group, topic, **arguments):
        self.join(member, group, topic, do="share", **arguments)

    def hear(self, said):
        if "id" in said:
            return super().hear(said)
        group_topic = self.members[said["member"]]
        settled = self.settled.setdefault(group_topic, {})
        for partition, offset, value, count in said.get("shared", []):
            if (partition, offset) in settled:
                self.problems.append(f"{said['member']} was delivered {partition}:{offset} again, "
                                     f"of which the broker had acknowledged {settled[partition, offset]}")
            self.deliveries.setdefault(group_topic, []).append((said["member"], partition, offset, value, count))
        for partition, offset, what in said.get("acknowledged", []):
            if what in ("accept", "reject"):
                settled[partition, offset] = what

    def of(self, group, topic):
        return list(self.deliveries.get((group, topic), []))

    def have_been_delivered(self, group, topic, values):
        """Waits until all of these were delivered at least once."""
        missing = lambda: set(values) - {value for _, _, _, value, _ in self.of(group, topic)}
        self.until(lambda: not missing(), lambda: f"{len(missing())} of {len(values)} values were not delivered: {sorted(missing())[:5]}")

    def have_settled(self, group, topic, values):
        """Waits until all of these are accepted or rejected."""
        wanted = set(values)

        def missing():
            settled = self.settled.get((group, topic), {})
            return wanted - {value for _, partition, offset, value, _ in self.of(group, topic) if (partition, offset) in settled}

        self.until(lambda: not missing(), lambda: f"{len(missing())} of {len(wanted)} values were not acknowledged: {sorted(missing())[:5]}")


class ShareChecks(Checks):
    """`address`: where the broker is, for the configs of groups, which not every client can set."""

    def __init__(self, application, checks, address, crash, add):
        super().__init__(application, checks, crash, add)
        self.address = address

    def all(self):
        self.run([("shared under load", self.under_load), ("release and reject", self.release_and_reject),
                  ("delivered too often", self.delivered_too_often), ("lock ends", self.lock_ends),
                  ("lock renewed", self.lock_renewed), ("record limit", self.record_limit)],
                 [("SIGKILL, shared", self.lives)])

    def new_group(self, what, partitions=PARTITIONS, **configs):
        """A topic and a group of one name, which reads it from its beginning. The members of a group have a partition in common
        only where there are fewer partitions than members."""
        name = f"{self.name}-{what}"
        self.application.call("topic", topic=name, partitions=partitions)
        configure_group(self.address, name, {"share.auto.offset.reset": "earliest"} | configs)
        return name

    def under_load(self):
        app, group = self.application, self.new_group("queue")
        with Load(app, group, PARTITIONS) as load:
            app.share("one", group, group)
            self.all_take(group, ["one"])
            app.share("two", group, group)
            self.all_take(group, ["one", "two"])
            app.leave("one")
            self.all_take(group, ["two"])
        expect("failures of the load", load.failures, [])
        app.have_settled(group, group, load.acknowledged)
        app.leave("two")

    def all_take(self, group, members):
        """Each of these members, and nobody else, is delivered something from now on."""
        begin = len(self.application.of(group, group))
        takes = lambda: {delivery[0] for delivery in self.application.of(group, group)[begin:]}
        # What a member that has left took before may be told after.
        self.application.until(lambda: takes() >= set(members), lambda: f"{members} should take records, but these do: {takes()}")

    def release_and_reject(self):
        app, group = self.application, self.new_group("fate")
        values = self.produce(group, ["accept", "release", "reject"])
        app.share("judge", group, group, explicit=True)
        app.have_settled(group, group, values)
        last = self.produce(group, ["accept"])
        app.have_settled(group, group, last)
        app.leave("judge")
        counts = {}
        for _, _, _, value, count in app.of(group, group):
            counts.setdefault(value, []).append(count)
        for value, count in counts.items():
            expect(f"the deliveries of {value}", count, [1, 2] if value.startswith("release") else [1])

    def delivered_too_often(self):
        """What is released again and again is delivered `share.delivery.count.limit` times, and then no more."""
        app, group = self.application, self.new_group("poison", **{"share.delivery.count.limit": 3})
        self.produce(group, ["poison"])
        app.share("victim", group, group, explicit=True)
        count = lambda: len(app.of(group, group))
        app.until(lambda: count() >= 3 * 3 * PARTITIONS, lambda: f"{count()} deliveries")
        last = self.produce(group, ["accept"])
        app.have_settled(group, group, last)
        app.leave("victim")
        poisoned = [delivery for delivery in app.of(group, group) if delivery[3].startswith("poison")]
        expect("deliveries", len(poisoned), 3 * 3 * PARTITIONS)
        expect("highest count", max(delivery[4] for delivery in poisoned), 3)

    def lock_ends(self):
        """A member that does nothing with its records loses them to another one."""
        app, group = self.application, self.new_group("lock", 1, **{"share.record.lock.duration.ms": LOCK_MS})
        values = self.produce(group, ["accept"], 1)
        app.share("idle", group, group, hold=True, explicit=True)
        app.until(lambda: app.of(group, group), lambda: "nothing is delivered")
        app.share("busy", group, group, explicit=True)
        app.have_settled(group, group, values)
        held = {(partition, offset) for member, partition, offset, _, _ in app.of(group, group) if member == "idle"}
        again = {delivery[1:3]: delivery[4] for delivery in app.of(group, group) if delivery[0] == "busy" and delivery[1:3] in held}
        expect("delivered again", set(again), held)
        # franz-go asks for more meanwhile, and may have them a second time.
        expect("the least count", min(again.values()) >= 2, True, again)
        app.leave("idle"), app.leave("busy")

    def lock_renewed(self):
        """A member that renews keeps its records, however long it takes."""
        app, group = self.application, self.new_group("renew", 1, **{"share.record.lock.duration.ms": RENEWED_LOCK_MS})
        values = self.produce(group, ["renew"], 1)
        app.share("slow", group, group, explicit=True, records=100)
        app.until(lambda: app.of(group, group), lambda: "nothing is delivered")
        app.share("eager", group, group, explicit=True)
        app.have_settled(group, group, values)
        expect("deliveries", len(app.of(group, group)), len(values))
        app.leave("slow"), app.leave("eager")

    def record_limit(self):
        """A member that asks for few gets no more, even where a batch has more; another one gets the others."""
        app, group = self.application, self.new_group("few", 1)
        values = [[0, f"accept {app.value()}"] for _ in range(40)]
        app.call("produce", topic=group, values=values)
        app.share("modest", group, group, hold=True, strict=True, records=5, explicit=True)
        app.until(lambda: app.of(group, group), lambda: "nothing is delivered")
        time.sleep(0.5)  # for more than it asked for
        expect("deliveries", len(app.of(group, group)) <= 5, True, app.of(group, group))
        app.share("greedy", group, group, explicit=True)
        taken = lambda: len(app.settled.get((group, group), {}))
        app.until(lambda: taken() >= 35, lambda: f"{taken()} of the others are taken")
        app.leave("modest")
        app.have_settled(group, group, [value for _, value in values])
        app.leave("greedy")

    def lives(self):
        """Members and the load go on after the broker was killed. What it had acknowledged is not delivered again. Of the last
        acknowledgements before its end nobody may have heard."""
        app, group = self.application, self.new_group("lives")
        with Load(app, group, PARTITIONS) as load:
            app.share("left", group, group)
            app.share("right", group, group, explicit=True)
            self.all_take(group, ["left", "right"])
            yield
            self.all_take(group, ["left", "right"])
        app.have_been_delivered(group, group, load.acknowledged)
        app.leave("left"), app.leave("right")

    def produce(self, topic, words, partitions=PARTITIONS):
        """Three values of each word to each partition; -> the values."""
        values = [[partition, f"{word} {self.application.value()}"] for word in words for _ in range(3) for partition in range(partitions)]
        self.application.call("produce", topic=topic, values=values)
        return [value for _, value in values]
