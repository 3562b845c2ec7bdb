"""A front whose recoveries are spread: a worker is lost on the way, then the command itself is killed and started
again. Started by test_ray_cluster.py."""

import json
import subprocess
import sys
import time
from pathlib import Path

from ray.cluster_utils import Cluster

from lissom.core.ledger import NAME, Ledger

_LONGEST_S = 500


def learnt(run: Path) -> list[str]:
    """The recoveries that are written down, by key."""
    if not (run / NAME).exists():
        return []
    return [record.key for record in Ledger(run) if record.kind == "step" and record.value["step"]["step"] == "distill"]


def wait_for(run: Path, count: int, driver: subprocess.Popen[bytes]) -> None:
    """Until so many recoveries are written down."""
    end = time.monotonic() + _LONGEST_S
    while len(learnt(run)) < count and driver.poll() is None and time.monotonic() < end:
        time.sleep(0.05)


def main(folder: Path, model: str) -> None:
    """Make the run, and write down what was there when something was lost."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": 80_000_000})
    nodes = [cluster.add_node(num_cpus=1, object_store_memory=80_000_000) for _ in range(2)]
    cluster.wait_for_nodes()
    run = folder / "run"
    command = [sys.executable, "-m", "lissom", "compress", f"{model}:net", "--data", f"{model}:data"]
    command += ["--budget", "drop<=60pt", "--front", "--epochs", "40", "--ray", cluster.address, "-o", str(run)]
    with (folder / "said.txt").open("wb") as said:
        driver = subprocess.Popen(command, stdout=said, stderr=said)
        wait_for(run, 1, driver)
        cluster.remove_node(nodes[0], allow_graceful=False)
        at_loss = learnt(run)
        wait_for(run, len(at_loss) + 1, driver)
        driver.kill()
        driver.wait()
        kept = (run / NAME).read_text(encoding="utf-8")
        at_kill = learnt(run)
        code = subprocess.run(command, stdout=said, stderr=said, timeout=_LONGEST_S, check=False).returncode
    cluster.shutdown()
    told = {"at_loss": at_loss, "at_kill": at_kill, "kept": kept, "code": code}
    (folder / "told.json").write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
