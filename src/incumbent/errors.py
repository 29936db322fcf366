"""Everything this library raises. Each class says whose fault it is, what still holds and what to do.

Not being the leader is a value, never an error: only work that insists on leading (`Leadership.check`) is
stopped by an exception.
"""

from __future__ import annotations


class ElectionError(Exception):
    """The root of the tree: catch it to catch all that this library raises on purpose.

    Raised itself for misuse of a living object, such as a campaign used in a forked child. Nothing was
    started or changed by the call that raised it.
    """


class ConfigurationError(ElectionError, ValueError):
    """A setting or an argument is wrong; the message names the value, the rule and what to do.

    The caller's fault. Raised at construction, before anything contends.
    """


class LeadershipLost(ElectionError):
    """This term of office is over: stop the work at once.

    Nobody's fault. Somebody else may hold the lease from now on, so a write made after this needs a fence.
    """


class StoreError(ElectionError):
    """The store did not do what it was asked to do. See the subclasses for what is still true.

    The message is one line, escaped and cut, whatever a server said in it.
    """

    def __init__(self, message: str = "") -> None:
        from incumbent.shown import one_line  # noqa: PLC0415  # `--help` raises nothing, and is to cost little

        super().__init__(one_line(message))


class LeaseConflict(StoreError):
    """The record is not at the version that the write named, or exists where it was to be created.

    The write certainly did not happen. Read the record to see who was faster.
    """


class LeaseNotFound(StoreError):
    """There is no record of this lease. A write that raised it certainly did not happen."""


class StoreUnavailable(StoreError):
    """The store could not be reached, refused to answer, or answered too late.

    Attributes:
        outcome_unknown: True if a write may have happened, or may still happen (the default, and the only
            safe guess). False only where it is certain that the request had no effect, such as a refused
            connection.
    """

    def __init__(self, message: str, *, outcome_unknown: bool = True) -> None:
        super().__init__(message)
        self.outcome_unknown = outcome_unknown


class CorruptLease(StoreError):
    """The record is there, but it is no lease: a field is missing, malformed or impossible.

    The fault of whoever wrote it. Elections treat it as a store that does not answer, never as a vacancy:
    repair or delete the record by hand.
    """
