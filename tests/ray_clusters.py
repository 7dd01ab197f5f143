"""Clusters of Ray for tests: where it is installed, small, and gone when a test is over."""

import os
from contextlib import contextmanager

import pytest

NODE = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}


def needed():
    """Skip what needs Ray where it is not installed; return the module."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    return pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[ray]'")


@contextmanager
def on_one_node(cpus):
    """Connect to a cluster that is this machine."""
    ray = needed()
    ray.init(address="local", log_to_driver=False, logging_level="ERROR", **(NODE | {"num_cpus": cpus}))
    try:
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def of_nodes(count):
    """Start a cluster of a head that works on nothing and so many nodes of one core; `RAY_ADDRESS` names it."""
    needed()
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args=NODE | {"num_cpus": 0})
    try:
        nodes = [cluster.add_node(**NODE) for _ in range(count)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RAY_ADDRESS", cluster.address)
            yield cluster, nodes
    finally:
        cluster.shutdown()
