"""What is done to a broker while clients work. Each fault takes a few seconds, and leaves things as they were."""

import signal
import time


class Fault:
    # For people.
    name = ""

    def __init__(self, world, rng):
        self.world, self.rng = world, rng

    def missing(self):
        """Why it can't be done here."""

    def do(self):
        """-> what was done, in a few words."""

    def hold(self, least_s, most_s):
        held_s = self.rng.uniform(least_s, most_s)
        time.sleep(held_s)
        return held_s


class Kill(Fault):
    """The process dies without a word. What it wrote is in the page cache, so that nothing acknowledged may be lost."""

    name = "kill"

    def do(self):
        self.world.kill()
        self.hold(0, 0.5)
        return f"killed, answers again after {self.world.start_again():.1f} s"


class Stop(Fault):
    """SIGSTOP: sessions and deadlines pass meanwhile."""

    name = "stop"

    def do(self):
        process = self.world.broker.process
        process.send_signal(signal.SIGSTOP)
        try:
            held_s = self.hold(1, 8)
        finally:
            process.send_signal(signal.SIGCONT)
        return f"stood still for {held_s:.1f} s"


class Delay(Fault):
    name = "delay"

    def do(self):
        self.world.proxy.delay(0, self.rng.choice((0.05, 0.3)))
        try:
            held_s = self.hold(3, 6)
        finally:
            self.world.proxy.delay(0, 0)
        return f"each piece was delayed for {held_s:.1f} s"


class Cut(Fault):
    name = "cut"

    def do(self):
        count = 0
        for _ in range(self.rng.randint(2, 6)):
            count += self.world.proxy.cut(self.rng.uniform(0.2, 1))
            self.hold(0.2, 1.5)
        return f"{count} connections cut"


class HalfClose(Fault):
    name = "half-close"

    def do(self):
        count = 0
        for _ in range(self.rng.randint(1, 4)):
            count += self.world.proxy.half_close(self.rng.uniform(0.2, 0.8))
            self.hold(0.5, 1.5)
        return f"{count} connections half-closed"


class LoseAnswers(Fault):
    """The broker does what it is asked, and nobody hears of it: clients ask again."""

    name = "lose-answers"

    def do(self):
        count = self.world.proxy.lose_answers(self.rng.uniform(0.3, 1))
        held_s = self.hold(0.5, 3)
        self.world.proxy.reset_deaf()
        return f"answers of {count} connections were lost for {held_s:.1f} s"


class FullDisk(Fault):
    """Partitions go offline and come back with the next start."""

    name = "full-disk"

    def missing(self):
        return self.world.volume.missing

    def do(self):
        self.world.volume.fill()
        try:
            held_s = self.hold(2, 4)
        finally:
            self.world.volume.empty()
        if self.rng.random() < 0.5:
            how = "killed"
            self.world.kill()
        else:
            how = self.world.stop() or "stopped"
        return f"no space for {held_s:.1f} s, then {how}; answers again after {self.world.start_again():.1f} s"


class Clock(Fault):
    """The broker's wall clock jumps ahead by hours, or back, by less than what records may be ahead of it."""

    name = "clock"

    def missing(self):
        return self.world.clock.missing

    def do(self):
        jumps_s = [self.rng.choice((-2700, 1800, 6 * 3600)) for _ in range(self.rng.randint(1, 2))]
        for jump_s in jumps_s:
            self.world.clock.jump(jump_s)
            self.hold(2, 4)
        self.world.clock.jump(0)
        return f"jumped by {', '.join(f'{jump_s:+} s' for jump_s in jumps_s)}, and back"


FAULTS = {fault.name: fault for fault in (Kill, Stop, Delay, Cut, HalfClose, LoseAnswers, FullDisk, Clock)}
