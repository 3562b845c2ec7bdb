"""A bundle run as its user runs it: in a process that has neither torch nor transformers nor lissom."""

import subprocess
import sys
from pathlib import Path

_CODE = (
    "import sys, runpy; sys.modules.update(dict.fromkeys(('torch', 'transformers', 'lissom'))); "
    "sys.argv = sys.argv[1:]; sys.path[0] = sys.argv[0].rpartition('/')[0]; "
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)


def predict_alone(bundle: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What the bundle's ``predict.py`` does with some arguments; warnings are errors."""
    command = [sys.executable, "-W", "error", "-c", _CODE, str(bundle / "predict.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
