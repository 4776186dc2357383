"""What this machine can do at all, measured in the same minute: copying, hashing, loopback TLS."""
import hashlib
import os
import socket
import ssl
import subprocess
import threading
import time

MIB = 1 << 20


def best_rate(size, work, repeats=3):
    """GB/s of the fastest repetition: a neighbour can only slow one down."""
    best = float("inf")
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begin)
    return size / best / 1e9


def copy_rate():
    source = bytearray(os.urandom(MIB)) * 256
    target = bytearray(len(source))

    def copy():
        target[:] = source
    return best_rate(len(source), copy)


def hash_rate():
    block = os.urandom(MIB) * 128
    return best_rate(len(block), lambda: hashlib.sha256(block).digest())


def tls_rate(folder, size=512 * MIB):
    """Wall rate of one TLS 1.3 connection, sender and receiver on this machine."""
    key, certificate = folder / "limit.key", folder / "limit.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=limit", "-days", "1",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    client = ssl.create_default_context(cafile=certificate)
    client.check_hostname = False
    listener = socket.create_server(("127.0.0.1", 0))

    def send():
        with server.wrap_socket(listener.accept()[0], server_side=True) as sender:
            block = memoryview(os.urandom(MIB))
            for _ in range(size // MIB):
                sender.sendall(block)
    threading.Thread(target=send, daemon=True).start()
    with client.wrap_socket(socket.create_connection(listener.getsockname())) as receiver:
        room, begin = bytearray(MIB), time.perf_counter()
        while receiver.recv_into(room):
            pass
        return size / (time.perf_counter() - begin) / 1e9


def measure(folder):
    return {"copy_gb_s": round(copy_rate(), 2), "sha256_gb_s": round(hash_rate(), 2),
            "tls_loopback_gb_s": round(tls_rate(folder), 2)}
