"""The server under test as a real process, its database, and the ground both stand on."""

import asyncio
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
PASSWORD = "correct-horse-battery-9"

# Short limits, so that a round of some seconds sees deadlines missed, escalated and repeated.
CONFIG = """
[dispatch]
delivered_s = [2, 3, 3, 4]
viewed_s = [4, 5, 5, 6]
accepted_s = [6, 7, 8, 8]
en_route_s = [20, 20, 20, 20]
channel_s = [3, 3, 3, 3]
signed_s = [3, 4, 5, 6]
claim_s = 1
area_silent_min = 100000

[backup]
wanted = 2
spare = 2
wave_s = 3
parent_room_after_s = 4
commander_after_s = 7
"""
ACCEPTED_S = [6, 7, 8, 8]
DELIVERED_S = [2, 3, 3, 4]
SIGNED_S = [3, 4, 5, 6]
PARENT_S, COMMANDER_S = 4, 7


def free_port():
    """Below the ports the kernel gives to outgoing connections: one of those could take it while the server is down."""
    while True:
        port = random.randrange(12_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def sweep(pid):
    """Removes what libfaketime leaves of a killed process."""
    for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
        if os.path.exists(os.path.join("/dev/shm", name)):
            os.unlink(os.path.join("/dev/shm", name))


def sync(folder):
    """Makes what lies below a folder durable: whoever puts a copy back does so, before the power may go."""
    for where, _, names in os.walk(folder, topdown=False):
        for name in [*names, "."]:
            opened = os.open(os.path.join(where, name), os.O_RDONLY)
            try:
                os.fsync(opened)
            finally:
                os.close(opened)


class Ground:
    """Where the data lies: a plain folder, a small tmpfs (`full`) or a file system that forgets (`power`)."""

    def __init__(self, folder, kind):
        self.kind, self.path = kind, os.path.join(folder, "data")
        self.backing, self.control = os.path.join(folder, "backing"), os.path.join(folder, "lossy.socket")
        self.layer = None
        os.makedirs(self.path)
        os.makedirs(self.backing)

    def mount(self):
        if self.kind == "full":
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512m,mode=755", "tmpfs", self.path], check=True)
        elif self.kind == "power":
            log = open(self.control + ".log", "ab")
            self.layer = subprocess.Popen([sys.executable, os.path.join(HERE, "lossy.py"), self.backing, self.path,
                                           self.control], stdout=log, stderr=log)
            for _ in range(100):
                if os.path.ismount(self.path) and os.path.exists(self.control):
                    return
                time.sleep(0.05)
            raise RuntimeError("the forgetting file system does not come up")

    def unmount(self):
        if self.kind != "plain":
            subprocess.run(["umount", "-l", self.path], stderr=subprocess.DEVNULL, check=False)
        if self.layer:
            self.layer.kill()
            self.layer.wait()
            self.layer = None

    def cut(self, seed):
        """Power loss, after every process on it was killed. Gives the number of pages that were lost."""
        with socket.socket(socket.AF_UNIX) as door:
            door.connect(self.control)
            door.sendall(f"cut {seed}".encode())
            lost = int(door.recv(100))
        # What the kernel cached goes with the mount.
        self.unmount()
        self.mount()
        return lost

    def fill(self):
        """Leaves nearly nothing free."""
        with open(os.path.join(self.path, "ballast"), "wb") as ballast:
            free = os.statvfs(self.path)
            left = free.f_bavail * free.f_frsize
            try:
                os.posix_fallocate(ballast.fileno(), 0, max(left - 16 * 1024, 4096))
            except OSError:
                pass

    def relieve(self):
        os.unlink(os.path.join(self.path, "ballast"))


def possible_grounds(folder):
    """Which kinds of ground this machine permits."""
    found = {"plain"}
    for kind, needed in (("full", "/bin/mount"), ("power", "/dev/fuse")):
        trial = os.path.join(folder, f"trial-{kind}")
        os.makedirs(trial, exist_ok=True)
        ground = Ground(trial, kind)
        try:
            if os.getuid() == 0 and os.path.exists(needed):
                ground.mount()
                found.add(kind)
        except (RuntimeError, OSError, subprocess.CalledProcessError):
            pass
        finally:
            ground.unmount()
            shutil.rmtree(trial, ignore_errors=True)
    return found


class Postgres:
    """A private PostgreSQL with fsync on; its folder lies on the ground, too."""

    def __init__(self, folder, ground, port, preload=None):
        self.bin, self.port, self.ground, self.preload = os.environ["FAULT_PG_BIN"], port, ground, preload
        self.data = os.path.join(ground.path, "pg")
        self.log = open(os.path.join(folder, "postgres.log"), "ab")
        self.user = os.environ.get("FAULT_PG_USER", "")
        self.process = None
        self.url = f"postgres://suixing@127.0.0.1:{port}/postgres"

    def command(self, *words):
        if os.getuid() == 0:
            return ["setpriv", f"--reuid={self.user}", f"--regid={self.group()}", "--clear-groups", *words]
        return list(words)

    def group(self):
        import pwd
        return str(pwd.getpwnam(self.user).pw_gid)

    def create(self):
        os.makedirs(self.data, mode=0o700)
        if os.getuid() == 0:
            shutil.chown(self.data, self.user, int(self.group()))
        subprocess.run(self.command(f"{self.bin}/initdb", "-D", self.data, "-U", "suixing", "-A", "trust", "-E", "UTF8",
                                    "--locale=C"), check=True, stdout=self.log, stderr=self.log,
                       env={**os.environ, "HOME": "/tmp"})

    def start(self):
        # Set behind setpriv: what libfaketime shares must belong to the user PostgreSQL runs as.
        clock = ["env", *(f"{name}={value}" for name, value in self.preload.items())] if self.preload else []
        words = [*clock, f"{self.bin}/postgres", "-D", self.data, "-k", "", "-p", str(self.port), "-c",
                 "listen_addresses=127.0.0.1", "-c", "max_connections=100", "-c", "shared_buffers=64MB", "-c",
                 "restart_after_crash=on"]
        self.process = subprocess.Popen(self.command(*words), stdout=self.log, stderr=self.log,
                                        env={**os.environ, "HOME": "/tmp"}, start_new_session=True)
        for _ in range(600):
            if subprocess.run([f"{self.bin}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)],
                              check=False).returncode == 0:
                return
            if self.process.poll() is not None:
                raise RuntimeError("postgres does not start; see postgres.log")
            time.sleep(0.05)
        raise RuntimeError("postgres is not ready; see postgres.log")

    def stop(self, how=signal.SIGINT):
        """SIGINT: fast; SIGQUIT: at once, recovery follows; SIGKILL: to the whole group."""
        if self.process is None:
            return
        if how == signal.SIGKILL:
            os.killpg(self.process.pid, how)
        else:
            self.process.send_signal(how)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        sweep(self.process.pid)
        self.process = None


class Server:
    """`suixing serve` on a fixed port, killed and started again as often as wanted."""

    def __init__(self, folder, backend, ground, environment=None):
        self.binary = os.environ["SUIXING_BIN"]
        self.folder, self.backend, self.ground = folder, backend, ground
        self.port, self.process, self.starts = free_port(), None, 0
        self.environment = {**os.environ, "SUIXING_AUTH__ARGON2_MEMORY_KIB": "1024", "SUIXING_AUTH__ARGON2_PASSES": "1",
                            **(environment or {})}
        self.data = os.path.join(ground.path, "suixing")
        self.aside = os.path.join(folder, "aside")
        self.config = os.path.join(folder, "config.toml")
        with open(self.config, "w") as file:
            file.write(CONFIG)
        self.log = open(os.path.join(folder, "server.log"), "ab")
        self.postgres = None
        if backend == "postgres":
            self.postgres = Postgres(folder, ground, free_port(), environment)

    @property
    def database(self):
        return os.path.join(self.data, "suixing.db")

    def where(self):
        return ["--data-dir", self.data, *(["--database-url", self.postgres.url] if self.postgres else [])]

    def create(self):
        self.ground.mount()
        os.makedirs(self.data)
        if self.postgres:
            self.postgres.create()
            self.postgres.start()
        subprocess.run([self.binary, "admin", "create", *self.where(), "--username", "admin", "--password-stdin"],
                       input=PASSWORD.encode() + b"\n", check=True, stdout=self.log, stderr=self.log,
                       env=self.environment)

    async def start(self):
        """Starts it and waits until it answers; gives the seconds that took."""
        begun = time.monotonic()
        self.starts += 1
        self.process = subprocess.Popen(
            [self.binary, "serve", "--listen", f"127.0.0.1:{self.port}", "--config", self.config, *self.where()],
            stdout=self.log, stderr=self.log, env=self.environment, stdin=subprocess.DEVNULL)
        while time.monotonic() < begun + 30:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}; see server.log")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return time.monotonic() - begun
            except OSError:
                await asyncio.sleep(0.05)
        raise RuntimeError("the server does not listen; see server.log")

    async def ready(self):
        """Waits until it reaches its database."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                with await asyncio.to_thread(urllib.request.urlopen, f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                    return
            except OSError:
                await asyncio.sleep(0.05)
        raise RuntimeError("the server does not reach its database; see server.log")

    def processes(self):
        """Those the server needs to get on: itself, its database, the ground."""
        needed = [self.process, self.ground.layer, self.postgres.process if self.postgres else None]
        return [one.pid for one in needed if one is not None]

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            sweep(self.process.pid)
            self.process = None

    def pause(self, on):
        self.process.send_signal(signal.SIGSTOP if on else signal.SIGCONT)

    # The database as a thing that can be copied and locked.

    def _files(self, folder):
        return [name for name in os.listdir(folder) if name.startswith("suixing.db")]

    def copy_aside(self):
        shutil.rmtree(self.aside, ignore_errors=True)
        os.makedirs(self.aside)
        if self.postgres:
            self.postgres.stop()
            subprocess.run(["cp", "-a", self.postgres.data, os.path.join(self.aside, "pg")], check=True)
            self.postgres.start()
        else:
            for name in self._files(self.data):
                shutil.copy2(os.path.join(self.data, name), self.aside)

    def put_back(self):
        if self.postgres:
            self.postgres.stop()
            shutil.rmtree(self.postgres.data)
            subprocess.run(["cp", "-a", os.path.join(self.aside, "pg"), self.postgres.data], check=True)
            sync(self.ground.path)
            self.postgres.start()
        else:
            for name in self._files(self.data):
                os.unlink(os.path.join(self.data, name))
            for name in os.listdir(self.aside):
                shutil.copy2(os.path.join(self.aside, name), self.data)
            sync(self.data)

    def lock(self):
        """An exclusive lock held by another process' connection; close it to let go."""
        # The server commits without a pause: on a loaded machine the gap may be long in coming.
        other = sqlite3.connect(self.database, isolation_level=None, timeout=20, check_same_thread=False)
        other.execute("BEGIN EXCLUSIVE")
        return other

    def destroy(self):
        self.kill()
        if self.postgres:
            self.postgres.stop(signal.SIGQUIT)
        self.ground.unmount()
        self.log.close()
