"""A proxy that is a bad network when it is told to: it delays, cuts in the middle of a frame, half-closes, loses answers.

It knows nothing of Kafka: bytes come and go, in any pieces.
"""

import random
import socket
import struct
import threading
import time

PIECE_BYTES = 64 << 10
TO_BROKER, TO_CLIENT = 0, 1


class CuttingProxy:
    def __init__(self, port, broker_port, seed):
        self.broker_port = broker_port
        self.rng = random.Random(f"{seed}/proxy")
        self.delays_s = (0, 0)
        self.lock = threading.Lock()
        self.connections = set()
        self.listener = socket.create_server(("127.0.0.1", port), backlog=200)
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()
        self.each(1, Connection.reset)

    # What it can be told

    def delay(self, least_s, most_s):
        """Each piece waits that long, in both directions."""
        self.delays_s = (least_s, most_s)

    def cut(self, share):
        """Some connections are reset, after a few more bytes."""
        def cut(connection):
            connection.left[self.rng.choice((TO_BROKER, TO_CLIENT))] = self.rng.choice((0, 1, 3, 50, 500))
        return self.each(share, cut)

    def half_close(self, share):
        """One direction ends as if the peer had nothing more to say."""
        return self.each(share, lambda connection: connection.end(self.rng.choice((TO_BROKER, TO_CLIENT))))

    def lose_answers(self, share):
        """The broker hears and does, but what it answers gets lost; `reset_deaf` ends that."""
        def lose(connection):
            connection.is_deaf = True
        return self.each(share, lose)

    def reset_deaf(self):
        self.each(1, lambda connection: connection.is_deaf and connection.reset())

    def each(self, share, act):
        with self.lock:
            # In the order in which they were opened, so that the same seed means the same ones.
            chosen = [connection for connection in sorted(self.connections, key=lambda it: it.number) if self.rng.random() < share]
        for connection in chosen:
            act(connection)
        return len(chosen)

    # How it works

    def accept(self):
        number = 0
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            number += 1
            try:
                broker = socket.create_connection(("127.0.0.1", self.broker_port), timeout=10)
                broker.settimeout(None)
            except OSError:
                client.close()
                continue
            Connection(self, number, broker, client)


class Connection:
    def __init__(self, proxy, number, broker, client):
        self.proxy, self.number = proxy, number
        self.ends = {TO_BROKER: broker, TO_CLIENT: client}  # by direction: where it leads
        self.left = {TO_BROKER: None, TO_CLIENT: None}  # bytes that still pass
        self.is_deaf = False
        with proxy.lock:
            proxy.connections.add(self)
        for end in self.ends.values():
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.running = 2
        for direction in (TO_BROKER, TO_CLIENT):
            threading.Thread(target=self.pump, args=(direction,), daemon=True).start()

    def pump(self, direction):
        source, target = self.ends[1 - direction], self.ends[direction]
        try:
            while data := source.recv(PIECE_BYTES):
                delay_s = random.uniform(*self.proxy.delays_s)
                if delay_s:
                    time.sleep(delay_s)
                if self.is_deaf and direction == TO_CLIENT:
                    continue
                left = self.left[direction]
                target.sendall(data if left is None else data[:left])
                if left is not None:
                    self.left[direction] = max(0, left - len(data))
                    if self.left[direction] == 0:
                        self.reset()
        except OSError:
            self.reset()
        self.end(direction)
        self.is_over()

    def end(self, direction):
        try:
            self.ends[direction].shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def reset(self):
        """Both sides get a RST, and lose what is under way."""
        for end in self.ends.values():
            try:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def is_over(self):
        with self.proxy.lock:
            self.running -= 1
            if self.running:
                return
            self.proxy.connections.discard(self)
        for end in self.ends.values():
            end.close()
