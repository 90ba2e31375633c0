"""A broker, its disk, its clock, the network before it, and the clients."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE / "clients"))
from broker import Broker, kafka
from cutting_proxy import CuttingProxy
from history import History
from installing import VENV_PYTHON

STOP_S = 10  # a broker that has been through something may need longer than in a test
CLIENT_STOP_S = 30
NEMESIS = "nemesis"
FAKETIME = "faketime/libfaketime.so.1"


class World:
    def __init__(self, directory, runtime, binary, seed, minutes, with_volume, with_clock):
        self.directory, self.seed = directory, seed
        self.volume = Volume(directory / "volume", minutes, with_volume)
        self.clock = Clock(directory / "clock", with_clock)
        self.port = kafka.free_port()
        self.broker = WatchedBroker(self.volume.path, kafka.free_port(), runtime, binary, overrides(), advertised_port=self.port)
        self.broker.log_path, self.broker.environment = directory / "broker.log", self.clock.environment()
        self.history = History(self.histories(NEMESIS) / "0.jsonl")
        self.proxy = None
        self.programs = []

    def start(self):
        self.must(self.broker.start())
        self.proxy = CuttingProxy(self.port, self.broker.port, self.seed)

    def close(self):
        for program in self.programs:
            program.kill()
        self.broker.kill()
        if self.proxy:
            self.proxy.close()
        self.volume.close()

    # The broker

    def kill(self):
        self.broker.kill()
        self.restarted()

    def stop(self):
        """-> what was wrong with it."""
        problem = self.broker.stop(STOP_S)
        self.restarted()
        return problem

    def restarted(self):
        # Nothing of the life before can be acknowledged any more, and nothing of the next one yet.
        self.history.event(NEMESIS, "restart")

    def start_again(self):
        begin = time.monotonic()
        self.must(self.broker.start())
        return time.monotonic() - begin

    def must(self, problem):
        if problem:
            raise BrokerFailed(f"the broker {problem}; what it said is in {self.broker.log}")

    # The clients

    def histories(self, client):
        """What its programs have written, one after the other."""
        directory = self.directory / "written" / client
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def settings(self, client, client_number, **fields):
        path = self.directory / f"{client}.json"
        path.write_text(json.dumps({
            "client": client, "client_number": client_number, "seed": self.seed, "address": f"127.0.0.1:{self.port}",
            "history": str(self.histories(client) / f"{client_number}.jsonl"),
        } | fields))
        return path

    def launch(self, client, command, settings):
        self.programs.append(ClientProgram(client, [*command, settings], self.directory / f"{client}.log"))

    def crashed(self):
        """Programs that a signal has ended, which none of ours does. They are forgotten."""
        crashed = [program for program in self.programs if (program.process.poll() or 0) < 0]
        self.programs = [program for program in self.programs if program not in crashed]
        return crashed

    def run_script(self, name, settings, *arguments):
        """One of our own programs, to its end."""
        with open(self.directory / f"{name}.log", "ab") as log:
            status = subprocess.run([VENV_PYTHON, HERE / "clients" / "ends.py", *arguments, settings], stdout=log, stderr=log).returncode
        if status:
            raise BrokerFailed(f"{name} ended with status {status}; what it said is in {log.name}")


class BrokerFailed(Exception):
    pass


def overrides():
    return [
        # Where the broker says how often members speak, a rebalance takes some of these.
        "group.consumer.min.heartbeat.interval.ms=300", "group.consumer.heartbeat.interval.ms=300",
        "group.consumer.min.session.timeout.ms=6000", "group.consumer.session.timeout.ms=6000",
        # The last reader waits until no transaction is open.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms=1000",
        "offsets.topic.num.partitions=5", "transaction.state.log.num.partitions=5",
    ]


class WatchedBroker(Broker):
    @property
    def log(self):
        return self.log_path


class ClientProgram:
    """It works until its input ends."""

    def __init__(self, client, command, log):
        self.client, self.log = client, log
        with open(log, "ab") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True)

    def stop(self):
        """-> what was wrong with it."""
        if (status := self.process.poll()) is not None:
            return f"{self.client} had ended with status {status}; what it said is in {self.log}"
        self.process.stdin.close()

    def wait(self):
        try:
            status = self.process.wait(CLIENT_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return
        if status:
            return f"{self.client} ended with status {status}; what it said is in {self.log}"

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Volume:
    """Where the broker keeps its data: a small file system of its own that can be filled, where that may be mounted."""

    def __init__(self, path, minutes, is_wanted):
        self.path = path
        self.path.mkdir()
        self.missing = None
        self.is_mounted = False
        if is_wanted:
            size_mb = 96 + 24 * minutes
            mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb:.0f}m", "ottla-histories", path],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) if shutil.which("mount") else None
            self.is_mounted = mounted is not None and mounted.returncode == 0
            if not self.is_mounted:
                why = mounted.stderr.strip() if mounted else "mount is missing"
                self.missing = f"no file system can be mounted here ({why}); it takes root"

    def fill(self):
        with open(self.path / "ballast", "wb", buffering=0) as ballast:
            for piece in (bytes(1 << 20), bytes(4096), b"0"):
                try:
                    while ballast.write(piece) == len(piece):
                        pass
                except OSError:
                    continue

    def empty(self):
        (self.path / "ballast").unlink()

    def close(self):
        """What is in it stays where it is."""
        if self.is_mounted:
            left = self.path.with_name("left")
            shutil.copytree(self.path, left)
            subprocess.run(["umount", "--lazy", self.path])
            self.is_mounted = False
            left.rename(self.path)


class Clock:
    """The broker's wall clock, where libfaketime can be put before it; its monotonic clock goes on as it does."""

    def __init__(self, path, is_wanted):
        self.path = path
        self.library = library() if is_wanted else None
        self.missing = None if self.library else "libfaketime is missing: install faketime (Debian and Ubuntu: apt-get install faketime)"
        self.jump(0)

    def environment(self):
        if self.library is None:
            return {}
        return {
            "LD_PRELOAD": str(self.library), "FAKETIME_TIMESTAMP_FILE": str(self.path), "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_NO_CACHE": "1", "NO_FAKE_STAT": "1",
            # Java's waits would spin otherwise.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }

    def jump(self, offset_s):
        # In one step: the file is read again at each question.
        incoming = self.path.with_suffix(".new")
        incoming.write_text(f"{offset_s:+d}\n")
        incoming.rename(self.path)


def library():
    for root in (Path("/usr/lib"), Path("/usr/local/lib")):
        for path in (root / FAKETIME, *root.glob(f"*/{FAKETIME}")):
            if path.exists():
                return path
    return None
