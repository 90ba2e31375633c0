"""Consumer groups, for the clients that are written in Python: members share partitions, commit, leave, and resume.

A Member is what a client gives for it: join by subscribing, `poll` a little, commit what was polled, close.
"""

import time
from collections import Counter

PARTITIONS = 4
WAIT_S = 30


class Member:
    """A consumer in a group, with automatic commits off. Failures are exceptions."""

    def poll(self): "A short while: -> [(partition, offset)]"
    def assigned(self): "-> partitions, sorted"
    def commit(self): "All that was polled, and waits for it."
    def close(self): "Leaves the group."


def until(members, condition, read):
    """Polls the members in turn, so that all take part in rebalances."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {WAIT_S} s: {[member.assigned() for member in members]}, read {len(read)}")
        for member in members:
            read += member.poll()


def share(join, produce):
    """Two members share the work: no record is lost, and none is read twice."""
    everything = list(range(PARTITIONS))
    read = []
    one = join()
    until([one], lambda: one.assigned() == everything, read)
    two = join()

    def is_shared():
        return sorted(one.assigned() + two.assigned()) == everything and one.assigned() and two.assigned()

    until([one, two], is_shared, read)
    assert read == [], f"nothing was written, but {read} was read"
    produce(50)
    until([one, two], lambda: len(read) >= 50 * PARTITIONS, read)
    one.commit(), two.commit()
    two.close()
    until([one], lambda: one.assigned() == everything, read)
    produce(20)
    until([one], lambda: len(read) >= 70 * PARTITIONS, read)
    one.commit()
    one.close()
    expect_once(read, range(70))


def resume(join, produce):
    """A new member begins where the group was."""
    produce(3)
    read = []
    member = join()
    until([member], lambda: len(read) >= 3 * PARTITIONS, read)
    member.commit()
    member.close()
    expect_once(read, range(70, 73))


def static(join):
    """A static member that comes back within its session gets what it had, without a rebalance."""
    read = []
    one, two = join("one"), join("two")
    until([one, two], lambda: len(one.assigned()) == len(two.assigned()) == PARTITIONS // 2, read)
    had, others = two.assigned(), one.assigned()
    two.close()  # which does not leave: it is static
    two = join("two")
    until([two], lambda: two.assigned() != [], read)
    assert (two.assigned(), one.assigned()) == (had, others), f"{two.assigned()} and {one.assigned()} after {had} and {others}"
    two.close(), one.close()
    assert read == [], f"all was committed, but {read} was read"


def expect_once(read, offsets):
    wanted = Counter((partition, offset) for partition in range(PARTITIONS) for offset in offsets)
    got = Counter(read)
    assert got == wanted, f"missing {sorted(wanted - got)[:5]}, too many {sorted(got - wanted)[:5]}"
