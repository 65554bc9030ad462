"""A RayCronJob of KubeRay (1.6 or later): it submits the run of a graph to a RayCluster that is
there, whose head has the graph file and is where the catalog is."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from flowbackup.schedule.task import Task, kubernetes_name

KIND = "raycronjobs.ray.io"
OWNER_LABEL = "app.kubernetes.io/managed-by"
GRAPH_LABEL = "flowbackup.io/graph"


@dataclass(frozen=True, slots=True)
class Place:
    """cluster: the name of a RayCluster.  time_zone: of the times, as in Europe/Berlin; "" for that
    of the operator."""

    cluster: str = "flowbackup"
    namespace: str = "default"
    time_zone: str = ""


def manifest(task: Task, place: Place) -> str:
    """YAML: strings are written as those of JSON, which YAML reads the same."""
    name, text = kubernetes_name(task.graph), json.dumps
    lines = [
        *task.marks,
        "apiVersion: ray.io/v1",
        "kind: RayCronJob",
        "metadata:",
        f"  name: {text(name)}",
        f"  namespace: {text(place.namespace)}",
        "  labels:",
        f"    {OWNER_LABEL}: flowbackup",
        f"    {GRAPH_LABEL}: {text(label_value(task.graph))}",
        "spec:",
        f"  schedule: {text(task.calendar.cron)}",
        *([f"  timeZone: {text(place.time_zone)}"] if place.time_zone else []),
        "  jobTemplate:",
        "    clusterSelector:",
        f"      ray.io/cluster: {text(place.cluster)}",
        f"    entrypoint: {text(shlex.join(task.words))}",
        "    backoffLimit: 0    # what was interrupted the next run goes on with",
        "    shutdownAfterJobFinishes: false    # the cluster is that of the devices",
    ]
    return "\n".join(lines) + "\n"


def label_value(graph: str) -> str:
    """Names of graphs hold what values of labels may, and may end with what these must not."""
    return graph[:63].rstrip("-_.")


def selector(graph: str) -> str:
    """What is ours of this graph."""
    return f"{OWNER_LABEL}=flowbackup,{GRAPH_LABEL}={label_value(graph)}"
