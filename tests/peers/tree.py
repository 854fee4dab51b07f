"""What a command and everything it starts cost: CPU, wall time, memory.

The measuring process is made a subreaper, so that what detaches from the command is still among its descendants:
background engines, ControlMaster processes. CPU comes from the kernel's own accounts, exact for all that has ended;
memory is looked at five times a second, as the sum over all processes of what each has to itself and its share of
the rest (PSS).
"""

import ctypes
import os
import resource
import signal
import threading
import time

PR_SET_CHILD_SUBREAPER = 36
TICK = os.sysconf("SC_CLK_TCK")


class Tree:
    def __init__(self):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")

    def run(self, argv, env, log, timeout=600):
        """Runs to its end. Returns status, wall seconds, CPU seconds of the tree meanwhile, and peak memory."""
        before, start = cpu(), time.monotonic()
        pid = spawn(argv, env, log)
        with Peak() as peak:
            status = wait_for(pid, start + timeout)
        wall = time.monotonic() - start
        return {"status": status, "wall": wall, "cpu": cpu() - before, "pss": peak.bytes}

    def end(self):
        """Ends whatever is still there, and buries it."""
        while pids := descendants():
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            bury()
            time.sleep(0.01)


class Peak:
    """The most memory the tree has had at once."""

    def __init__(self):
        self.bytes = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def watch(self):
        pause = 0.02  # short at first, for what is over soon
        while not self.over.wait(pause):
            pause = min(pause * 2, 0.2)
            self.bytes = max(self.bytes, sum(map(pss, descendants())))


def spawn(argv, env, log):
    pid = os.fork()
    if pid:
        return pid
    try:
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 1)
        os.dup2(1, 2)
        os.execvpe(argv[0], argv, env)
    finally:
        os._exit(127)


def wait_for(pid, end):
    """Buries all that ends until `pid` does; its exit code, or minus the signal."""
    while time.monotonic() < end:
        got, status = os.waitpid(-1, os.WNOHANG)
        if got == pid:
            return os.waitstatus_to_exitcode(status)
        if got == 0:
            time.sleep(0.002)
    return "took too long"


def bury():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def cpu():
    """Seconds of all that has ended and of all that lives below us."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime + sum(map(live_cpu, descendants()))


def live_cpu(pid):
    try:
        fields = stat(pid)
        own, buried = ticks(fields[11:13]), ticks(fields[13:15])
        # One thread: its scheduler account is exact, ticks are not. What has ended and is not buried yet
        # has one thread as well, the one whose account holds least.
        if fields[17] == "1" and fields[0] != "Z":
            with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
                own = int(file.read().split()[0]) / 1e9
        return own + buried
    except (OSError, IndexError):
        return 0


def ticks(fields):
    return sum(map(int, fields)) / TICK


def stat(pid):
    """The fields of /proc/PID/stat behind the name, which may hold anything."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(") ")[2].split()


def descendants():
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                children.setdefault(int(stat(name)[1]), []).append(int(name))
            except (OSError, IndexError):
                pass  # has ended meanwhile
    found, ask = [], [os.getpid()]
    while ask:
        for pid in children.get(ask.pop(), []):
            found.append(pid)
            ask.append(pid)
    return found


def pss(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
