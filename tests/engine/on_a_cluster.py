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
    told = {"came": [], "alive": [len([n for n in executor._ray.nodes() if n["Alive"]])]}
    start = time.monotonic()
    for number, results in executor.carry(orders, 3000.0):
        files, record = results[-1]
        told["came"].append([number, round(time.monotonic() - start, 1), sorted(files), record["step"]["rate"]])
        if len(told["came"]) == 1:
            cluster.remove_node(nodes[0], allow_graceful=False)
    told["alive"].append(len([n for n in executor._ray.nodes() if n["Alive"]]))
    executor._ray.shutdown()
    cluster.shutdown()
    (folder / "told.json").write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
