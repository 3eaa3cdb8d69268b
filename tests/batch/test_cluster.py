"""Videos on Ray: on a cluster of this machine."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from dpa.batch import cluster, local
from dpa.batch.cluster import Cluster
from dpa.batch.job import Job, Row
from dpa.errors import InputError
from engine_samples import make_clip, names, tree

# Not imported before a test wants it: it takes a second.
pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """Three nodes of one CPU, the first with no work of ours."""
    import ray
    from ray.cluster_utils import Cluster as Nodes

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 100 * 2**20}
    made = Nodes(initialize_head=True, head_node_args=head)
    ray.init(made.address, logging_level="ERROR", log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()


def add(nodes: Any) -> Any:
    node = nodes.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    nodes.wait_for_nodes()
    return node


def jobs_of(place: Path, count: int, frames: int = 3) -> list[Job]:
    made = []
    for name in map(str, range(count)):
        clip = make_clip(place / f"{name}.mkv", frames)
        made.append(
            Job(name, str(clip), ((f"{place / 'out' / name}/", "soft"),), {"size": 64}, overwrite=True)
        )
    return made


def slow(job: Job, threads: int, longest: int) -> Row:
    """Notes its process, and leaves time to kill it."""
    from dpa.batch.cluster import _work

    if isinstance(job, Job):  # and not what joins parts
        Path(f"{job.source}.pid").write_text(str(os.getpid()))
        time.sleep(1)
    return _work(job, threads, longest)


def dies(job: Job, threads: int, longest: int) -> Row:
    """The process of job 1 is killed, whoever tries it."""
    if job.name == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    return Row(job.name, "done")


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Job, int, int], Row]], None]:
    """Put something in the place of a task; it is sent by value, as workers do not know these tests."""

    def put(function: Callable[[Job, int, int], Row]) -> None:
        import sys

        import ray

        ray.cloudpickle.register_pickle_by_value(sys.modules[function.__module__])
        monkeypatch.setattr(cluster, "_work", function)

    return put


@pytest.mark.slow
def test_a_node_and_a_process_die_in_the_middle(nodes, tmp_path, work) -> None:
    lost = add(nodes)
    add(nodes)
    jobs = jobs_of(tmp_path, 8)
    broken = Job("broken", str(tmp_path / "no.mkv"), ((f"{tmp_path / 'out' / 'broken'}/", "soft"),))
    work(slow)
    rows: list[Row] = []
    for row in cluster.run([*jobs, broken], Cluster()):
        rows.append(row)
        if len(rows) == 1:
            nodes.remove_node(lost, allow_graceful=False)
        if len(rows) == 3:
            begun = {path: path.stat().st_mtime for path in tmp_path.glob("*.pid")}
            os.kill(int(max(begun, key=begun.__getitem__).read_text()), signal.SIGKILL)
    assert sorted(row.name for row in rows) == sorted([*map(str, range(8)), "broken"]), "nothing twice"
    assert {row.name: row.problem for row in rows if row.state != "done"} == {
        "broken": f"{tmp_path / 'no.mkv'} does not exist"
    }
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(map(str, range(8)))
    alone = local.run([Job("x", jobs[0].source, ((f"{tmp_path / 'alone'}/", "soft"),), {"size": 64})], ALONE)
    assert next(alone).state == "done"
    assert all(tree(tmp_path / "out" / job.name) == tree(tmp_path / "alone") for job in jobs)


ALONE = local.Share(1, ("cpu",), 1)


@pytest.mark.slow
def test_a_video_that_kills_its_process_is_one_sentence(nodes, tmp_path, work) -> None:
    add(nodes)
    work(dies)
    rows = {row.name: row for row in cluster.run(jobs_of(tmp_path, 3), Cluster())}
    assert {name: row.state for name, row in rows.items()} == {"0": "done", "1": "failed", "2": "done"}
    assert "died 4 times" in rows["1"].problem
    with pytest.raises(InputError, match="asks for 2 GPU and the cluster has 0"):
        list(cluster.run(jobs_of(tmp_path, 1), Cluster(gpus=2)))


@pytest.mark.slow
def test_a_long_film_uses_all_machines(nodes, tmp_path, work) -> None:
    """Its parts are done at once, and again where a machine is lost; a short video goes between."""
    lost = add(nodes)
    add(nodes)
    clip = make_clip(tmp_path / "film.mkv", 48)
    outputs = ((f"{tmp_path / 'out' / 'film'}/", "soft"), (f"{tmp_path / 'out' / 'film.mp4'}", "overlay"))
    film = Job("film", str(clip), outputs, {"size": 64}, overwrite=True)
    (short,) = jobs_of(tmp_path, 1)
    work(slow)
    begun = tmp_path / "film.mkv.pid"
    rows = []
    for row in cluster.run([film, short], Cluster(longest=10)):
        rows.append(row)
        if len(rows) == 1:
            assert begun.exists()
            nodes.remove_node(lost, allow_graceful=False)
    assert sorted((row.name, row.state, row.frames) for row in rows) == [
        ("0", "done", 3),
        ("film", "done", 48),
    ]
    alone = Job("x", str(clip), ((f"{tmp_path / 'alone'}/", "soft"),), {"size": 64})
    assert next(local.run([alone], ALONE)).state == "done"
    assert tree(tmp_path / "out" / "film") == tree(tmp_path / "alone")
    assert names(tmp_path / "out") == ["0", "film", "film.mp4"]


def test_paths_hold_on_every_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.onnx").touch()
    settings = {"weights": "w.onnx", "shots": "auto", "size": 64}
    job = cluster._anywhere(Job("a", "a.mp4", (("out/a/", "mask"), ("out/a.webm", "alpha")), settings))
    assert job.source == str(tmp_path / "a.mp4")
    assert [path for path, _ in job.outputs] == [f"{tmp_path / 'out' / 'a'}/", str(tmp_path / "out/a.webm")]
    assert job.settings == settings | {"weights": str(tmp_path / "w.onnx")}
    (tmp_path / "beach.jpg").touch()
    pictures = cluster._anywhere(Job("a", (Path("0.png"),), (), background="beach.jpg"))
    assert (pictures.source, pictures.background) == ((tmp_path / "0.png",), str(tmp_path / "beach.jpg"))
    assert cluster._anywhere(Job("a", "a.mp4", (), background="blur")).background == "blur"
    assert cluster._anywhere(Job("a", "https://x/a.mp4", ())).source == "https://x/a.mp4"


def test_a_worker_that_cannot_do_it_has_not_died(tmp_path: Path) -> None:
    import ray

    cause = ModuleNotFoundError("No module named 'dpa'")

    class Silent:
        exceptions = ray.exceptions

        def get(self, ref: object) -> Row:
            raise ray.exceptions.RayTaskError("_work", "Traceback ...", cause)

    row = cluster._row(Silent(), None, Job("a", "a.mp4", ()))
    assert row.state == "failed"
    assert "No module named 'dpa'" in row.problem
    assert "died" not in row.problem
