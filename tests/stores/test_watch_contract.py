"""The contract of watches finds what a careless store would tell."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from incumbent.stores.memory import MemorySpace, MemoryStore
from incumbent.testing.stores.watches import WatchContract, _Watched


class Telling:
    """A store in memory whose watches tell what `tell` makes of each record."""

    def __init__(self, name, space):
        self._inner, self._before = MemoryStore(name, space=space), None

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def watch(self, notify):
        return self.watch_lease(lambda _: notify())

    def watch_lease(self, notify):
        def heard(stored):
            for each in self.tell(stored):
                notify(each)
            self._before = stored or self._before

        return self._inner.watch_lease(heard)

    def tell(self, stored):
        return [stored]


class TooOften(Telling):
    """Each is told again, and that there was something."""

    def tell(self, stored):
        return [None, stored, stored]


class OutOfOrder(Telling):
    """The one before comes in between."""

    def tell(self, stored):
        return [stored, self._before, stored]


class Short(Telling):
    """What is long is left to be read, as a notification may be too small for it."""

    def tell(self, stored):
        return [stored if stored and len(stored.lease.holder_identity) < 100 else None]


class OtherVersion(Telling):
    def tell(self, stored):
        return [stored and replace(stored, version=str(stored.version))]


class OtherEpoch(Telling):
    def tell(self, stored):
        return [stored and replace(stored, epoch="")]


class WithoutRequest(Telling):
    def tell(self, stored):
        return [stored and replace(stored, lease=stored.lease.asked_to_resign(""))]


class Coarse(Telling):
    """Times are told in seconds."""

    def tell(self, stored):
        if stored is None:
            return [None]
        lease = replace(stored.lease, renew_time=stored.lease.renew_time.replace(microsecond=0))
        return [replace(stored, lease=lease)]


class Late(Telling):
    """The last one is told with the next one."""

    def tell(self, stored):
        return [self._before] if self._before else [None]


class Silent(Telling):
    def tell(self, stored):
        return [None]


class Lasting(Telling):
    """What was deleted is told as it was."""

    def tell(self, stored):
        return [stored or self._before]


class Everything(Telling):
    """Of other leases, too."""

    def watch_lease(self, notify):
        watch = super().watch_lease(notify)
        put = self._inner.space.put

        def told(name, lease):
            version = put(name, lease)
            notify(self._inner.space.records[name])
            return version

        self._inner.space.put = told
        return watch


class Contract(WatchContract):
    timeout = 0.05  # nothing is told later than at once

    def __init__(self, kind):
        self._kind, self._space = kind, MemorySpace()

    def open_store(self, lease):
        return self._kind(lease, self._space)

    def delete_lease(self, lease):
        MemoryStore(lease, space=self._space).delete_lease()
        return True

    def run(self):
        elsewhere = self.open_store("elsewhere")
        with self.watching("x") as watched:
            self.test_what_a_watch_tells_is_what_is_read(watched, self.open_store("x"), elsewhere)
        with self.watching("y") as watched:
            self.test_a_deletion_is_told_without_a_record("y", watched, self.open_store("y"))

    @contextmanager
    def watching(self, lease):
        watched = _Watched(self.timeout)
        with closing(self.open_store(lease).watch_lease(watched.notify)):
            yield watched


@pytest.mark.parametrize("kind", [Telling, TooOften, OutOfOrder, Short])
def test_a_store_that_tells_what_was_there_passes(kind):
    """However often, in whichever order; and not all has to be told."""
    Contract(kind).run()


@pytest.mark.parametrize(
    "kind", [OtherVersion, OtherEpoch, WithoutRequest, Coarse, Late, Silent, Lasting, Everything]
)
def test_a_store_that_does_not_is_found(kind):
    """Told is what a read gives, and a renewal is told."""
    with pytest.raises(AssertionError):
        Contract(kind).run()
