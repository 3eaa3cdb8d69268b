"""The command line's frame: help at once, one sentence for an error, exit codes."""

import errno
import os
import subprocess
import sys
from types import ModuleType

import pytest

import dpa
from dpa import cli
from dpa.errors import DPAError, TruncatedError


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch):
    """Add the verb `boom` that raises what it is given."""

    def add(error: BaseException) -> None:
        def boom() -> None:
            raise error

        module = ModuleType("dpa.cli.boom")
        module.boom = boom  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "dpa.cli.boom", module)
        monkeypatch.setitem(cli.VERBS, "boom", "Fails.")
        monkeypatch.setattr(sys, "argv", ["dpa", "boom"])

    return add


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (DPAError("clip.mp4: no such\nfile"), 1, "dpa: clip.mp4: no such file\n"),
        (TruncatedError("clip.mp4: 3 frames lost"), 1, "dpa: clip.mp4: 3 frames lost\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "out.mp4"),
            1,
            "dpa: out.mp4: No space left on device\n",
        ),
        (ModuleNotFoundError("No module", name="torch.nn"), 1, None),
        (KeyboardInterrupt(), 130, "dpa: interrupted\n"),
    ],
)
def test_errors_are_one_sentence(error, code, sentence, verb, capsys) -> None:
    verb(error)
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == code
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.count("\n") == 1
    if sentence:
        assert written.err == sentence
    else:
        assert 'pip install "dpa-vos[torch]"' in written.err


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), ModuleNotFoundError("x", name="nowhere")])
def test_bugs_keep_their_traceback(error, verb) -> None:
    verb(error)
    with pytest.raises(type(error)):
        cli.main()


def test_help_imports_no_work(python) -> None:
    code = (
        "import sys\n"
        "from dpa.cli import main\n"
        "sys.argv = ['dpa', '--help']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = ('numpy', 'torch', 'cv2', 'av', 'rich', 'omegaconf', 'dpa.cli.segment')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = python("-c", code)
    assert done.stdout.endswith("[]\n"), done.stderr
    for name in cli.VERBS:
        assert f"  {name} " in done.stdout


@pytest.mark.parametrize("name", cli.VERBS)
def test_every_verb_loads_and_has_help(name: str, base_python) -> None:
    done = base_python("-m", "dpa", name, "--help")
    assert done.returncode == 0, done.stderr
    assert f"dpa {name}" in done.stdout


def test_version(python) -> None:
    assert python("-m", "dpa", "--version").stdout == f"dpa {dpa.__version__}\n"


def test_wrong_use(python) -> None:
    done = python("-m", "dpa", "segmnt", "clip.mp4")
    assert done.returncode == 2
    assert "segment" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.process
def test_closed_stdout_is_quiet() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "dpa", "models"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert done.returncode != 0
    assert done.stderr == ""
