"""A file system that forgets: a FUSE layer over a folder that can lose what was never synced.

    python lossy.py BACKING MOUNTPOINT CONTROL_SOCKET

Writes go through to the backing folder at once; beside them the old content of every page touched since the
file's last fsync is kept in memory. `cut SEED` on the control socket is the power cut: the old pages are put
back, so that only what was synced is left. A disk may also have written some pages on
its own: with an odd SEED a random half of the unsynced pages survives, in no order.

What it models: data and size of regular files; a new file exists for good after an fsync of it or of its
folder. What it does not: removals and renames are durable at once.
"""

import errno
import os
import random
import socket
import stat
import sys
import threading

import mfusepy

PAGE = 4096
# A disk that says it synced and did not: whatever survives a power cut then shows that the cut does not bite.
LYING = os.environ.get("FAULT_LYING_DISK") == "yes"


class File:
    """What would come back after a power cut: size and pages as of the last fsync."""

    def __init__(self, size, existed):
        self.size, self.existed, self.pages = size, existed, {}


class Lossy(mfusepy.Operations):
    use_ns = True

    def __init__(self, backing):
        self.backing = backing
        self.unsynced = {}
        self.guard = threading.RLock()

    def real(self, path):
        return self.backing + path

    def before(self, path, offset, length):
        """Keeps what `length` bytes at `offset` are about to replace."""
        name = self.real(path)
        size = os.path.getsize(name)
        file = self.unsynced.setdefault(path, File(size, True))
        with open(name, "rb") as old:
            for page in range(offset // PAGE, (offset + length + PAGE - 1) // PAGE):
                if page not in file.pages and page * PAGE < file.size:
                    old.seek(page * PAGE)
                    file.pages[page] = old.read(PAGE)

    def forget(self, path):
        self.unsynced.pop(path, None)

    def cut(self, seed):
        """The power is gone: back to what was synced."""
        dice = random.Random(seed)
        lost = 0
        with self.guard:
            for path, file in self.unsynced.items():
                name = self.real(path)
                if not os.path.exists(name):
                    continue
                if not file.existed:
                    os.unlink(name)
                    lost += 1
                    continue
                with open(name, "r+b") as now:
                    for page, old in file.pages.items():
                        if seed % 2 == 0 or dice.random() < 0.5:
                            now.seek(page * PAGE)
                            now.write(old)
                            lost += 1
                    now.seek(0, os.SEEK_END)
                    if now.tell() != file.size:
                        lost += 1
                    now.truncate(file.size)
            self.unsynced.clear()
        return lost

    # Reading and names: the backing folder's own.

    def getattr(self, path, fh=None):
        found = os.lstat(self.real(path))
        shown = {key: getattr(found, key) for key in ("st_gid", "st_uid", "st_mode", "st_nlink", "st_size", "st_blocks")}
        times = {key: getattr(found, key + "_ns") for key in ("st_atime", "st_ctime", "st_mtime")}
        return {**shown, **times}

    def readdir(self, path, fh):
        return [".", "..", *os.listdir(self.real(path))]

    def access(self, path, amode):
        if not os.access(self.real(path), amode):
            raise mfusepy.FuseOSError(errno.EACCES)
        return 0

    def statfs(self, path):
        found = os.statvfs(self.real(path))
        return {key: getattr(found, key) for key in (
            "f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_favail", "f_ffree", "f_files", "f_flag", "f_frsize",
            "f_namemax")}

    def open(self, path, flags):
        if flags & os.O_TRUNC:
            with self.guard:
                self.before(path, 0, os.path.getsize(self.real(path)))
        return os.open(self.real(path), flags & ~os.O_APPEND)

    def create(self, path, mode, fi=None):
        with self.guard:
            fh = os.open(self.real(path), os.O_RDWR | os.O_CREAT, mode)
            owner, group, _ = mfusepy.fuse_get_context()
            os.fchown(fh, owner, group)
            self.unsynced.setdefault(path, File(0, False))
        return fh

    def read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)

    def release(self, path, fh):
        os.close(fh)
        return 0

    def readlink(self, path):
        return os.readlink(self.real(path))

    # Changing.

    def write(self, path, data, offset, fh):
        with self.guard:
            self.before(path, offset, len(data))
            return os.pwrite(fh, data, offset)

    def truncate(self, path, length, fh=None):
        with self.guard:
            size = os.path.getsize(self.real(path))
            self.before(path, min(length, size), abs(size - length))
            os.truncate(self.real(path), length)

    def fsync(self, path, datasync, fh):
        if not LYING:
            with self.guard:
                self.forget(path)
        return 0

    def fsyncdir(self, path, datasync, fh):
        with self.guard:
            for name, file in self.unsynced.items():
                if os.path.dirname(name) == path and not file.existed:
                    file.existed = True
        return 0

    def unlink(self, path):
        with self.guard:
            self.forget(path)
            os.unlink(self.real(path))

    def rename(self, old, new, flags=0):
        with self.guard:
            os.rename(self.real(old), self.real(new))
            self.forget(new)
            if old in self.unsynced:
                self.unsynced[new] = self.unsynced.pop(old)

    def mkdir(self, path, mode):
        os.mkdir(self.real(path), mode)
        owner, group, _ = mfusepy.fuse_get_context()
        os.chown(self.real(path), owner, group)

    def rmdir(self, path):
        os.rmdir(self.real(path))

    def chmod(self, path, mode):
        os.chmod(self.real(path), stat.S_IMODE(mode))

    def chown(self, path, uid, gid):
        os.chown(self.real(path), uid, gid)

    def symlink(self, target, source):
        os.symlink(source, self.real(target))

    def link(self, target, source):
        os.link(self.real(source), self.real(target))

    def utimens(self, path, times=None):
        os.utime(self.real(path), ns=times)

    def flush(self, path, fh):
        return 0


def listen(layer, where):
    """Answers `cut SEED` with how many pages were lost."""
    if os.path.exists(where):
        os.unlink(where)
    door = socket.socket(socket.AF_UNIX)
    door.bind(where)
    door.listen(1)
    while True:
        line, _ = door.accept()
        words = line.recv(100).decode().split()
        if words and words[0] == "cut":
            line.sendall(f"{layer.cut(int(words[1]))}\n".encode())
        line.close()


def main():
    backing, mountpoint, control = sys.argv[1:4]
    layer = Lossy(os.path.abspath(backing))
    threading.Thread(target=listen, args=(layer, control), daemon=True).start()
    mfusepy.FUSE(layer, mountpoint, foreground=True, nothreads=True, allow_other=True, default_permissions=True,
                 fsname="lossy", attr_timeout=1.0, entry_timeout=1.0)


if __name__ == "__main__":
    main()
