"""A broker in a process of its own, on a directory: Ottla on one of its runtimes, or Apache Kafka.

Both keep what they log in DIRECTORY/broker.log and their data in DIRECTORY/data, so that one can go on where the other
has stopped. A step that fails returns what was wrong; None is good.
"""

import os
import signal
import subprocess
import sys
import time
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

HERE = Path(__file__).resolve().parent

START_S = 10  # until the broker answers
STOP_S = 2  # from SIGTERM until the process is gone
KAFKA_S = 120  # Apache Kafka has as much for either
KAFKA = "kafka"  # in the place of a runtime


def module_from_script(path):
    loader = SourceFileLoader(path.name, str(path))
    module = module_from_spec(spec_from_loader(path.name, loader))
    loader.exec_module(module)
    return module


kafka = module_from_script(HERE / "kafka")


class Broker:
    def __init__(self, directory, port, runtime, binary, overrides=(), advertised_port=None):
        self.directory, self.port, self.runtime, self.binary = directory, port, runtime, binary
        self.overrides, self.advertised_port = list(overrides), advertised_port or port
        self.process = None
        self.environment = {}

    @property
    def is_kafka(self):
        return self.runtime == KAFKA

    @property
    def log(self):
        return self.directory / "broker.log"

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=os.environ | {"KAFKA_HEAP_OPTS": "-Xmx512M"} | self.environment)
        deadline = time.monotonic() + (KAFKA_S if self.is_kafka else START_S)
        while not kafka.answers(self.port):
            if self.process.poll() is not None:
                return f"ended with status {self.process.returncode} before it answered"
            if time.monotonic() > deadline:
                return f"does not answer on port {self.port}"
            time.sleep(0.002)

    def command(self):
        overrides = [f"advertised.listeners=PLAINTEXT://127.0.0.1:{self.advertised_port}", *self.overrides]
        if self.is_kafka:
            command = [sys.executable, HERE / "kafka", "start", self.directory, str(self.port), "--foreground"]
        else:
            command = [self.binary, "--log-dir", self.directory / "data", "--runtime", self.runtime]
            overrides.insert(0, f"listeners=PLAINTEXT://127.0.0.1:{self.port}")
        return command + [argument for override in overrides for argument in ("--override", override)]

    def stop(self, limit_s=STOP_S):
        if self.process.poll() is not None:
            return f"had already ended, with status {self.process.returncode}"
        self.process.send_signal(signal.SIGTERM)
        limit_s = KAFKA_S if self.is_kafka else limit_s
        try:
            status = self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return f"did not end within {limit_s} s of SIGTERM"
        if status != (128 + signal.SIGTERM if self.is_kafka else 0):
            return f"ended with status {status}"

    def kill(self):
        """SIGKILL, if it lives, and waits until it is gone."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
