"""Equal bits: which arithmetic the numerical libraries use, fixed before they start.

A library chooses the kernel of a matrix product by processor, shape, and address in memory, and kernels round
differently. MKL, which computes for torch on x86, keeps to one kernel where `MKL_CBWR` is set when its first function
is called; OpenBLAS and oneDNN have no such switch and choose by processor and shape alone. What is promised, and what
it rests on, is on one page: docs/same-bits.md.
"""

from __future__ import annotations

import os

LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn")
"""The libraries whose version could change a number, as their distributions are called."""

REPRODUCIBLE = "AUTO,STRICT"
"""The setting of `MKL_CBWR`: the fastest kernels, whose rounding depends on neither address nor number of threads."""

_BRANCHES = {
    1: "unset",
    2: "AUTO",
    3: "COMPATIBLE",
    4: "SSE2",
    5: "SSE3",
    6: "SSSE3",
    7: "SSE4_1",
    8: "SSE4_2",
    9: "AVX",
    10: "AVX2",
    11: "AVX512_MIC",
    12: "AVX512",
    13: "AVX512_MIC_E1",
    14: "AVX512_E1",
}
"""MKL's names of its reproducible modes, by number (mkl_types.h)."""

_STRICT = 0x10000


def fix() -> None:
    """Ask MKL for reproducible kernels, unless the user has asked already; without effect once MKL has computed."""
    if os.environ.get("MKL_CBWR", "").strip().upper() in ("", "OFF", "BRANCH_OFF"):
        os.environ["MKL_CBWR"] = REPRODUCIBLE


def one_thread() -> None:
    """Let the libraries of this process compute with one thread each: a process a core, no more.

    A GPU computes float32 as such: neither with shortened factors (TF32), nor by sums in an order that time decides.
    """
    import scipy.linalg  # noqa: F401  (has an OpenBLAS of its own, which must be there to be told)
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    threadpool_limits(1)


def mkl_mode() -> str:
    """Return the mode in which torch's MKL computes: "AUTO,STRICT", say; "unset", or "none" where torch has no MKL."""
    import ctypes
    from pathlib import Path

    import torch

    for name in ("libtorch_cpu.so", "libmkl_rt.so.2", "torch_cpu.dll", "mkl_rt.2.dll"):
        inside = Path(torch.__file__).parent / "lib" / name
        try:
            library = ctypes.CDLL(str(inside if inside.is_file() else name))
            mode = int(library.mkl_serv_cbwr_get(-1))
        except (OSError, AttributeError):
            continue
        branch = mode & ~_STRICT
        return _BRANCHES.get(branch, f"mode {branch}") + (",STRICT" if mode & _STRICT else "")
    return "unknown" if "BLAS_INFO=mkl" in torch.__config__.show() else "none"


def in_force() -> str:
    """Return the processor, a GPU, and the arithmetic that torch and numpy use in this process, in one line."""
    import scipy.linalg  # noqa: F401
    import torch
    from threadpoolctl import threadpool_info

    blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
    kernels = {f"{b['internal_api']} {b['version']} {b.get('architecture', '')}".strip() for b in blas}
    torch_kernels = f"torch {torch.backends.cpu.get_cpu_capability()}"
    gpu = [f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}"] if torch.cuda.is_available() else []
    return "; ".join([_processor(), *gpu, torch_kernels, f"MKL {mkl_mode()}", *sorted(kernels)])


def _processor() -> str:
    """Return the model name of the processor."""
    import platform
    from pathlib import Path

    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return " ".join(value.split())
    return platform.processor() or platform.machine()
