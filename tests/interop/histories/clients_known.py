"""The programs that take part, by the name of their client."""

from pathlib import Path

from installing import INSTALLED, JAVA, VENV_PYTHON, install_go_histories, install_java, install_python

PROGRAMS = Path(__file__).resolve().parent / "clients"


class Client:
    # Each program is as many processes of the history.
    PROCESSES = 9

    def __init__(self, install, command):
        self.install, self.command = install, command


CLIENTS = {
    "librdkafka": Client(install_python, [VENV_PYTHON, PROGRAMS / "librdkafka.py"]),
    "java": Client(install_java, [*JAVA, "Histories"]),
    "franz-go": Client(install_go_histories, [INSTALLED / "histories" / "franz-go"]),
}
