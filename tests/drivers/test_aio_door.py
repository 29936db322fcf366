"""What a campaign for asyncio refuses at the door, and what it says instead."""

import asyncio
import functools
import inspect
import random
import subprocess
import sys
import textwrap

import pytest

from incumbent import Campaign, ConfigurationError, ElectionError, aio
from incumbent.lease import NANOSECONDS
from incumbent.stores.memory import MemoryStore
from support.driving import eventually
from support.project import ROOT


async def coroutine_function(leadership):
    await leadership.wait()


def plain_function(leadership):
    raise AssertionError("it is not called")


class Callable:
    async def __call__(self, leadership):
        await leadership.wait()

    async def method(self, leadership):
        await leadership.wait()

    def plain(self, leadership):
        raise AssertionError("it is not called")


@functools.wraps(coroutine_function)
def decorated(leadership):
    return coroutine_function(leadership)


def parameters(kind):
    return inspect.signature(kind).parameters


def test_both_campaigns_take_the_same_settings_one_by_one():
    """So that a type checker, an editor and Python itself know a setting that is mistyped."""
    theirs, ours = parameters(Campaign), parameters(aio.Campaign)
    assert list(ours) == list(theirs)
    for name in theirs:
        assert (ours[name].kind, ours[name].default) == (theirs[name].kind, theirs[name].default)
        if name not in {"on_started_leading", "on_stopped_leading"}:
            assert ours[name].annotation == theirs[name].annotation
    with pytest.raises(TypeError, match="lease_durtion"):
        aio.Campaign(MemoryStore(), lease_durtion=3)


def test_each_setting_reaches_the_campaign(clock, tmp_path):
    """Each is given a value of its own, which is seen again."""
    config = {
        "identity": "a",
        "lease_duration": 30.0,
        "renew_deadline": 20.0,
        "retry_period": 3.0,
        "request_timeout": 4.0,
        "jitter": 0.2,
        "takeover_delay": 1.0,
    }
    rest = {
        "stop_timeout": 7.0,
        "on_stopped_leading": lambda _: None,
        "on_new_leader": lambda _: None,
        "report_metric": lambda *_: None,
        "clock": clock,
        "rng": random.Random(7),
        "trace": tmp_path / "trace",
    }
    assert {"store", "on_started_leading", "hold_for", "release_on_cancel", *config, *rest} == set(
        parameters(aio.Campaign)
    )
    campaign = aio.Campaign(MemoryStore(), hold_for=5.0, release_on_cancel=False, **config, **rest)
    terms = campaign._contest._terms
    assert (terms.hold_ns, terms.release) == (5 * NANOSECONDS, False)
    assert {name: getattr(campaign.config, name) for name in config} == config
    assert campaign.identity == "a"
    callbacks = campaign._contest._callbacks
    for name, value in rest.items():
        is_callback = name in callbacks.__slots__
        assert (
            getattr(callbacks if is_callback else campaign._contest, name if is_callback else f"_{name}")
            is value
        )


def test_a_type_checker_sees_a_setting_that_is_mistyped(tmp_path):
    pytest.importorskip("mypy")
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent("""
        from incumbent import aio, open_store

        async def lead(leadership: aio.Leadership) -> None:
            await leadership.wait(1.0)

        async def main() -> None:
            store = open_store("memory:", lease="typed")
            async with aio.Campaign(store, lease_duration=3.0) as campaign:
                await campaign.run(lead)
                await campaign.run(lambda leadership: leadership.wait())
            aio.Campaign(store, lease_durtion=3.0)
            aio.Campaign(store, jitter="much")
            aio.Campaign(store, on_started_leading=lead)
        """)
    )
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", str(program)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    lines = [int(line.split(":")[1]) for line in run.stdout.splitlines() if ": error:" in line]
    assert lines == [12, 13, 14], run.stdout + run.stderr


@pytest.mark.parametrize(
    "work",
    [
        coroutine_function,
        Callable(),
        Callable().method,
        decorated,
        functools.partial(coroutine_function),
        lambda leadership: leadership.wait(),
        functools.partial(lambda again, leadership: again(leadership), coroutine_function),
    ],
)
def test_all_that_can_be_awaited_is_work(clock, work):
    async def main():
        campaign = aio.Campaign(MemoryStore(), clock=clock)
        running = asyncio.create_task(campaign.run(work))
        assert await campaign.wait_until_leader(10)
        await campaign.stop()
        await running

    asyncio.run(main())


@pytest.mark.parametrize("work", [plain_function, Callable().plain, functools.partial(plain_function), print])
def test_work_that_is_plain_is_refused_before_it_is_called(clock, work):
    async def main():
        campaign = aio.Campaign(MemoryStore(), clock=clock)
        with pytest.raises(ConfigurationError, match=r"plain function: write async def.*incumbent\.Campaign"):
            await campaign.run(work)
        assert campaign.state == "stopped"
        await campaign.run(lambda _: campaign.stop())  # it can be had with other work

    asyncio.run(main())


@pytest.mark.parametrize("work", [None, 7, "lead"])
def test_work_that_cannot_be_called_is_refused(work):
    async def main():
        with pytest.raises(ConfigurationError, match="give an async def function"):
            await aio.Campaign(MemoryStore()).run(work)

    asyncio.run(main())


def test_work_that_was_called_already_is_refused():
    async def main():
        with pytest.raises(ConfigurationError, match=r"run\(lead\), and do not call it"):
            await aio.Campaign(MemoryStore()).run(coroutine_function(None))
        with pytest.raises(ConfigurationError, match=r"run\(lead\), and do not call it"):
            await aio.Campaign(MemoryStore()).run(asyncio.get_running_loop().create_future())

    asyncio.run(main())


def test_work_that_turns_out_to_be_plain_ends_the_run_and_is_not_tried_again(clock):
    """A lambda may return anything: what it returned is seen once, and the lease is let go."""
    store, calls = MemoryStore(), []

    async def main():
        campaign = aio.Campaign(store, clock=clock)
        with pytest.raises(ConfigurationError, match="returned None, which cannot be awaited"):
            await asyncio.wait_for(campaign.run(lambda leadership: calls.append(leadership.token)), 20)
        assert campaign.state == "stopped"

    asyncio.run(main())
    assert calls == [1]
    assert store.get_lease(timeout=1).lease.is_vacant


@pytest.mark.parametrize("name", ["on_stopped_leading", "on_new_leader", "report_metric"])
@pytest.mark.parametrize("callback", [coroutine_function, Callable(), functools.partial(coroutine_function)])
def test_a_callback_that_nobody_would_await_is_refused(name, callback):
    with pytest.raises(
        ConfigurationError, match=f"{name} is .*give a plain function.*run_coroutine_threadsafe"
    ):
        aio.Campaign(MemoryStore(), **{name: callback})


def test_the_work_goes_to_run():
    with pytest.raises(ConfigurationError, match=r"give the work to run\(lead\)"):
        aio.Campaign(MemoryStore(), on_started_leading=coroutine_function)


@pytest.mark.parametrize("call", ["wait_until_leader", "resign"])
def test_what_needs_a_campaign_that_runs_says_how_to_have_one(clock, call):
    async def main():
        campaign = aio.Campaign(MemoryStore(), clock=clock)
        with pytest.raises(
            ElectionError, match=r"await start\(\) or run\(lead\), or use it in an async with"
        ):
            await getattr(campaign, call)()
        async with campaign:
            pass
        with pytest.raises(ElectionError, match=r"await start\(\) or run\(lead\)"):
            await getattr(campaign, call)()

    asyncio.run(main())


@pytest.mark.parametrize("timeout", ["5", float("nan"), float("inf")])
def test_a_timeout_that_is_none_is_refused(clock, timeout):
    async def main():
        async with aio.Campaign(MemoryStore(), clock=clock) as campaign:
            for call in (campaign.stop, campaign.wait_until_leader):
                with pytest.raises(ConfigurationError, match="timeout is"):
                    await call(timeout)
            with pytest.raises(ConfigurationError, match="timeout is -1"):
                await campaign.stop(-1)
            assert campaign.is_leader()
            await campaign.stop(0)  # which is one

    asyncio.run(main())


def test_a_campaign_says_who_it_is(clock):
    async def main():
        campaign = aio.Campaign(MemoryStore(), identity="a", clock=clock)
        assert repr(campaign) == "<Campaign of 'a': stopped>"
        seen = []

        async def lead(leadership):
            seen.append(repr(leadership))

        async with campaign:
            running = asyncio.create_task(campaign.run(lead))
            await asyncio.to_thread(eventually, lambda: seen)
            running.cancel()
        assert seen[0] == "<Leadership of 'a' by token 1: it goes on>"

    asyncio.run(main())
