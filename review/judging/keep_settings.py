"""Settings of build as a page names them in an address: ``speed_m_s=3&off=edge``."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ...checks.filters.registry import FILTER_NAMES
from ...checks.filters.settings import FilterSettings
from ...dataset.labels.label_settings import LabelSettings
from ..errors import BadRequestError

MOST: Final = 1e6
_LABELS: Final = ("joints_at", "bodies", "unknown_weight", "swap_back", "correct_lag")


def settings_of(asked: Mapping[str, str]) -> LabelSettings:
    """Return settings of build, those that are not named as usual.

    Raises:
        BadRequestError: A name or a value is none.
    """
    usual = vars(FilterSettings())
    filters: dict[str, Any] = {}
    labels: dict[str, Any] = {}
    for name, text in asked.items():
        if name == "off":
            filters["off"] = _names(text)
        elif name in usual:
            filters[name] = _number(name, text, type(usual[name]))
        elif name in ("joints_at", "bodies"):
            labels[name] = text
        elif name == "unknown_weight":
            labels[name] = _number(name, text, float)
        elif name in _LABELS:
            labels[name] = text not in ("0", "false", "no")
        else:
            raise BadRequestError(f"{name[:40]}: expected one of {', '.join((*usual, *_LABELS))}")
    settings = replace(LabelSettings(filters=replace(FilterSettings(), **filters)), **labels)
    settings.check()
    return settings


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name for name in text.split(",") if name)
    for name in names:
        if name not in FILTER_NAMES:
            raise BadRequestError(f"off={name[:40]}: expected some of {', '.join(FILTER_NAMES)}")
    return names


def _number(name: str, text: str, kind: type) -> float | int:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= MOST or (kind is int and value != int(value)):
        raise BadRequestError(f"{name}={text[:40]}: expected a number from 0 to {MOST:g}")
    return int(value) if kind is int else value
