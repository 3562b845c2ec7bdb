"""Time pruning beside Torch-Pruning, one model after the other and in turn, into results/coverage.json.

The models that both prune. Nothing is proven here, as benchmarks/coverage.py does that.
Seconds are the processor's; still, run it while the machine does nothing else. It takes about a quarter of an hour.

    python benchmarks/coverage_timing.py [--out FILE]
"""

import argparse
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any


def main() -> None:
    """Measure and write."""
    sys.path.insert(0, str(Path(__file__).parent))
    import coverage
    import coverage_page
    import coverage_peer
    import torch
    from coverage_isolation import isolated

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=coverage.RESULTS)
    out = parser.parse_args().out
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    for peer in (False, True):
        coverage.warm_up(peer)
    data = coverage.read(out)
    timed: dict[str, dict[str, Any]] = {}
    for spec, _, _ in coverage_page.both(data["rows"], data["peer"]):
        ours = isolated(partial(coverage.measure, prove=False), spec)
        theirs = isolated(coverage_peer.measure, spec)
        timed[spec] = {"ours": ours, "peer": theirs}
        print(f"{spec:35s} {ours.get('seconds')} s, Torch-Pruning {theirs.get('seconds')} s", flush=True)
    data = coverage.read(out)
    data["timed"] = timed
    coverage.write(out, data)


if __name__ == "__main__":
    main()
