"""What cannot be what it is given for is refused at the door: clocks, waits, plain and async functions."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import partial

from incumbent.errors import ConfigurationError
from incumbent.lease import check_number
from incumbent.shown import may_be_url, redacted, shown


def check_like(name: str, value: object, has: Sequence[str], advice: str) -> None:
    """Refuse what cannot be used as such a thing. None of it is shown that may be a URL, which has secrets.

    To look for what it has to have is quicker than `isinstance` is for a protocol.

    Raises:
        ConfigurationError: It lacks what every such thing has.
    """
    for each in has:
        if not hasattr(value, each):
            said = shown(value)
            said = redacted(value) if may_be_url(said) else said
            raise ConfigurationError(f"{name} is {said}, which has no {each}: give {advice}")


def check_timeout(value: object) -> None:
    """Refuse what is no number of seconds to wait; fewer than none have passed already.

    Raises:
        ConfigurationError: As `check_number`.
    """
    if not (isinstance(value, (int, float)) and value < 0):
        check_number("timeout", value, positive=False)


def check_flag(name: str, value: object) -> None:
    """Refuse what is neither True nor False: the text `"false"` counts as true.

    Raises:
        ConfigurationError: Such a value.
    """
    if type(value) is not bool:
        raise ConfigurationError(f"{name} is {shown(value)}: give True or False")


def is_async(call: object) -> bool:
    """Whether calling it gives a coroutine, as far as that can be told before it is called."""
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(
        getattr(type(call), "__call__", None)  # noqa: B004  # which kind it is, not whether it has one
    )


def check_plain(name: str, callback: object) -> None:
    """Refuse a callback that would give a coroutine to a thread, where nothing awaits it.

    Raises:
        ConfigurationError: It is an `async def` function.
    """
    if is_async(callback):
        raise ConfigurationError(
            f"{name} is {shown(callback)}, an async def function, but is called on a thread: give a plain "
            f"function; in it, asyncio.run_coroutine_threadsafe(..., loop) has a coroutine run on the loop"
        )


def check_coroutine_function(lead: object) -> None:
    """Refuse work for an event loop that is seen, before it is called, to be something else.

    A lambda, and an object that can be called, may return a coroutine of another: that is seen when it does.

    Raises:
        ConfigurationError: It is a plain function, was called already, or cannot be called.
    """
    if inspect.isawaitable(lead):
        if inspect.iscoroutine(lead):
            lead.close()  # else Python complains that it was never awaited
        raise ConfigurationError(
            f"run() got {shown(lead)}: give the function itself, run(lead), and do not call it"
        )
    if not callable(lead):
        raise ConfigurationError(
            f"run() got {shown(lead)}: give an async def function that takes the leadership"
        )
    function = inspect.unwrap(lead)
    while isinstance(function, partial):
        function = inspect.unwrap(function.func)
    is_def = inspect.isroutine(function) and getattr(function, "__name__", "") != "<lambda>"
    if is_def and not is_async(function):
        raise ConfigurationError(
            f"run() got {shown(lead)}, a plain function: write async def, with await asyncio.to_thread(...) "
            f"around what blocks; or give it to incumbent.Campaign(on_started_leading=...): that has a thread"
        )
