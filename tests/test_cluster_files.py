"""Files of `examples/cluster`: they parse, hold to what reads them, and their commands exist."""

import json
import os
import re
import shlex
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from dpa import cli

FOLDER = Path(__file__).resolve().parent.parent / "examples" / "cluster"
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Ray's own
    pytest.mark.skipif(not FOLDER.exists(), reason="the source distribution has no examples"),
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"),
]


def load(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text("utf-8"))


def commands() -> list[str]:
    """Every command of every file that is Ray's or ours, those in comments too."""
    found = []
    for path in sorted(FOLDER.iterdir()):
        text = re.sub(r" \\\n\s+", " ", path.read_text("utf-8"))
        found += re.findall(r"\b(dpa segment [^'\n]*)'?", text)
        found += re.findall(r"\b(ray (?:up|exec|down|stop|start|symmetric-run)\b[^\n]*)", text)
    return found


def test_commands_are_found() -> None:
    assert len([command for command in commands() if command.startswith("dpa")]) == 3
    assert len([command for command in commands() if command.startswith("ray")]) == 8


@pytest.mark.parametrize("command", commands())
def test_commands_are_understood(command: str) -> None:
    whole = command.replace('"$@"', "'/scratch/**/*.mp4' -o /scratch/masks")
    words = shlex.split(re.sub(r"\$\w+", "4", whole))
    if words[0] == "dpa":
        cli.load(words[1]).make_context(words[1], words[2:])
        return
    from ray.scripts.scripts import cli as ray

    verb = ray.commands[words[1]]
    words = ["ray-up.yaml" if word.endswith("ray-up.yaml") else word for word in words]
    verb.make_context(words[1], [str(FOLDER / word) if word == "ray-up.yaml" else word for word in words[2:]])


def test_the_cloud_is_as_rays_schema_has_it() -> None:
    import jsonschema
    import ray.autoscaler

    schema = json.loads((Path(ray.autoscaler.__file__).parent / "ray-schema.json").read_text("utf-8"))
    config = load("ray-up.yaml")
    jsonschema.validate(config, schema)
    kinds = config["available_node_types"]
    assert kinds[config["head_node_type"]]["resources"] == {"CPU": 0}
    # `dpa` looks at what the workers have that are there.
    assert all(kind["min_workers"] for name, kind in kinds.items() if name != config["head_node_type"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(config | {"max_workerz": 1}, schema)


def test_the_job_on_kubernetes() -> None:
    job = load("kuberay-job.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert job["spec"].keys() == {"backoffLimit", "shutdownAfterJobFinishes", "entrypoint", "rayClusterSpec"}
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster.keys() == {"rayVersion", "enableInTreeAutoscaling", "headGroupSpec", "workerGroupSpecs"}
    assert cluster["headGroupSpec"].keys() == {"rayStartParams", "template"}
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    (group,) = cluster["workerGroupSpecs"]
    assert group.keys() == {
        "groupName",
        "replicas",
        "minReplicas",
        "maxReplicas",
        "rayStartParams",
        "template",
    }
    assert 1 <= group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    for template in (cluster["headGroupSpec"]["template"], group["template"]):
        (container,) = template["spec"]["containers"]
        assert container["resources"]["requests"] == container["resources"]["limits"]
        for mount in container.get("volumeMounts", []):
            assert mount["name"] in [volume["name"] for volume in template["spec"]["volumes"]]
    image = (FOLDER / "Dockerfile").read_text("utf-8")
    assert f"rayproject/ray:{cluster['rayVersion']}-" in image
    assert f'"ray=={cluster["rayVersion"]}"' in image


def test_the_job_on_slurm(tmp_path: Path) -> None:
    """What SLURM and Ray would run; `ray symmetric-run` itself ends all that is Ray's on a machine."""
    programs = {
        "scontrol": 'test "$*" = "show hostnames n[1-2]" && printf "n1\\nn2\\n"',
        "srun": 'while [ "${1#--}" != "$1" ]; do shift; done; exec "$@"',
        "ray": 'echo "ray $*"',
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    given = {"JOB_NODELIST": "n[1-2]", "JOB_NUM_NODES": "2", "CPUS_PER_TASK": "16", "JOB_ID": "7"}
    slurm = {f"SLURM_{name}": value for name, value in given.items()}
    environment = os.environ | slurm | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    words = ["bash", str(FOLDER / "slurm.sh"), "/films/a b.mp4", "-o", "/masks"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == (
        "ray symmetric-run --address n1:6379 --min-nodes 2 --num-cpus 16 -- "
        "dpa segment /films/a b.mp4 -o /masks --engine ray --address auto\n"
    )
