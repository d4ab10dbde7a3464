"""Read the operator's TOML files: every fault is one line that names the file and the place."""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from ...core.errors import KincapError

_MOST_BYTES: Final = 1 << 20
_READY: Final = files(__package__) / "ready"


def ready_names(kind: str) -> list[str]:
    """Return the names of the files that come with kincap.

    Args:
        kind: "cues" or "protocols".
    """
    return sorted(file.name.removesuffix(".toml") for file in (_READY / kind).iterdir())


def read_text(flag: str, name: str, kind: str) -> str:
    """Return the text of a file of the user's, or of one that comes with kincap.

    Args:
        flag: The flag or argument, for messages.
        name: A path, or the name of a file that comes with kincap; a file of that path is first.
        kind: "cues" or "protocols".

    Raises:
        KincapError: It can't be read, is too large, or is not UTF-8 (exit 2).
    """
    ready = ready_names(kind)
    path = Path(name)
    source = _READY / kind / f"{name}.toml" if name in ready and not path.exists() else path
    try:
        with source.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise KincapError(f"{flag} {name}: larger than 1 MiB; expected a few lines of TOML")
        return raw.decode()
    except OSError as err:
        known = " or ".join(ready)
        raise KincapError(
            f"{flag} {name}: {err.strerror or err}; expected a TOML file, or {known}, which come"
            f"{'s' * (len(ready) == 1)} with kincap"
        ) from err
    except ValueError as err:
        raise KincapError(f"{flag} {name}: not valid TOML ({err})") from err


def read_toml(flag: str, name: str, kind: str) -> "Table":
    """Return the content of a file, see ``read_text``.

    Raises:
        KincapError: It can't be read, or is not valid TOML (exit 2).
    """
    text = read_text(flag, name, kind)
    try:
        return Table(f"{flag} {name}", tomllib.loads(text))
    except (ValueError, RecursionError) as err:  # ValueError: an integer of too many digits, too
        raise KincapError(f"{flag} {name}: not valid TOML ({err})") from err


@dataclass(frozen=True)
class Table:
    """A table of a TOML file; what it lacks or holds too much is refused by name.

    Attributes:
        where: File and place, for messages.
        values: Keys and values as they were read.
    """

    where: str
    values: Mapping[str, Any]

    def only(self, *known: str) -> None:
        """Refuse a key that is none of the known ones.

        Raises:
            KincapError: Names the key and the nearest known one (exit 2).
        """
        for key in self.values:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1, 0.5)
                hint = f"did you mean {near[0]}?" if near else f"expected {', '.join(known)}"
                raise KincapError(f"{self.where}: unknown key {_short(key)}; {hint}")

    def tables(self, key: str, least: int, most: int) -> list["Table"]:
        """Return the tables ``[[key]]``, each of which knows its number.

        Raises:
            KincapError: It is not a list of tables, or has too few or too many (exit 2).
        """
        found = self.values.get(key, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise KincapError(f"{self.where}: {key} = {_short(found)}; expected tables [[{key}]]")
        if not least <= len(found) <= most:
            raise KincapError(
                f"{self.where}: {len(found)} tables [[{key}]]; expected {least} to {most}"
            )
        return [
            Table(f"{self.where}: {key} {number}", one) for number, one in enumerate(found, start=1)
        ]

    def text(self, key: str, most: int, default: str | None = None) -> str:
        """Return a text on one line.

        Args:
            key: Its key.
            most: Letters that it may have.
            default: Taken where it is not given; None: it has to be given, and not empty.

        Raises:
            KincapError: It is missing, empty, too long, or no such text (exit 2).
        """
        found = self._get(key, default)
        if not isinstance(found, str) or not found.isprintable() or len(found) > most:
            raise KincapError(
                f"{self.where}: {key} = {_short(found)}; expected a text on one line of at most "
                f"{most} letters"
            )
        if default is None and not found.strip():
            raise KincapError(f"{self.where}: {key} is empty; expected a text")
        return found

    def number(self, key: str, least: float, most: float, default: float | None = None) -> float:
        """Return a number.

        Raises:
            KincapError: It is missing, not a number, or out of range (exit 2).
        """
        found = self._get(key, default)
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        # nan is in no range; math.isfinite fails on a whole number of 400 digits
        if not is_number or not least <= found <= most:
            raise KincapError(
                f"{self.where}: {key} = {_short(found)}; expected a number from {least:g} to "
                f"{most:g}"
            )
        return float(found)

    def whole(self, key: str, least: int, most: int, default: int | None = None) -> int:
        """Return a whole number.

        Raises:
            KincapError: It is missing, not a whole number, or out of range (exit 2).
        """
        found = self._get(key, default)
        if not isinstance(found, int) or isinstance(found, bool) or not least <= found <= most:
            raise KincapError(
                f"{self.where}: {key} = {_short(found)}; expected a whole number from {least} to "
                f"{most}"
            )
        return found

    def flag(self, key: str) -> bool:
        """Return true or false; false where it is not given.

        Raises:
            KincapError: It is neither (exit 2).
        """
        found = self.values.get(key, False)
        if not isinstance(found, bool):
            raise KincapError(f"{self.where}: {key} = {_short(found)}; expected true or false")
        return found

    def _get(self, key: str, default: Any) -> Any:
        if key in self.values:
            return self.values[key]
        if default is None:
            raise KincapError(f"{self.where}: no {key}; every table needs one")
        return default


def _short(value: object) -> str:
    """Return a value as it is written, cut to a length that fits a line."""
    if isinstance(value, int) and abs(value) > 1e30:
        return "a very large number"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
