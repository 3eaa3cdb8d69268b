"""Damaged files through every reader: errors of ours only, no crash, no hang, nothing left open.

    python benchmarks/mutate.py [--seconds 200] [--only mp4 onnx ...] [--first 0]

Makes small whole files, damages copies of them (bytes changed, cut out, doubled, zeroed, the end cut off),
and gives each to its reader in a worker process that is watched. Damage number N is the same in every run.
Prints a table and what went wrong; exits with 1 where something did.
"""

import argparse
import gc
import multiprocessing
import os
import shutil
import stat
import sys
import tempfile
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
for name in ("tests", "tests/video", "tests/prepare"):
    sys.path.insert(0, str(REPOSITORY / name))

HANG = 60.0
"""Seconds that one file may take."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=200)
    parser.add_argument("--only", nargs="+", choices=list(TARGETS))
    parser.add_argument("--first", type=int, default=0, help="number of the first damage")
    settings = parser.parse_args()
    kinds = settings.only or list(TARGETS)
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        wholes = {kind: TARGETS[kind][0](_fresh(Path(folder) / kind)) for kind in kinds}
        end, number = time.monotonic() + settings.seconds, settings.first
        watcher = Watcher(Path(folder))
        while time.monotonic() < end:
            for kind in kinds:
                if kind in SLOW and number % SLOW[kind]:
                    continue
                outcome = watcher.ask(kind, wholes[kind], number)
                short = outcome.partition(":")[0]
                counts[kind][short] += 1
                if short not in ("read", "refused"):
                    wrong.append(f"{kind} {number}: {outcome}")
            number += 1
        watcher.close()
    print("| file | tried | read | refused in a sentence | wrong |")
    print("|---|---|---|---|---|")
    for kind, count in counts.items():
        bad = count.total() - count["read"] - count["refused"]
        print(f"| {kind} | {count.total()} | {count['read']} | {count['refused']} | {bad} |")
    print(f"| all | {sum(count.total() for count in counts.values())} | | | {len(wrong)} |")
    print(*wrong, sep="\n")
    sys.exit(bool(wrong))


def damaged(data: bytes, number: int) -> bytes:
    """Damage number `number` of a file's bytes."""
    rng = np.random.default_rng(number)
    result = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        size = len(result)
        # Half of the damage is near the start, where headers are.
        place = int(rng.integers(0, min(size, 2000) if rng.random() < 0.5 else size)) if size else 0
        length = int(rng.integers(1, 200))
        match int(rng.integers(0, 6)):
            case 0:
                result[place : place + 1] = bytes([int(rng.integers(0, 256))])
            case 1:
                result[place : place + length] = rng.bytes(length)
            case 2:
                del result[place : place + length]
            case 3:
                result[place:place] = result[place : place + length]
            case 4:
                result[place : place + length] = bytes(length)
            case 5:
                result[place : place + 4] = rng.choice(
                    [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0"]
                )
    if rng.random() < 0.2:
        del result[int(rng.integers(0, len(result) + 1)) :]
    return bytes(result)


class Watcher:
    """A worker process that is started anew when it has crashed or hangs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._start()

    def ask(self, kind: str, whole: Path, number: int) -> str:
        """What became of a damaged file: "read", "refused", or what went wrong."""
        self._pipe.send((kind, whole, number))
        if not self._pipe.poll(HANG):
            self._process.kill()
            self._start()
            return "hang"
        try:
            return str(self._pipe.recv())
        except EOFError:
            self._process.join()
            code = self._process.exitcode
            self._start()
            return f"crash: exit code {code}"

    def close(self) -> None:
        self._pipe.send(None)
        self._process.join()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs, self._folder))
        self._process.start()
        theirs.close()


def work(pipe: Connection, folder: Path) -> None:
    """Reads damaged files until it is told to stop."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # decoders complain there
    place = folder / "work"
    while (task := pipe.recv()) is not None:
        kind, whole, number = task
        path = _fresh(place) / whole.name
        path.write_bytes(damaged(whole.read_bytes(), number))
        before = _open_things()
        # What is there already need not be looked through again: that took most of the time.
        gc.freeze()
        outcome = _outcome(TARGETS[kind][1], path)
        gc.collect()
        after = _open_things()
        if outcome in ("read", "refused") and after != before:
            outcome = f"left open: {after - before}"
        pipe.send(outcome)


def _outcome(read: Callable[[Path], None], path: Path) -> str:
    from dpa.errors import DPAError

    try:
        read(path)
    except DPAError as error:
        return "refused" if len(str(error).splitlines()) == 1 else f"many lines: {error}"
    except Exception as error:
        return f"exception: {type(error).__name__}: {error}"
    return "read"


def _open_things() -> Counter[str]:
    """Files under a temporary folder that are open, and threads of ours."""
    found = Counter(thread.name for thread in threading.enumerate() if thread.name.startswith("dpa-"))
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            name = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:
            continue
        if tempfile.gettempdir() in name:
            found[name] += 1
    return found


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def read_video(path: Path) -> None:
    """All frames, then some by seeking, then an output with its sound."""
    from video_samples import run

    from dpa.errors import TruncatedError
    from dpa.video import open_sink, open_source

    with open_source(path) as source:
        try:
            seen = sum(1 for _ in zip(source.frames(), range(200), strict=False))
        except TruncatedError:
            seen = 1
        for index in {0, (source.count or 1) // 2, (source.count or 1) - 1}:
            if seen:
                list(source.pairs_at([index]))
        with open_sink(path.with_name("out.mp4"), None, source) as sink:
            run(source, sink, stop=60)


def _video(name: str, codec: str, **options: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        from video_samples import make_video

        return make_video(folder / name, 12, codec=codec, **options)

    return make


def _picture(name: str, frames: int = 1) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        from PIL import Image
        from video_samples import picture

        images = [Image.fromarray(picture(index)) for index in range(frames)]
        more: Any = {"save_all": True, "append_images": images[1:], "duration": 40} if frames > 1 else {}
        images[0].save(folder / name, **more)
        return folder / name

    return make


def _weights(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        from dpa.weights.registry import DEFAULT, find

        source = find(DEFAULT).path
        assert source is not None
        for file in source.iterdir():
            shutil.copy(file, folder / file.name)
        return folder / name

    return make


def read_weights(path: Path) -> None:
    """Opens the network of one damaged file, and the others of its folder whole."""
    from dpa.backends import open_backend
    from dpa.weights.registry import DEFAULT, find

    source = find(DEFAULT).path
    assert source is not None
    others = {"config.json": ["model.safetensors"]}
    for name in others.get(path.name, ["config.json"]):
        shutil.copy(source / name, path.parent / name)
    open_backend(DEFAULT, path.parent, "cpu", 1, "fp32")


def read_mask(path: Path) -> None:
    """As `dpa evaluate` reads a ground truth."""
    from dpa.evaluate.masks import read_values

    read_values(path)


def read_flow(path: Path) -> None:
    """As the engine reads a flow picture that is given."""
    from dpa.video.images import read_image

    read_image(path)


def _zip(folder: Path) -> Path:
    from archive_samples import SMALL, davis2016, zipped

    path = zipped(davis2016(folder / "source", SMALL), folder / "DAVIS-data.zip")
    frames = "DAVIS/JPEGImages/480p/bear"
    picture = (folder / "source" / frames / "00000.jpg").read_bytes()
    link = zipfile.ZipInfo(f"{frames}/00007.jpg")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../outside/00000.jpg", picture)
        archive.writestr(f"{frames}/../../../../outside/00001.jpg", picture)
        archive.writestr("/outside/00002.jpg", picture)
        archive.writestr(link, "/etc/passwd")
        archive.writestr(f"{frames}/00008.jpg", bytes(65 << 20))
    return path


def read_zip(path: Path) -> None:
    """As `dpa prepare davis`, of an archive with ways out, a link and a bomb; nothing may get outside."""
    from archive_samples import converted

    from dpa.prepare.archive import _opened

    target = path.parent / "target"
    before = {one for one in path.parent.rglob("*") if target not in one.parents}
    try:
        converted("davis", path, target)
    finally:
        _opened.cache_clear()  # one zip stays open in each process, by intention
    stray = {one for one in path.parent.rglob("*") if target not in one.parents} - before - {target}
    if stray:
        raise RuntimeError(f"written outside the target: {stray}")


FRAGMENTS = {"movflags": "frag_keyframe+empty_moov"}
TARGETS: dict[str, tuple[Callable[[Path], Path], Callable[[Path], None]]] = {
    "mp4": (_video("a.mp4", "libx264", options={"bf": "2", "g": "6"}, sound="aac"), read_video),
    "mp4, fragments": (_video("b.mp4", "libx264", muxing=FRAGMENTS), read_video),
    "mov": (_video("c.mov", "prores_ks", pixel_format="yuv422p10le", sound="pcm_s16le"), read_video),
    "mkv": (_video("d.mkv", "libx265", options={"x265-params": "log-level=none"}, sound="flac"), read_video),
    "webm": (_video("e.webm", "libvpx-vp9", sound="libopus"), read_video),
    "avi": (_video("f.avi", "mpeg4", options={"bf": "2"}, sound="mp3"), read_video),
    "ts": (_video("g.ts", "libx264", options={"bf": "2", "g": "6"}, sound="ac3"), read_video),
    "mpg": (_video("h.mpg", "mpeg2video", sound="mp2"), read_video),
    "flv": (_video("i.flv", "flv", sound="aac"), read_video),
    "png": (_picture("j.png"), read_video),
    "jpg": (_picture("k.jpg"), read_video),
    "tif": (_picture("l.tif", 3), read_video),
    "gif": (_picture("m.gif", 5), read_video),
    "webp, animated": (_picture("n.webp", 5), read_video),
    "png, animated": (_picture("o.png", 5), read_video),
    "mask": (_picture("p.png"), read_mask),
    "flow picture": (_picture("q.jpg"), read_flow),
    "onnx": (_weights("model.onnx"), read_weights),
    "safetensors": (_weights("model.safetensors"), read_weights),
    "config.json": (_weights("config.json"), read_weights),
    "zip": (_zip, read_zip),
}
"""How a whole file is made, and how a damaged one is read."""

SLOW = {"onnx": 20, "safetensors": 20, "zip": 10, "mov": 3}
"""Readers that take long, and every how many rounds they have their turn."""


if __name__ == "__main__":
    main()
