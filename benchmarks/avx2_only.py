"""Run a script as on a processor that has AVX2 and nothing newer, on one that has more.

    python benchmarks/avx2_only.py SCRIPT [ARGUMENT...]

What is newer is hidden from all libraries of the process by avx2_only.c, before any of them looks: they choose the
kernels that they would choose on the older processor. Clock and caches stay those of this one. For Linux on Intel's
processors whose /proc/cpuinfo names ``cpuid_fault``; needs a C compiler.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).parent / "avx2_only.c"


def run(words: list[str]) -> int:
    """Run a Python script with its arguments; its exit code."""
    information = Path("/proc/cpuinfo")
    if not information.exists() or "cpuid_fault" not in information.read_text(encoding="utf-8"):
        sys.exit("The newer instructions of this processor cannot be hidden: /proc/cpuinfo does not name cpuid_fault.")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "avx2_only.so"
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", str(SOURCE), "-o", str(library)], check=True)
        return subprocess.run([sys.executable, *words], env=os.environ | {"LD_PRELOAD": str(library)}).returncode


def hidden() -> bool:
    """Whether what is newer than AVX2 is hidden from this process."""
    import torch

    return "avx2_only" in os.environ.get("LD_PRELOAD", "") and torch.backends.cpu.get_cpu_capability() == "AVX2"


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
