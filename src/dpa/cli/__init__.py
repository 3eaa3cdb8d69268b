"""The command line: one file a verb, each thin: parse, call, print.

`dpa --help` must answer at once and one verb's missing library must not break another, so a verb's module is
imported only when that verb is called.
"""

import os
import sys
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from dpa._version import __version__
from dpa.errors import DPAError, MissingExtra

# Verb -> its line in `dpa --help`. Module dpa.cli.VERB holds a function of that name, or a Typer, `app`.
VERBS = {
    "segment": "Video in, masks of its primary object out.",
    "predict": "Masks for a whole data set.",
    "evaluate": "Score masks against annotations by a written protocol.",
    "compare": "Put several evaluations side by side.",
    "flow": "Write optical flow pictures.",
    "models": "List networks, weights, licences, figures.",
    "web": "A page in the browser: drop a video, look, download.",
    "example": "Make a clip whose true masks are known.",
    "doctor": "Check this installation.",
    "bench": "Measure speed and memory on this machine.",
    "export": "Turn weights into ONNX, average them.",
    "prepare": "Bring public data sets into the layout for training.",
    "pretrain": "Train, stage 1: still images with masks.",
    "finetune": "Train, stage 2: videos with masks.",
}

# Libraries of the extra [torch]: a verb that trips over one gets the sentence that says what to install.
_TORCH_EXTRA = {"torch", "torchvision", "timm", "safetensors", "huggingface_hub", "lightning_fabric"}
_TORCH_EXTRA |= {"lightning_utilities", "onnx", "onnxscript"}


class _Verb(TyperCommand):
    """Stands for a verb in listings; becomes the real command when it is called."""

    def make_context(self, info_name: Any, args: Any, parent: Any = None, **extra: Any) -> Any:
        return load(str(self.name)).make_context(info_name, args, parent, **extra)


class _Verbs(TyperGroup):
    """The top command: turns what went wrong inside a verb into one sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except DPAError as error:
            _stop(str(error))
        except KeyboardInterrupt:
            _stop("interrupted", code=130)
        except BrokenPipeError:
            _close_stdout()
            sys.exit(1)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in _TORCH_EXTRA:
                raise
            _stop(str(MissingExtra(f"dpa {ctx.invoked_subcommand}")))
        except OSError as error:
            if not error.strerror:
                raise
            _stop(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
        return result


def load(verb: str) -> Any:
    """The Typer command of a verb, importing its module now.

    Raises:
        ModuleNotFoundError: a library that the verb needs is not installed.
    """
    from dpa.cli.options import PanelledCommand

    module = import_module(f"dpa.cli.{verb}")
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False)
        app.command(verb, cls=PanelledCommand)(getattr(module, verb))
    app.rich_markup_mode = None  # plain text, and no import of Rich for help
    return typer.main.get_command(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dpa {__version__}")
        raise typer.Exit


def _top(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Find the primary object of any video: no clicks, no text, one mask for every frame."""


def build() -> TyperGroup:
    """The whole command line as one Typer group, verbs not yet imported."""
    app = typer.Typer(cls=_Verbs, no_args_is_help=True, rich_markup_mode=None)
    app.callback(context_settings={"help_option_names": ["-h", "--help"]})(_top)
    group = typer.main.get_group(app)
    for verb, line in VERBS.items():
        group.commands[verb] = _Verb(name=verb, callback=None, help=line, rich_markup_mode=None)
    return group


def main() -> None:
    """Run the command line and exit: 0 done, 1 an error, 2 wrong use, 130 interrupted."""
    build()(prog_name="dpa")


def _stop(sentence: str, code: int = 1) -> NoReturn:
    sys.stderr.write(f"dpa: {' '.join(sentence.split())}\n")
    sys.exit(code)


def _close_stdout() -> None:
    """Point stdout at nothing, so that Python's own flush at exit has nothing to complain about."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
