"""What the checks of all kinds of applications have in common: how one is made and told, and how they all live through one crash."""

import threading
import time
import traceback
from collections import Counter

from applications import WAIT_S


class Crash:
    """The one crash of the broker that all applications wait for, each once it is at work."""

    def __init__(self, applications):
        self.waiting = applications
        self.changed = threading.Condition()
        self.is_over = threading.Event()

    def is_ready(self):
        """Also said by an application that will not get there."""
        with self.changed:
            self.waiting -= 1
            self.changed.notify_all()

    def when_all_are_ready(self, limit_s):
        with self.changed:
            self.changed.wait_for(lambda: self.waiting == 0, limit_s)


class Checks:
    """Those of `checks` are made of an application; what came of each is told to `add`."""

    def __init__(self, application, checks, crash, add):
        self.application, self.checks, self.crash, self.add = application, checks, crash, add
        self.name = application.name
        self.failures = 0

    def run(self, alive, through_the_crash):
        """Names and bodies: first of what needs nothing but a broker, then of what goes on over its crash, up to their yield before."""
        is_told = False
        try:
            for name, body in alive:
                self.check(name, body)
            begun = [(name, self.begin(body)) for name, body in through_the_crash if name in self.checks]
            is_told = True
            self.crash.is_ready()
            self.crash.is_over.wait()
            for name, steps in begun:
                self.check(name, lambda: next(steps, None))
        finally:
            if not is_told:
                self.crash.is_ready()
            self.close()

    def close(self):
        self.application.close()

    def begin(self, body):
        """Runs a check up to its crash; what goes wrong before it is told after it."""
        steps = body()
        try:
            next(steps)
            return steps
        except Exception as error:
            return failing(error)

    def check(self, name, body):
        if name not in self.checks:
            return
        begin = time.monotonic()
        detail = ""
        try:
            body()
            self.application.expect_no_problems()
        except Exception as error:
            traceback.print_exc(file=self.application.log)
            detail = f"{type(error).__name__}: {error}"[:500]
            self.application.problems.clear()
            self.failures += 1
        self.add(name, "fail" if detail else "pass", time.monotonic() - begin, detail)


def failing(error):
    raise error
    yield


def expect(what, got, wanted, detail=None):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, expected {wanted!r}" + (f" ({detail})" if detail is not None else ""))


def expect_all(what, got, wanted):
    """The same values, in any order, each as often."""
    missing, surplus = (sorted((one - other).elements()) for one, other in
                        [(Counter(wanted), Counter(got)), (Counter(got), Counter(wanted))])
    if missing or surplus:
        raise AssertionError(f"{what}: {len(missing)} are missing, {missing[:5]}, and {len(surplus)} too many, {surplus[:5]}")


def await_equal(what, read, wanted):
    deadline = time.monotonic() + WAIT_S
    while (got := read()) != wanted:
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}, after {WAIT_S} s: got {got!r}, expected {wanted!r}")
        time.sleep(0.05)
