"""What the client programs in Python have in common: threads that work until the program's input ends."""

import json
import random
import sys
import threading
import traceback

from history import History


class Settings:
    """What the runner says: `settings` in ../run."""

    def __init__(self, path):
        with open(path) as file:
            self.fields = json.load(file)

    def __getattr__(self, name):
        return self.fields[name]

    def partitions(self, topics):
        return [(topic, partition) for topic in topics for partition in range(self.topics[topic])]


class Values:
    """Numbers that nobody else sends."""

    def __init__(self, client_number):
        self.next = client_number << 40
        self.lock = threading.Lock()

    def take(self, count):
        with self.lock:
            first = self.next
            self.next += count
        return list(range(first, first + count))


class Worker(threading.Thread):
    """One process of the history. `turn` is called again and again; what it raises is noted and no reason to stop."""

    def __init__(self, program, kind):
        super().__init__(daemon=True)
        self.program, self.settings, self.history = program, program.settings, program.history
        self.process = f"{program.settings.client}/{kind}"
        self.rng = random.Random(f"{program.settings.seed}/{self.process}")

    def run(self):
        while not self.program.is_stopping.is_set():
            try:
                self.turn()
            except Exception as error:
                traceback.print_exc()
                self.note(error)
                self.pause(0.5)
        try:
            self.close()
        except Exception as error:
            traceback.print_exc()
            self.note(error)

    def turn(self): ...
    def close(self): ...

    def note(self, error):
        self.history.note(self.process, f"{type(error).__name__}: {error}")

    def pause(self, most_s):
        self.program.is_stopping.wait(self.rng.uniform(0, most_s))


def name(topic, partition):
    return f"{topic}-{partition}"


class Program:
    STOP_S = 20

    def __init__(self, settings):
        self.settings = settings
        self.history = History(settings.history)
        self.values = Values(settings.client_number)
        self.is_stopping = threading.Event()

    def work(self, workers):
        for worker in workers:
            worker.start()
        sys.stdin.read()
        self.is_stopping.set()
        for worker in workers:
            worker.join(self.STOP_S)
