"""Typed settings: a dataclass is the schema, a YAML file and `key=value` words fill it.

A wrong key or a value of a wrong type is an error that names it and the nearest right key.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from dpa.errors import InputError

if TYPE_CHECKING:
    from omegaconf import DictConfig

Schema = TypeVar("Schema")


def load(schema: type[Schema], source: str | Path | None = None, overrides: Sequence[str] = ()) -> Schema:
    """Fill a schema: its defaults, then a YAML file, then the words of a command line.

    Args:
        schema: a dataclass; nested dataclasses are sections.
        source: a YAML file, or the name of one inside the package ("stage1" is dpa/configs/stage1.yaml);
            None for the defaults alone.
        overrides: `key=value` words, `section.key=value` for a section's key; values are read as YAML.

    Returns:
        An instance of `schema`, every value checked against its annotation.

    Raises:
        InputError: no such file or name, not YAML, an unknown key, a wrong type, or no value for a key that
            has no default.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    merged = OmegaConf.structured(schema)
    if source is not None:
        path = find(source)
        merged = _merge(schema, merged, _read(path), str(path))
    for word in overrides:
        key, equals, _ = word.partition("=")
        if not equals or not key:
            raise InputError(f"setting {word!r} is not of the form key=value")
        try:
            settings = OmegaConf.from_dotlist([word])
        except Exception as error:
            raise InputError(f"setting {word!r}: the value is not YAML: {_first_line(error)}") from error
        merged = _merge(schema, merged, settings, f"setting {word!r}")
    try:
        missing = OmegaConf.missing_keys(merged)
        if missing:
            raise InputError(f"{source or schema.__name__}: no value for {', '.join(sorted(missing))}")
        result: Schema = OmegaConf.to_object(merged)  # type: ignore[assignment]
    except OmegaConfBaseException as error:  # an interpolation, ${key}, that leads nowhere
        raise InputError(f"{source or schema.__name__}: {_first_line(error)}") from error
    return result


def names() -> list[str]:
    """The settings files inside the package, by name."""
    folder = files("dpa") / "configs"
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


def find(source: str | Path) -> Path:
    """The YAML file of a path or of a name inside the package.

    Raises:
        InputError: there is neither.
    """
    path = Path(source)
    if path.is_file():
        return path
    if path.suffix or path.name != str(source):
        raise InputError(f"{path}: no such settings file")
    if str(source) not in names():
        raise InputError(f"no settings are called {str(source)!r}{nearest(str(source), names())}")
    return Path(str(files("dpa") / "configs" / f"{source}.yaml"))


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of an error sentence: "; did you mean 'x'?", or all that is known where nothing is near."""
    known = list(known)
    close = get_close_matches(word, known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known are {', '.join(known)}" if known else ""


def _read(path: Path) -> DictConfig:
    from omegaconf import DictConfig, OmegaConf

    try:
        settings = OmegaConf.load(path)
    except Exception as error:
        raise InputError(f"{path}: not a YAML file that can be read: {_first_line(error)}") from error
    if not isinstance(settings, DictConfig):
        raise InputError(f"{path}: a settings file holds `key: value` lines, not a list")
    return settings


def _merge(schema: type, base: Any, settings: Any, where: str) -> Any:
    from omegaconf import OmegaConf
    from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

    try:
        return OmegaConf.merge(base, settings)
    except ConfigKeyError as error:
        key = str(error.full_key or error.key)
        raise InputError(f"{where}: unknown key {key!r}{nearest(key, keys(schema))}") from error
    except (OmegaConfBaseException, TypeError) as error:  # TypeError: a section where a list should be
        at = getattr(error, "full_key", None)
        raise InputError(f"{where}: {f'{at}: ' if at else ''}{_first_line(error)}") from error


def keys(schema: type, prefix: str = "") -> list[str]:
    """Every key of a schema, sections' keys with their dots."""
    hints = get_type_hints(schema)
    found: list[str] = []
    for field in fields(schema):
        found.append(prefix + field.name)
        if is_dataclass(hints[field.name]):
            found += keys(hints[field.name], f"{prefix}{field.name}.")
    return found


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
