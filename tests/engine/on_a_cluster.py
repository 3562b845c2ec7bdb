"""Four recoveries on a cluster of two workers, one of which is lost on the way. Started by test_ray_cluster.py."""

import json
import sys
import time
from pathlib import Path

import torch
from ray.cluster_utils import Cluster

from lissom.core.progress import Progress
from lissom.engine.identity import weights_of
from lissom.engine.ray_cluster import RayCluster
from lissom.steps.distillation.distill import Distill
from lissom.tasks.loading import load

_NOTICED_S, _LEFT = 120, 2


def alive_after_a_loss(executor: RayCluster) -> int:
    """How many machines are left: Ray takes a while to notice that one is gone."""
    end = time.monotonic() + _NOTICED_S
    while (alive := count_alive(executor)) > _LEFT and time.monotonic() < end:
        time.sleep(0.1)
    return alive


def count_alive(executor: RayCluster) -> int:
    """How many machines answer, the head among them."""
    return sum(node["Alive"] for node in executor._ray.nodes())


def main(folder: Path, model: str) -> None:
    """Carry the orders out, and write down when each came back and what was lost meanwhile."""
    torch.set_num_threads(1)
    source = {"model": f"{model}:net", "data": f"{model}:data", "task": "image", "seed": 0}
    original = load(**source, progress=Progress(False))
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": 80_000_000})
    nodes = [cluster.add_node(num_cpus=1, object_store_memory=80_000_000) for _ in range(2)]
    cluster.wait_for_nodes()
    executor = RayCluster(cluster.address, source, weights_of(original), 0)
    orders = {number: [Distill(40, rate=1e-3 * number, views=1).to_json()] for number in range(1, 5)}
    told = {"came": [], "alive": [count_alive(executor)]}
    start = time.monotonic()
    for number, results in executor.carry(orders, 3000.0):
        files, record = results[-1]
        told["came"].append([number, round(time.monotonic() - start, 1), sorted(files), record["step"]["rate"]])
        if len(told["came"]) == 1:
            cluster.remove_node(nodes[0], allow_graceful=False)
            told["alive"].append(alive_after_a_loss(executor))
    executor._ray.shutdown()
    cluster.shutdown()
    (folder / "told.json").write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
