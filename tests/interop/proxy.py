"""A proxy in front of a broker: advertises only the given calls, and counts what clients really send.

It stands between the clients and Apache Kafka, so that a check which passes there can pass with the calls that Ottla
serves. A client that sends anything else anyway is cut off, and the call is noted. It reads frame sizes, request headers
and ApiVersions answers, and passes all else on as it is.
"""

import socket
import struct
import threading
from collections import Counter

API_VERSIONS = 18


class Proxy:
    def __init__(self, port, broker_port, apis):
        self.broker_port = broker_port
        self.apis = apis
        self.seen = Counter()  # (api key, version) -> requests
        self.refused = Counter()
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                broker = socket.create_connection(("127.0.0.1", self.broker_port))
            except OSError:
                client.close()
                continue
            for end in (client, broker):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            asked = {}  # correlation id -> version, of ApiVersions requests under way
            threading.Thread(target=self.requests, args=(client, broker, asked), daemon=True).start()
            threading.Thread(target=self.answers, args=(broker, client, asked), daemon=True).start()

    def requests(self, client, broker, asked):
        for frame in frames(client):
            key, version, correlation_id = struct.unpack_from(">hhi", frame)
            _, first, last = self.apis.get(key, (None, 0, -1))
            self.seen[key, version] += 1
            if key == API_VERSIONS:
                asked[correlation_id] = version
            elif not first <= version <= last:
                self.refused[key, version] += 1
                break
            if not send(broker, frame):
                break
        close(client, broker)

    def answers(self, broker, client, asked):
        for frame in frames(broker):
            [correlation_id] = struct.unpack_from(">i", frame)
            if (version := asked.pop(correlation_id, None)) is not None:
                frame = self.restricted(frame, version)
            if not send(client, frame):
                break
        close(client, broker)

    def restricted(self, frame, version):
        """An ApiVersions answer with only our calls. Its table: key, first, last; since version 3 in the compact form."""
        [error] = struct.unpack_from(">h", frame, 4)
        compact = version >= 3 and error != 35  # an unknown version is answered in the form of version 0
        if compact:
            count, at = unsigned_varint(frame, 6)
            count -= 1
        else:
            [count] = struct.unpack_from(">i", frame, 6)
            at = 10
        size = 7 if compact else 6
        entries = [frame[at + n * size:at + (n + 1) * size] for n in range(count)]
        kept = [bytearray(entry) for entry in entries if struct.unpack_from(">h", entry)[0] in self.apis]
        for entry in kept:
            _, first, last = self.apis[struct.unpack_from(">h", entry)[0]]
            struct.pack_into(">hh", entry, 2, first, last)
        length = varint_bytes(len(kept) + 1) if compact else struct.pack(">i", len(kept))
        return frame[:6] + length + b"".join(kept) + frame[at + count * size:]


def frames(connection):
    """Frames without their size, until the connection ends."""
    stream = connection.makefile("rb")
    try:
        while len(prefix := stream.read(4)) == 4:
            [size] = struct.unpack(">i", prefix)
            body = stream.read(size)
            if len(body) < size:
                return
            yield body
    except OSError:
        return


def send(connection, frame):
    try:
        connection.sendall(struct.pack(">i", len(frame)) + frame)
        return True
    except OSError:
        return False


def close(*connections):
    for connection in connections:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def unsigned_varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return value, at


def varint_bytes(value):
    result = bytearray()
    while value > 0x7F:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(result + bytes([value]))
