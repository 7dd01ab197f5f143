"""Ray connection: to the cluster of `RAY_ADDRESS`, else to one that is started here; and what Ray does to signals."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from types import FrameType
from typing import Any

from harness.errors import one_line
from harness.running.executor import ExecutorError
from harness.running.workers import available_cores

KNOCK = 20.0
"""Seconds within which a cluster must answer."""

STORE = 256 << 20
"""Bytes of the object store of a cluster that is started here: networks are small."""


def ray_module() -> Any:
    """Return Ray, which is imported only where it is used.

    Raises:
        ExecutorError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        return import_module("ray")
    except ImportError as error:
        raise ExecutorError("executor ray needs Ray; install it with: pip install 'diffusion-harness[ray]'") from error


@contextlib.contextmanager
def connected(ray: Any, count: int | None) -> Iterator[None]:
    """Connect to the cluster of `RAY_ADDRESS`, or to one that is started here; nothing where it is done already.

    Arguments:
        ray: the module.
        count: cores of a cluster that is started here; None: those of this machine.

    Raises:
        ExecutorError: the cluster cannot be reached, or started.
    """
    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS")
    started = {"num_cpus": count or available_cores(), "object_store_memory": STORE, "include_dashboard": False}
    options = {"address": address} if address else {"address": "local", **started}
    try:
        if address:
            _knock(address)
        with _handlers_kept():
            ray.init(log_to_driver=False, logging_level="ERROR", **options)
    except (ray.exceptions.RayError, OSError, RuntimeError, ValueError) as error:
        what = f"the cluster at {address}" if address else "a cluster on this machine"
        raise ExecutorError(f"{what} cannot be used: {one_line(error)}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """See that something answers at an address, if it is one of host and port; Ray itself asks for minutes.

    Raises:
        OSError: nothing does.
    """
    host, _, port = address.rpartition(":")
    if host and "/" not in host and port.isdecimal():
        socket.create_connection((host, int(port)), KNOCK).close()


@contextlib.contextmanager
def signals_told_apart() -> Iterator[None]:
    """Let pass what a handler raises for SIGTERM or SIGHUP; where one comes while Ray waits, Ray calls it Ctrl-C."""
    raised: list[BaseException] = []

    def noting(handler: Callable[[int, FrameType | None], Any]) -> Callable[[int, FrameType | None], Any]:
        def answer(number: int, frame: FrameType | None) -> None:
            try:
                handler(number, frame)
            except BaseException as error:
                raised.append(error)
                raise

        return answer

    main = threading.current_thread() is threading.main_thread()
    found = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)} if main else {}
    handlers = {number: handler for number, handler in found.items() if callable(handler)}
    for number, handler in handlers.items():
        signal.signal(number, noting(handler))
    try:
        yield
    except KeyboardInterrupt as error:
        raise (raised[-1] if raised else error) from None
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _handlers_kept() -> Iterator[None]:
    """Put back the handler of SIGTERM, which Ray takes over: the command has its own."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
