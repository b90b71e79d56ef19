"""Lets public clients of tus, unmodified, upload through links that are cut, and compares what arrived.

    python3 tests/tus/run.py SERVER_URL USERNAME PASSWORD NODE_FOLDER PYTHON [SEED]

NODE_FOLDER holds upload.mjs with its packages, PYTHON has tuspy. Each client has a proxy of its own that cuts its
connections after some bytes: of the request, of the answer, or by falling silent and never closing.
"""

import hashlib
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from datetime import datetime, timezone

SIZE = 24 * 1024 * 1024
CUTS = 10
LIMIT_S = 240


class Proxy:
    """Carries connections over to the server; the first so many are cut."""

    def __init__(self, target, seed, heads_whole):
        self.target = target
        # Python's own HTTP reader takes a head that breaks off for a whole one: its answers are lost altogether.
        self.lost = 0 if heads_whole else 600
        self.dice = random.Random(seed)
        self.lock = threading.Lock()
        self.cuts = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def carry(self, client):
        server = socket.create_connection(self.target)
        with self.lock:
            how = self.dice.choice(["request", "request", "answer", "silence"]) if self.cuts < CUTS else "none"
            after = self.dice.randrange(20_000, 5_000_000) if how != "answer" else self.dice.randrange(0, self.lost + 1)
        ended = threading.Event()

        def pump(source, sink, watched):
            passed = 0
            try:
                while data := source.recv(65536):
                    passed += len(data)
                    if watched and passed > after:
                        with self.lock:
                            self.cuts += 1
                        sink.sendall(data[: max(0, len(data) - (passed - after))])
                        if how == "silence":
                            # The server hears nothing of it: a phone that has left its network.
                            client.shutdown(socket.SHUT_RDWR)
                            time.sleep(3)
                        break
                    sink.sendall(data)
            except OSError:
                pass
            ended.set()

        threading.Thread(target=pump, args=(client, server, how in ("request", "silence")), daemon=True).start()
        threading.Thread(target=pump, args=(server, client, how == "answer"), daemon=True).start()
        ended.wait()
        for side in (client, server):
            # Not a polite end but a reset, as a broken link gives.
            side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            side.close()


def call(base, method, path, token=None, body=None, headers=None):
    request = urllib.request.Request(base + path, method=method, headers=dict(headers or {}))
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    if body is not None:
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(body).encode()
    with urllib.request.urlopen(request, timeout=60) as answer:
        return dict(answer.headers.items()), answer.read()


def item_of(base, token, upload):
    """The item that an upload became; a file of parts is verified by a job."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        headers, _ = call(base, "HEAD", urllib.parse.urlparse(upload).path, token, headers={"Tus-Resumable": "1.0.0"})
        found = {name.lower(): value for name, value in headers.items()}.get("suixing-evidence-id")
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{upload} became no item")


def main():
    base, username, password, node, python = sys.argv[1:6]
    seed = int(sys.argv[6]) if len(sys.argv) > 6 else 1
    here = os.path.dirname(os.path.abspath(__file__))
    where = urllib.parse.urlparse(base)
    clients = {
        "tus-js-client": ["node", os.path.join(node, "upload.mjs"), "tus"],
        "tus-js-client in three parts": ["node", os.path.join(node, "upload.mjs"), "parts"],
        "@uppy/tus": ["node", os.path.join(node, "upload.mjs"), "uppy"],
        "tuspy": [python, os.path.join(here, "upload.py"), "plain"],
        "tuspy with checksums": [python, os.path.join(here, "upload.py"), "checksum"],
    }
    failed = 0
    for number, (name, command) in enumerate(clients.items()):
        _, body = call(base, "POST", "/api/v1/auth/login", body={"username": username, "password": password})
        token = json.loads(body)["access_token"]
        proxy = Proxy((where.hostname, where.port), seed * 100 + number, name.startswith("tuspy"))
        content = random.Random(seed * 100 + number).randbytes(SIZE)
        metadata = {
            "filename": f"现场视频 {number}.mp4",
            "kind": "video",
            "sha256": hashlib.sha256(content).hexdigest(),
            "captured_at": datetime.now(timezone.utc).isoformat(),
        }
        with tempfile.NamedTemporaryFile(prefix="suixing-tus-") as file:
            file.write(content)
            file.flush()
            endpoint = f"http://127.0.0.1:{proxy.port}/api/v1/uploads"
            begun = time.monotonic()
            try:
                done = subprocess.run(
                    [*command, endpoint, token, file.name, json.dumps(metadata)],
                    capture_output=True, text=True, timeout=LIMIT_S, check=False,
                )
                assert done.returncode == 0, f"it ended with {done.returncode}: {done.stderr[-2000:]}"
                item = item_of(base, token, done.stdout.strip().splitlines()[-1])
                _, arrived = call(base, "GET", f"/api/v1/evidence/{item}/content", token)
                assert arrived == content, "what arrived is not what was sent"
                _, body = call(base, "GET", f"/api/v1/evidence/{item}", token)
                assert json.loads(body)["filename"] == metadata["filename"]
                assert proxy.cuts >= CUTS // 2, f"only {proxy.cuts} cuts"
                print(f"{name}: {SIZE >> 20} MiB through {proxy.cuts} cuts in {time.monotonic() - begun:.1f} s")
            except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
                failed += 1
                print(f"{name}: FAILED: {error}")
            finally:
                proxy.listener.close()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
