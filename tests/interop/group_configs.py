"""Configs of groups, which not every client can set."""

import socket
import struct

GROUP = 32  # Kafka's number for groups, as resources
SET = 0


def configure_group(address, group, configs):
    """IncrementalAlterConfigs 1, and an answer without an error."""
    def text(value):
        return bytes([len(value) + 1]) + str(value).encode()

    entries = b"".join(text(name) + bytes([SET]) + text(str(value)) + b"\0" for name, value in configs.items())
    resource = bytes([GROUP]) + text(group) + bytes([len(configs) + 1]) + entries + b"\0"
    request = struct.pack(">hhih", 44, 1, 1, 4) + b"test" + b"\0" + bytes([2]) + resource + b"\0\0"
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = connection.makefile("rb")
        body = answer.read(struct.unpack(">i", answer.read(4))[0])
    # Correlation id, tags, throttle time, the count of results, and the first one's error.
    error = struct.unpack(">h", body[10:12])[0]
    if error:
        raise AssertionError(f"the configs of {group} were refused with error {error}: {body[12:]!r}")
