"""The package as a whole: public names, what importing it costs, what the base installation can do."""

import subprocess
import sys
import tarfile
import zipfile
from importlib import import_module
from pathlib import Path

import pytest

import dpa

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "cv2", "av", "onnxruntime", "numpy", "PIL", "omegaconf")


def test_public_names_are_there() -> None:
    for name in dpa.__all__:
        assert getattr(dpa, name) is not None


def test_documents_name_this_version() -> None:
    assert f"version: {dpa.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## {dpa.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = dpa.no_such_name


def test_import_loads_nothing_heavy(python) -> None:
    code = f"import sys, dpa; print([name for name in {HEAVY} if name in sys.modules])"
    assert python("-c", code).stdout == "[]\n"


def test_base_installation_has_no_torch_and_says_what_to_install(base_python) -> None:
    code = "import dpa; print('DPA' in dir(dpa)); dpa.DPA"
    done = base_python("-c", code)
    assert done.stdout == "False\n"
    assert 'pip install "dpa-vos[torch]"' in done.stderr


def test_base_installation_segments(base_python, tmp_path: Path) -> None:
    clip, masks = tmp_path / "clip.mp4", tmp_path / "masks"
    made = base_python("-m", "dpa", "example", clip, "--frames", "8")
    assert made.returncode == 0, made.stderr
    done = base_python("-X", "importtime", "-m", "dpa", "segment", clip, "-o", masks)
    assert done.returncode == 0, done.stderr
    assert len(list(masks.glob("*.png"))) == 8
    imported = {
        line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "import time:" in line
    }
    assert "onnxruntime" in imported
    assert "torch" not in imported


def test_segment_imports_no_torch_where_it_is_installed(python, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    assert python("-m", "dpa", "example", clip, "--frames", "2").returncode == 0
    code = "import sys, dpa; print(len(list(dpa.segment(sys.argv[1], device='cpu'))), 'torch' in sys.modules)"
    done = python("-c", code, clip)
    assert done.stdout == "2 False\n", done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=500)
    return folder


@pytest.mark.slow
@pytest.mark.process
def test_wheel_holds_the_package_and_nothing_else(built: Path) -> None:
    names = zipfile.ZipFile(next(built.glob("*.whl"))).namelist()
    assert {name.partition("/")[0] for name in names} == {"dpa", f"dpa_vos-{dpa.__version__}.dist-info"}
    for wanted in ("dpa/py.typed", "dpa/weights/dpa-mobile/model.onnx", "dpa/weights/dpa-mobile/card.json"):
        assert wanted in names
    assert any(name.startswith("dpa/configs/") and name.endswith(".yaml") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.endswith((".pyc", ".pth", ".part"))]


@pytest.mark.slow
@pytest.mark.process
def test_source_distribution_has_no_junk(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = archive.getnames()
    inside = {name.partition("/")[2].partition("/")[0] for name in names}
    wanted = {"src", "tests", "pyproject.toml", "README.md", "LICENSE", "PKG-INFO", "Makefile"}
    assert wanted <= inside
    extra = {"CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", ".gitignore"}
    assert inside <= wanted | extra


@pytest.mark.parametrize("package", ["dpa.engine", "dpa.evaluate", "dpa.flow", "dpa.train", "dpa.video"])
def test_what_a_package_offers_is_there(package: str) -> None:
    module = import_module(package)
    for name in module.__all__:
        assert getattr(module, name).__doc__ or name == "KINDS"
    with pytest.raises(AttributeError, match=f"{package}' has no attribute 'nothing'"):
        _ = module.nothing
