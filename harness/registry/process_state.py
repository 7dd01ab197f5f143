"""Process state: settings of a whole process that foreign code may change, read before it runs and put back after.

What a library has of them is looked at where the library is imported. A patched function is no setting: it stays, which
is why foreign code computes in processes of its own (`harness.running.workers`). Only the process that imports plugins
beside what it ranks with puts back functions too (`functions`).
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_MISSING = object()


@dataclass(frozen=True)
class _Setting:
    """One setting: how it is read and set, and what it is in a process that has just imported its library."""

    read: Callable[[], Any]
    write: Callable[[Any], Any]
    library: str = ""
    fresh: Any = _MISSING

    def there(self) -> bool:
        return not self.library or self.library in sys.modules


def _torch() -> Any:
    return sys.modules["torch"]


def _numpy() -> Any:
    return sys.modules["numpy"]


def _folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return None


def _set_folder(folder: str | None) -> None:
    if folder is not None:
        os.chdir(folder)


_OF_LIBRARIES = frozenset(["TORCHINDUCTOR_CACHE_DIR", "KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK"])
"""Variables that a library sets when some part of it is first used, by whomever: any optimiser of torch does, and
scikit-learn when it is imported."""


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _OF_LIBRARIES}


def _set_environment(before: Mapping[str, str]) -> None:
    for name in os.environ.keys() - before.keys() - _OF_LIBRARIES:
        del os.environ[name]
    os.environ.update(before)


def _numpy_random() -> tuple[Any, ...]:
    kind, numbers, *rest = _numpy().random.get_state()
    return kind, numbers.tobytes(), *rest


def _set_numpy_random(state: tuple[Any, ...]) -> None:
    kind, numbers, *rest = state
    _numpy().random.set_state((kind, _numpy().frombuffer(numbers, dtype="uint32"), *rest))


def _set_torch_random(state: bytes) -> None:
    _torch().set_rng_state(_torch().tensor(list(state), dtype=_torch().uint8, device="cpu"))


def _deterministic() -> tuple[bool, bool, bool, bool]:
    torch = _torch()
    algorithms = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    return *algorithms, torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark


def _set_deterministic(flags: tuple[bool, bool, bool, bool]) -> None:
    torch = _torch()
    torch.use_deterministic_algorithms(flags[0], warn_only=flags[1])
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = flags[2:]


def _convolutions_shortened() -> bool:
    """Whether a GPU may shorten the factors of a convolution (TF32)."""
    allowed: bool = _torch().backends.cudnn.allow_tf32
    return allowed


def _shorten_convolutions(allowed: bool) -> None:
    _torch().backends.cudnn.allow_tf32 = allowed


def _set_device(device: str) -> None:
    _torch().set_default_device(None if device == "cpu" else device)


SETTINGS: Mapping[str, _Setting] = {
    "the working directory": _Setting(_folder, _set_folder),
    "the environment": _Setting(_environment, _set_environment),
    "Python's random state": _Setting(random.getstate, random.setstate),
    "numpy's random state": _Setting(_numpy_random, _set_numpy_random, "numpy"),
    "numpy's error state": _Setting(
        lambda: _numpy().geterr(),
        lambda state: _numpy().seterr(**state),
        "numpy",
        {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"},
    ),
    # First of torch's: others are set by making tensors.
    "torch's default device": _Setting(lambda: str(_torch().get_default_device()), _set_device, "torch", "cpu"),
    "torch's default dtype": _Setting(
        lambda: str(_torch().get_default_dtype()).removeprefix("torch."),
        lambda name: _torch().set_default_dtype(getattr(_torch(), name)),
        "torch",
        "float32",
    ),
    "torch's gradient mode": _Setting(
        lambda: _torch().is_grad_enabled(), lambda on: _torch().set_grad_enabled(on), "torch", True
    ),
    "torch's number of threads": _Setting(
        lambda: _torch().get_num_threads(), lambda count: _torch().set_num_threads(count), "torch"
    ),
    "torch's random state": _Setting(lambda: _torch().get_rng_state().numpy().tobytes(), _set_torch_random, "torch"),
    "torch's deterministic flags": _Setting(_deterministic, _set_deterministic, "torch", (False, False, False, False)),
    "torch's precision of products": _Setting(
        lambda: _torch().get_float32_matmul_precision(),
        lambda precision: _torch().set_float32_matmul_precision(precision),
        "torch",
        "highest",
    ),
    "torch's precision of convolutions": _Setting(_convolutions_shortened, _shorten_convolutions, "torch", True),
}
"""What is looked at, by the words that name it."""


def read() -> dict[str, Any]:
    """Return the settings as they are, by the words that name them."""
    return {words: setting.read() for words, setting in SETTINGS.items() if setting.there()}


def put_back(before: Mapping[str, Any]) -> list[str]:
    """Set all settings as they were read; return the words of those that had changed.

    Those of a library that was imported since then are set as they are when it has just been imported.
    """
    changed = []
    for words, setting in SETTINGS.items():
        wanted = before.get(words, setting.fresh)
        if wanted is not _MISSING and setting.there() and setting.read() != wanted:
            setting.write(wanted)
            changed.append(words)
    return changed


_COUNTED_ON = frozenset(
    ["builtins", "functools", "harness", "hashlib", "itertools", "json", "math", "numpy", "operator", "random", "scipy"]
)
"""The packages with whose functions plans are made and results are ranked: torch is none of them."""


def functions() -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return what the modules, and our own classes, of all that plans and ranks hold, by where it stands."""
    # What foreign code were the first to import it would have patched before it is looked at.
    import numpy  # noqa: F401
    import scipy.special  # noqa: F401

    return {place: (holder, dict(vars(holder))) for place, holder in _holders()}


def put_functions_back(before: Mapping[str, tuple[Any, dict[str, Any]]]) -> list[str]:
    """Give all names the values that they had; return where one had another.

    A new name of a module stays, as what is imported later is one; in a class of ours it would hide an inherited one.
    """
    changed = []
    for place, (holder, names) in before.items():
        now = dict(vars(holder))
        new = now.keys() - names.keys() if isinstance(holder, type) else set()
        for name in [*(name for name, value in names.items() if now.get(name, _MISSING) is not value), *sorted(new)]:
            if name.startswith("__") and name.endswith("__"):  # Python's own and pydantic's, which change by use
                continue
            if name in new:
                delattr(holder, name)
            else:
                setattr(holder, name, names[name])
            changed.append(f"{place}.{name}")
    return changed


def _holders() -> Iterator[tuple[str, Any]]:
    for name, module in list(sys.modules.items()):
        package = name.partition(".")[0]
        if package not in _COUNTED_ON or not hasattr(module, "__dict__"):
            continue
        yield name, module
        if package == "harness":
            own = (each for each in vars(module).values() if isinstance(each, type) and each.__module__ == name)
            yield from ((f"{name}.{each.__qualname__}", each) for each in own)
