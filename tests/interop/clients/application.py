"""What the applications in Python have in common: the commands that ../applications.py describes, and the members' loops."""

import json
import sys
import threading
import traceback

lock = threading.Lock()


class Retriable(Exception):
    """A commit that a rebalance has refused, or a transaction that could be aborted: what was read is read again."""


class Reader:
    """A member of a group, with automatic commits off. Failures are exceptions."""

    def read(self): "A short while: -> [(partition, offset, value)]"
    def commit(self): "What was read: -> {partition: next offset}; raises Retriable"
    def close(self): ...


class Transformer(Reader):
    """A member with a transactional producer."""

    def write(self, topic, values): "In one transaction: values, [(partition, value)], and the offsets of what was read; raises Retriable"


class Sharer:
    """A member of a share group. Failures are exceptions."""

    def read(self): "A short while: -> [(partition, offset, value, delivery count)]"
    def settle(self, fates): "What to make of what was read, {(partition, offset): accept, release or reject}: -> those that the broker has acknowledged"
    def close(self): ...


class Application:
    """What a client gives. Arguments and results are as in ../applications.py."""

    def topic(self, topic, partitions): ...
    def produce(self, topic, values): ...
    def reader(self, group, topic, instance=None, isolation=None): "-> Reader"
    def transformer(self, group, topic, transactional): "-> Transformer"
    def sharer(self, group, topic, explicit=False): "-> Sharer, where the client knows share groups"
    def groups(self): ...
    def describe(self, group): ...
    def committed(self, group, topic): ...
    def reset(self, group, topic, offsets): ...
    def delete(self, group): ...
    def open(self, producer, transactional): ...
    def begin(self, producer): ...
    def send(self, producer, topic, values): ...
    def commit(self, producer): ...
    def abort(self, producer): ...


def tell(**said):
    with lock:
        print(json.dumps(said), flush=True)


def serve(application):
    members = {}
    for line in sys.stdin:
        command = json.loads(line)
        threading.Thread(target=obey, args=(application, members, command), daemon=True).start()


def obey(application, members, command):
    call_id, do = command.pop("id"), command.pop("do")
    try:
        if do == "join":
            name = command.pop("member")
            members[name] = Member(name, application.reader(**command))
            result = None
        elif do == "transform":
            name, to = command.pop("member"), command.pop("to")
            members[name] = Member(name, application.transformer(**command), to)
            result = None
        elif do == "share":
            name, hold = command.pop("member"), command.pop("hold", False)
            members[name] = SharingMember(name, application.sharer(**command), hold, command.get("explicit", False))
            result = None
        elif do == "leave":
            result = members.pop(command["member"]).leave()
        else:
            result = getattr(application, do)(**command)
    except Exception as error:
        traceback.print_exc()
        tell(id=call_id, error=f"{type(error).__name__}: {error}")
    else:
        tell(id=call_id, result=result)


class Member:
    def __init__(self, name, reader, to=None):
        self.name, self.reader, self.to = name, reader, to
        self.is_leaving = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def leave(self):
        self.is_leaving.set()
        self.thread.join()

    def work(self):
        while not self.is_leaving.is_set():
            try:
                self.turn()
            except Retriable as reason:
                print(f"{self.name}: {reason}", file=sys.stderr)
            except Exception:
                traceback.print_exc()
        self.reader.close()

    def turn(self):
        records = self.reader.read()
        if not records:
            return
        tell(member=self.name, read=records)
        if self.to:
            self.reader.write(self.to, [(partition, f"{partition}:{offset}:{value}") for partition, offset, value in records])
        else:
            committed = self.reader.commit()
            tell(member=self.name, committed=sorted(committed.items()))


class SharingMember(Member):
    """A member of a share group: what it makes of a record the record's value says. See ../share_checks.py."""

    deliveries = {}  # of all members of this program

    def __init__(self, name, sharer, is_holding, is_explicit):
        self.is_holding, self.is_explicit = is_holding, is_explicit
        super().__init__(name, sharer)

    def turn(self):
        records = self.reader.read()
        if not records:
            return
        tell(member=self.name, shared=records)
        if self.is_holding:
            self.is_leaving.wait()
            return
        fates = {(partition, offset): self.fate(partition, offset, value) for partition, offset, value, _ in records}
        settled = self.reader.settle(fates)
        tell(member=self.name, acknowledged=[[*place, fate] for place, fate in settled.items()])

    def fate(self, partition, offset, value):
        if not self.is_explicit:
            return "accept"
        # A value is written once.
        count = self.deliveries[value] = self.deliveries.get(value, 0) + 1
        word = value.split(" ")[0]
        if word == "poison" or (word == "release" and count == 1):
            return "release"
        return "reject" if word == "reject" else "accept"
