"""What the clients need, brought into target/interop/: anew only where what it is made of has changed.

A program that has to be there already is named where it is missing.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from broker import kafka
from tools import install_shell as install_shell_into

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CLIENTS_DIR = HERE / "clients"
HISTORIES_DIR = HERE / "histories" / "clients"
INSTALLED = ROOT / "target" / "interop"
RUNTIMES = ["tokio", "smol", "std"]

VENV_PYTHON = INSTALLED / "python" / "bin" / "python"
JAVA_CLASSES = INSTALLED / "java"
JAVA = ["java", *kafka.TOOL_JVM, "-Xmx512M", kafka.LOGGING, "-cp", f"{JAVA_CLASSES}:{kafka.LIB}/*"]
SHELL_JARS = INSTALLED / "shell"


def build_broker():
    return build_release("ottla", "--features", ",".join(RUNTIMES))


def build_checker():
    return build_release("ottla-checker", "--package", "ottla-checker")


def build_release(binary, *arguments):
    need("cargo", "Rust (rustup.rs)")
    run_step("cargo build", ["cargo", "build", "--release", "--quiet", *arguments], ROOT)
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / binary


def install_python():
    def work():
        run_step("python3 -m venv", [sys.executable, "-m", "venv", INSTALLED / "python"], HERE)
        run_step("pip install", [VENV_PYTHON, "-m", "pip", "install", "--quiet", "-r", HERE / "requirements.txt"], HERE)

    once("python", [HERE / "requirements.txt"], work)


def install_java():
    kafka.bring_jars()
    need("javac", "a JDK, 17 or newer (Debian and Ubuntu: apt-get install openjdk-17-jdk-headless)")
    sources = sorted([*(CLIENTS_DIR / "java").glob("*.java"), *(HISTORIES_DIR / "java").glob("*.java")])
    once("java", [*sources, HERE / "pom.xml"], lambda: run_step(
        "javac", ["javac", "-proc:none", "-cp", f"{kafka.LIB}/*", "-d", JAVA_CLASSES, *sources], HERE))


def install_shell():
    once("shell", [HERE / "tools.py"], lambda: install_shell_into(SHELL_JARS))


def install_go():
    need("go", "Go 1.26 or newer (go.dev)")
    source = CLIENTS_DIR / "go"
    once("go", sorted([*source.glob("*/*.go"), *source.glob("go.*")]), lambda: run_step(
        "go build", ["go", "build", "-o", f"{INSTALLED / 'go'}/", "./franz-go", "./kadm", "./sarama", "./kafka-go"], source))


def install_go_histories():
    need("go", "Go 1.26 or newer (go.dev)")
    source = HISTORIES_DIR / "go"
    once("histories", sorted([*source.glob("*.go"), *source.glob("go.*")]), lambda: run_step(
        "go build", ["go", "build", "-o", INSTALLED / "histories" / "franz-go", "."], source))


def install_node():
    need("node", "Node.js 20 or newer")
    need("npm", "npm, which comes with Node.js")
    packages = [CLIENTS_DIR / "node" / name for name in ("package.json", "package-lock.json")]

    def work():
        for package in packages:
            shutil.copy(package, INSTALLED / "node")
        run_step("npm ci", ["npm", "ci", "--silent", "--ignore-scripts"], INSTALLED / "node")

    once("node", packages, work)


INSTALLERS = {"python": install_python, "java": install_java, "go": install_go, "node": install_node}


def once(name, inputs, work):
    """Does the work anew only when one of its input files has changed."""
    directory = INSTALLED / name
    stamp = directory / ".stamp"
    wanted = hashlib.sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    work()
    stamp.write_text(wanted)


def need(program, what):
    if shutil.which(program) is None:
        sys.exit(f"run: {program} is missing: install {what}")


def run_step(what, command, directory):
    print(f"{what} ...", flush=True)
    step = subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if step.returncode != 0:
        sys.exit(f"run: {what} failed:\n{step.stdout}")
