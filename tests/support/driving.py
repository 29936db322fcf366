"""What the tests of the drivers share: a store that can be made to hang or fail, and waiting for threads."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from dataclasses import replace

from incumbent.stores.memory import MemoryStore


def eventually(predicate, *, timeout=10.0, pause=0.001):
    """Wait, in real time, for what another thread is about to do, and return it; fail if it does not."""
    until = time.monotonic() + timeout
    while not (found := predicate()):
        assert time.monotonic() < until, f"it did not happen within {timeout} s"
        time.sleep(pause)
    return found


async def until(predicate):
    """The same without blocking the event loop."""
    return await asyncio.wait_for(asyncio.to_thread(eventually, predicate), 20)


def library_threads():
    """The names of the library's threads that are alive."""
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("incumbent-"))


def in_child(check):
    """What `check` returns in a forked child, or raises, or that it hangs there.

    The child never leaves this function: unwound, it would close the parent's event loop, whose selector
    they share, and nothing would wake the parent again.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(20)
        try:
            answer = repr(check())
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent is to see it
            answer = f"it raised {error!r}"
        finally:
            os.write(write, answer.encode())
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as pipe:
        return pipe.read() or "it hangs"


def settle(*campaigns):
    """Wait, in real time, until every answer of the store was taken in."""
    eventually(lambda: all(campaign._driver.elector.pending is None for campaign in campaigns))


class RemoteStore:
    """A memory store behind a network of sorts: its calls are made on a lane, and can hang or fail.

    Attributes:
        calls: The names of the calls that reached it, in order.
    """

    def __init__(self, store=None, *, can_watch=False):
        self.inner = MemoryStore("remote") if store is None else store
        self.name = self.inner.name
        self.guarantees = replace(MemoryStore.guarantees, is_local=False, can_watch=can_watch)
        self.calls = []
        self.errors = []
        self.loses_replies = False
        self.hanging = 0
        self._gate = threading.Event()
        self._gate.set()
        self._lock = threading.Lock()

    def beside(self):
        """Another candidate's view of the same lease, with a network of its own."""
        return RemoteStore(MemoryStore(self.name, space=self.inner.space))

    def hang(self):
        """Let no call return from now on."""
        self._gate.clear()

    def heal(self):
        """Let all calls return, also those that hang."""
        self._gate.set()

    def get_lease(self, *, timeout):
        return self._call("get", self.inner.get_lease, timeout=timeout)

    def create_lease(self, lease, *, timeout):
        return self._call("create", self.inner.create_lease, lease, timeout=timeout)

    def update_lease(self, lease, version, *, timeout):
        return self._call("update", self.inner.update_lease, lease, version, timeout=timeout)

    def watch(self, notify):
        return self.inner.watch(notify)

    def close(self):
        self.inner.close()

    def _call(self, name, call, *args, timeout):
        with self._lock:
            self.calls.append(name)
            self.hanging += 1
        self._gate.wait()
        with self._lock:
            self.hanging -= 1
        if self.errors:
            raise self.errors.pop(0)
        result = call(*args, timeout=timeout)
        if self.loses_replies and name != "get":
            raise ConnectionResetError("the reply was lost")
        return result


class HeldUp(MemoryStore):
    """A local store whose writes can be made to hang, and with them the thread that keeps the campaigns."""

    def __init__(self):
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()

    def update_lease(self, lease, version, *, timeout):
        self.gate.wait(30)
        return super().update_lease(lease, version, timeout=timeout)
