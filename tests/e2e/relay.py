"""A link between sites and their aggregator that can break, and heal."""

import selectors
import socket
import threading

PIECE = 1 << 16


class Relay:
    """Forwards TCP from its own port; a thread of its own, closed with close()."""

    def __init__(self):
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.target = None
        self.broken = threading.Event()  # set when a cut has happened
        self._refused = 0  # so many connections are closed as soon as they are made
        self._budget = None  # bytes towards the aggregator until the link breaks; None: it holds
        self._pairs = {}
        self._lock = threading.Lock()
        self._closing = False
        self._wake, self._waker = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.listener, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def cut_after(self, budget):
        """Breaks every connection after so many more bytes; refuses new ones until heal()."""
        with self._lock:
            self._budget = budget

    def refuse(self, connections):
        with self._lock:
            self._refused = connections

    def refuses(self):
        with self._lock:
            return self._refused

    def heal(self):
        with self._lock:
            self._budget = None
            self.broken.clear()

    def close(self):
        self._closing = True
        self._waker.send(b'x')
        self._thread.join()

    def _serve(self):
        while not self._closing:
            for key, _ in self._selector.select():
                if key.fileobj is self.listener:
                    self._accept()
                elif key.fileobj in self._pairs:
                    self._forward(key.fileobj)
        self._drop_all()
        for each in (self.listener, self._wake, self._waker):
            each.close()

    def _accept(self):
        near, _ = self.listener.accept()
        with self._lock:
            refused = self._refused > 0
            self._refused -= refused
        if refused or self.broken.is_set():
            near.close()
            return
        try:
            far = socket.create_connection(('127.0.0.1', self.target))
        except OSError:
            near.close()
            return
        self._pairs[near], self._pairs[far] = (far, True), (near, False)
        self._selector.register(near, selectors.EVENT_READ)
        self._selector.register(far, selectors.EVENT_READ)

    def _forward(self, source):
        peer, upwards = self._pairs[source]
        try:
            piece = source.recv(PIECE)
            if piece:
                peer.sendall(piece)
        except OSError:
            piece = b''
        if not piece:
            self._drop(source)
            return
        with self._lock:
            if self._budget is None or not upwards:
                return
            self._budget -= len(piece)
            spent = self._budget <= 0
        if spent:
            self.broken.set()
            self._drop_all()

    def _drop(self, one):
        peer, _ = self._pairs.pop(one)
        self._pairs.pop(peer, None)
        for each in (one, peer):
            self._selector.unregister(each)
            each.close()

    def _drop_all(self):
        while self._pairs:
            self._drop(next(iter(self._pairs)))
