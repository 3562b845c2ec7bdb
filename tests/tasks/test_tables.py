"""Names are known without importing torch."""

import subprocess
import sys


def test_names_need_no_torch() -> None:
    code = (
        "import sys; from lissom.tasks import TASKS; from lissom.tasks.image.datasets import DATASETS; "
        "import lissom.workload; print(*TASKS, *DATASETS); sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"codec", "image", "speech", "text", "video", "fashion-mnist"} <= set(done.stdout.split())
