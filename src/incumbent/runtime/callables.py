"""Coroutine functions where plain ones are called, and the other way round, are refused at the door."""

from __future__ import annotations

import inspect
from functools import partial

from incumbent.errors import ConfigurationError


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
            f"{name} is {callback!r}, an async def function, but is called on a thread: give a plain "
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
            f"run() got {lead!r}: give the function itself, run(lead), and do not call it"
        )
    if not callable(lead):
        raise ConfigurationError(f"run() got {lead!r}: give an async def function that takes the leadership")
    function = inspect.unwrap(lead)
    while isinstance(function, partial):
        function = inspect.unwrap(function.func)
    is_def = inspect.isroutine(function) and getattr(function, "__name__", "") != "<lambda>"
    if is_def and not is_async(function):
        raise ConfigurationError(
            f"run() got {lead!r}, a plain function: write async def, with await asyncio.to_thread(...) "
            f"around what blocks; or give it to incumbent.Campaign(on_started_leading=...): that has a thread"
        )
