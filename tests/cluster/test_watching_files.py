"""Files for Prometheus and Grafana: they ask for what there is."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from flowbackup.metrics.families import FAMILIES
from flowbackup.model.report import Outcome
from tests.schedule.programs import needed

WATCHING = Path(__file__).parents[2] / "cluster" / "watching"
NAME = re.compile(r"\bflowbackup_[a-z_]+\b")
LABEL = re.compile(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}|by \(([^)]*)\)")


def loaded(name: str) -> Any:
    return YAML(typ="safe").load(WATCHING / name)


def dashboard() -> Any:
    return json.loads((WATCHING / "grafana-dashboard.json").read_text())


def expressions() -> Iterator[tuple[str, str]]:
    """What is asked, and what is shown with it."""
    for panel in dashboard()["panels"]:
        yield from ((each["expr"], each["legendFormat"]) for each in panel["targets"])
    for group in loaded("flowbackup-alerts.yml")["groups"]:
        yield from ((rule["expr"], rule["annotations"]["summary"]) for rule in group["rules"])


def test_what_is_asked_for_is_measured_and_has_the_labels() -> None:
    for expression, shown in expressions():
        names = set(NAME.findall(expression))
        assert names and names <= FAMILIES.keys(), expression
        known = {"graph", "value"}.union(*(FAMILIES[name].labels for name in names))
        for text in (expression, shown):
            for one, several in LABEL.findall(text):
                labels = {label.strip() for label in (one or several).split(",")}
                assert labels <= known, (expression, labels - known)
        for outcomes in re.findall(r'outcome=~?"([^"]*)"', expression):
            assert set(outcomes.split("|")) <= {outcome.value for outcome in Outcome}


def test_the_dashboard_shows_everything_that_is_measured() -> None:
    asked = " ".join(each["expr"] for panel in dashboard()["panels"] for each in panel["targets"])
    assert set(NAME.findall(asked)) == FAMILIES.keys()


def test_panels_lie_side_by_side_and_have_ids_of_their_own() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells) and max(x for x, _ in cells) < 24


def test_names_of_ray_become_ours() -> None:
    jobs = {job["job_name"]: job for job in loaded("prometheus.yml")["scrape_configs"]}
    keep, rename = jobs["flowbackup-cluster"]["metric_relabel_configs"]
    for name in FAMILIES:
        assert re.fullmatch(keep["regex"], f"ray_{name}")
        match = re.fullmatch(rename["regex"], f"ray_{name}")
        assert match is not None and rename["replacement"] == "$1" and match[1] == name
    kept = jobs["flowbackup-machines"]["metric_relabel_configs"][0]["regex"]
    assert all(re.fullmatch(kept, name) for name in FAMILIES)


def test_prometheus_itself_finds_no_fault() -> None:
    needed("promtool")
    for words in (("config", str(WATCHING / "prometheus.yml")),
                  ("rules", str(WATCHING / "flowbackup-alerts.yml"))):  # fmt: skip
        done = subprocess.run(
            ["promtool", "check", *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
