"""A real Ray cluster of two nodes on this machine (addresses of the loopback network), and a run of `takeback` on it.

python tests/support/ray_cluster.py TOLD WORD ...   writes which nodes worked, and what came of a deadly task, to TOLD
"""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]
HEAD, OTHER = "127.0.0.2", "127.0.0.3"
SMALL = {"include_dashboard": False, "num_cpus": 1, "object_store_memory": 80_000_000}


def main() -> None:
    import deadly
    import ray
    from ray.cluster_utils import Cluster

    from experiments.cli import dispatch
    from experiments.engine.executors import Died, Executor

    cluster = Cluster(initialize_head=True, head_node_args={**SMALL, "node_ip_address": HEAD})
    cluster.add_node(**SMALL, node_ip_address=OTHER)
    os.environ["RAY_ADDRESS"] = cluster.address
    executor = Executor(engine="ray")
    nodes: set[str] = set()
    for _ in range(10):  # a node whose process starts late may miss the first tasks
        nodes |= {answer for _, answer, _ in executor.run((number, deadly.node) for number in range(8))}
        if len(nodes) == 2:
            break
    tasks = [("a", partial(deadly.double, 1)), ("killer", deadly.die), ("b", partial(deadly.double, 2))]
    answers = {name: "died" if isinstance(answer, Died) else answer for name, answer, _ in executor.run(tasks)}
    code = dispatch.guarded(lambda: dispatch.dispatch(dispatch.EXPERIMENTS, "takeback", "", sys.argv[2:]))
    told = {"size": executor.size, "nodes": sorted(nodes), "answers": answers, "code": code}
    Path(sys.argv[1]).write_text(json.dumps(told))
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main()
