"""Settings given as text or read from a file: names and types are checked against the dataclass."""

import difflib
import math
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ...core.errors import KincapError

Settings = TypeVar("Settings")
_TRUE_FALSE: Final = {"true": True, "false": False}


def set_values(settings: Settings, assignments: Iterable[str], flag: str = "--set") -> Settings:
    """Return settings with some values replaced.

    Args:
        settings: A frozen dataclass; dataclasses in it are reached with a dot.
        assignments: Texts ``key=value``; ``none`` is None where the field may be None.
        flag: Where the texts come from, for messages.

    Raises:
        KincapError: A text has no ``=``, a key is unknown, or a value has another type.
    """
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals:
            raise KincapError(f"{flag}: {text!r} is not key=value")
        key, known = key.strip(), key_names(settings)
        if key not in known:
            raise KincapError(f"{flag}: {_unknown(key, known)}")
        settings = _set(settings, key, key.split("."), value.strip(), flag)
    return settings


def _set(settings: Any, key: str, path: Sequence[str], value: str, flag: str) -> Any:
    name, *rest = path
    if rest:
        inner = _set(getattr(settings, name), key, rest, value, flag)
        return replace(settings, **{name: inner})
    try:
        return replace(settings, **{name: _parse(value, get_type_hints(type(settings))[name])})
    except ValueError as error:
        raise KincapError(f"{flag}: {key}={value}: expected {error}") from None


def read_values(kind: type[Settings], table: Mapping[str, Any], where: str) -> Settings:
    """Return a dataclass from a table of a TOML file; a missing key has its default.

    Args:
        kind: The dataclass.
        table: Its values by name; dataclasses in it are tables.
        where: The file, for messages.

    Raises:
        KincapError: A key is unknown or missing, or a value has another type.
    """
    hints = get_type_hints(kind)
    known = {field.name: hints[field.name] for field in fields(kind)}  # type: ignore[arg-type]  # any dataclass
    values: dict[str, Any] = {}
    check_keys(table, list(known), where)
    for name, found in table.items():
        inner = known[name]
        if is_dataclass(inner) and isinstance(inner, type) and isinstance(found, Mapping):
            values[name] = read_values(inner, found, where)
        else:
            try:
                values[name] = _checked(found, inner)
            except ValueError as error:
                raise KincapError(f"{where}: {name} = {found!r}: expected {error}") from None
    # TOML has no null: a field that may be None and is missing is None
    values |= {n: None for n, t in known.items() if n not in values and type(None) in get_args(t)}
    try:
        return kind(**values)
    except TypeError:
        missing = ", ".join(
            f.name
            for f in fields(kind)  # type: ignore[arg-type]  # any dataclass
            if f.name not in values
        )
        raise KincapError(f"{where}: {missing} is missing") from None


def check_keys(table: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    """Refuse a key that is not known, with the nearest one that is.

    Raises:
        KincapError: A key is unknown.
    """
    for name in table:
        if name not in known:
            raise KincapError(f"{where}: {_unknown(name, known)}")


def key_names(settings: Any) -> list[str]:
    """Return the keys of settings, those of dataclasses in it with a dot."""
    names: list[str] = []
    for field in fields(settings):
        inner = getattr(settings, field.name)
        if is_dataclass(inner):
            names += [f"{field.name}.{name}" for name in key_names(inner)]
        else:
            names.append(field.name)
    return names


def _unknown(key: str, known: Sequence[str]) -> str:
    """Return the message about an unknown key, with the nearest one."""
    near = difflib.get_close_matches(key, known, 1, cutoff=0.5) or [
        name for name in known if name.rpartition(".")[2] == key.rpartition(".")[2]
    ]
    advice = f"did you mean {near[0]}?" if near else f"the keys are {', '.join(known)}"
    return f"there is no {key!r}; {advice}"


def _parse(text: str, hint: Any) -> Any:
    """Return a text as a value of a type.

    Raises:
        ValueError: It is not one; says what is expected.
    """
    options = _options(hint)
    if type(None) in options and text.lower() == "none":
        return None
    if get_origin(hint) is tuple:
        return tuple(_parse(part, get_args(hint)[0]) for part in text.split(",") if part)
    for option in options:
        if option is bool and text.lower() in _TRUE_FALSE:
            return _TRUE_FALSE[text.lower()]
        try:
            number = option(text) if option in (int, float) else None
        except ValueError:
            continue
        if number is not None and math.isfinite(number):
            return number
        if option is str or text in get_args(option):
            return text
    raise ValueError(_expected(hint))


def _checked(value: Any, hint: Any) -> Any:
    """Return a value of a TOML file as a value of a type.

    Raises:
        ValueError: It is not one; says what is expected.
    """
    if get_origin(hint) is tuple and isinstance(value, list):
        return tuple(_checked(one, get_args(hint)[0]) for one in value)
    for option in _options(hint):
        if option is float and type(value) in (int, float):
            return float(value)
        if option in (int, bool, str) and type(value) is option:
            return value
        if get_origin(option) is Literal and value in get_args(option):
            return value
    raise ValueError(_expected(hint))


def _options(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _expected(hint: Any) -> str:
    """Return a type in words."""
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    said = []
    for option in _options(hint):
        if get_origin(option) is Literal:
            said += [str(value) for value in get_args(option)]
        else:
            said.append("none" if option is type(None) else words.get(option, "a list"))
    return " or ".join(said)
