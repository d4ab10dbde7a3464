"""quality.json: the quality of a session's recording, worked out from what is stored of it.

    quality = make_quality(folder)
    save_quality(folder, quality)

Only stored rows and images are read, so a report can be made again at any time, also of a session
that was left by a killed recorder, is damaged, or came from another source.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from .. import __version__
from ..checks.alike.measure_signature import measure_signature
from ..checks.alike.signature import SessionSignature
from ..checks.findings import limit, sums
from ..checks.plane_verdicts import PlaneVerdicts, verdicts_of
from ..checks.session_checks import SessionChecks, check_session
from ..checks.session_lag import KnownLag, lags_from_json, lags_to_json
from ..checks.session_people import joints_named
from ..checks.session_tables import SessionTables
from ..core.checked_json import dump_checked, load_checked
from ..core.errors import KincapError, SessionError
from ..core.files.fault_injection import default_io
from ..core.files.file_io import FileIO
from ..core.files.small_files import read_small
from ..core.skeleton import KEYPOINT_JOINT
from ..sessions.folders import NOT_READABLE, find_folders, may_read
from ..sessions.kinds import KINDS
from ..sessions.lock import is_recording
from ..sessions.manifest import read_raw
from ..sessions.repair.verify import MOST_QUALITY, QUALITY_FILE
from ..sessions.summary import SessionSummary, summarise
from .advice import advice, verdict
from .measures import accounts, dropped_ranges, measure

QUALITY_SCHEMA: Final = "kincap/quality/1"
MOST_EVENTS: Final = 1000
_WARNED: Final = 3


def make_quality(
    folder: Path, io: FileIO | None = None, *, lag: bool = True, thorough: bool = False
) -> dict[str, Any]:
    """Work out the report of a session; nothing is changed.

    Args:
        folder: The session's folder.
        io: File handling.
        lag: Whether pictures are decoded: to measure by how much the joints come late, and for the
            signature that is compared with other sessions.
        thorough: Look for late joints wherever hands move: about a minute for an hour.

    Returns:
        The contents of quality.json, see docs/format.md.

    Raises:
        SessionError: There is no session, or its session.json can't be read.
    """
    manifest = manifest_sha256(folder)
    checks = check_session(folder, io, lag=lag, thorough=thorough)
    with np.errstate(all="ignore"):
        signature = measure_signature(checks.tables, checks.takes, io or FileIO()) if lag else None
        return _make(checks, manifest if lag else None, signature, thorough)


def _duration_s(about: SessionSummary, take: int) -> float:
    """Return the time that a take covers, seconds."""
    return about.takes[take].duration_s if take in about.takes else 0.0


def manifest_sha256(folder: Path) -> str:
    """Return the checksum of a session's manifest, which has that of every sealed shard."""
    return hashlib.sha256(read_raw(folder)).hexdigest()


def known_lags(folder: Path) -> dict[int, KnownLag] | None:
    """Return the lags by take that quality.json has; None if it is not of the session as it is."""
    kept = _belonging(folder)
    return None if kept is None else lags_from_json(kept.get("lags"))


def known_verdicts(folder: Path) -> PlaneVerdicts | None:
    """Return what quality.json has of masks and depth images.

    None as in ``known_lags``, and where another version of kincap made it.
    """
    kept = _belonging(folder)
    if kept is None or kept.get("kincap_version") != __version__:
        return None
    return verdicts_of(kept)


def _belonging(folder: Path) -> dict[str, Any] | None:
    """Return the quality.json of a session; None if it is not of the session as it is."""
    kept = load_quality(folder)
    if kept is None or kept.get("manifest_sha256") != manifest_sha256(folder):
        return None
    return kept


def _plane_verdicts(tables: SessionTables) -> dict[str, Any] | None:
    """Return what masks and depth images say of all bodies; None if not all were looked at."""
    if not tables.planes or not tables.every_plane:
        return None
    off_body, hidden = (
        joints_named(tables.people, name)[:, KEYPOINT_JOINT] for name in ("body_index", "occlusion")
    )
    return PlaneVerdicts.of(off_body, hidden, tables.settings).to_json()


def _make(
    checks: SessionChecks,
    manifest: str | None,
    signature: SessionSignature | None,
    thorough: bool,
) -> dict[str, Any]:
    """Work out the report of a checked session."""
    tables, takes = checks.tables, checks.takes
    findings, left_out = limit(checks.findings)
    about = summarise(tables.folder)
    lasts = {take.number: _duration_s(about, take.number) for take in takes}
    quality: dict[str, Any] = {
        "schema": QUALITY_SCHEMA,
        "kincap_version": __version__,
        "session": tables.info.name,
        "uuid": tables.info.uuid,
        "manifest_sha256": manifest,
        "lags": lags_to_json(takes),
        "lags_thorough": thorough,
        "planes": _plane_verdicts(tables),
        "damaged_rows": dict(sorted(tables.damaged.items())),
        "unreadable_shards": sorted(set(tables.unreadable)),
        "accounts": accounts(tables),
        "dropped": dropped_ranges(tables),
        "whole": measure(takes, about.duration_s),
        "coverage": tables.coverage.to_json(),
        "signature": None if signature is None else signature.to_json(),
        "takes": [{"take": take.number, **measure([take], lasts[take.number])} for take in takes],
        "findings": [finding.to_json() for finding in findings],
        "findings_left_out": left_out,
        "kinds": sums(checks.findings),
        "events": _events(tables),
    }
    quality["verdict"] = verdict(quality)
    quality["advice"] = advice(quality)
    finite: dict[str, Any] = _finite(quality)
    return finite


def _events(tables: SessionTables) -> list[dict[str, Any]]:
    """Return the first events as the shards have them."""
    kinds = {number: name for name, number in tables.info.event_kinds.items()}
    return [
        {
            "kind": kinds.get(int(event["kind"]), int(event["kind"])),
            "stream": int(event["stream"]),
            "take": int(event["take"]),
            "seq_first": int(event["seq_first"]),
            "seq_last": int(event["seq_last"]),
            "count": int(event["count"]),
            "text": event["text"].decode("utf-8", "replace"),
        }
        for event in tables.events[:MOST_EVENTS]
    ]


def _finite(value: Any) -> Any:
    """Replace NaN and infinities by None and round other numbers to 5 digits, at every depth."""
    if isinstance(value, float):
        return round(value, 5) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def save_quality(folder: Path, quality: Mapping[str, Any], io: FileIO | None = None) -> Path:
    """Write quality.json, whole or not at all.

    Returns:
        The file.

    Raises:
        OSError: The disk refuses.
    """
    path = folder / QUALITY_FILE
    (io or FileIO()).write_atomic(path, dump_checked(quality, lines=True))
    return path


def load_quality(folder: Path) -> dict[str, Any] | None:
    """Return what a session's quality.json says; None where there is none that is whole."""
    try:
        kept = load_checked(read_small(folder / QUALITY_FILE, MOST_QUALITY))
    except (OSError, ValueError):
        return None
    return kept if kept.get("schema") == QUALITY_SCHEMA else None


def summary(quality: Mapping[str, Any]) -> dict[str, Any]:
    """Return the few figures that ``kincap record --json`` repeats."""
    whole = quality["whole"]
    counts: dict[str, int] = {}
    for finding in quality["findings"]:
        counts[finding["kind"]] = counts.get(finding["kind"], 0) + 1
    return {
        "verdict": quality["verdict"],
        "advice": quality["advice"],
        "fps": {name: stream["fps_mean"] for name, stream in whole["streams"].items()},
        "pair_residual_p95_ms": whole["pairs"]["p95_ms"],
        "unpaired_share": whole["pairs"]["unpaired_share"],
        "inferred_share": whole["keypoints"]["inferred_share"],
        "lag_ms": whole["lag"]["ms"],
        "findings": counts,
    }


def report(
    recordings: Path, name: str, *, thorough: bool = False
) -> tuple[dict[str, Any], str | None]:
    """Make a session's report again and keep it.

    Args:
        recordings: The folder of all sessions.
        name: The session.
        thorough: See ``make_quality``.

    Returns:
        The report, and why it could not be kept in the session's folder; None: it was.

    Raises:
        SessionError: There is no such session, it is being recorded, or its session.json can't be
            read.
    """
    folder = find_folders(recordings, [name])[0]
    if not may_read(folder):
        raise SessionError(f"{folder}: {NOT_READABLE}")
    if is_recording(folder):
        raise SessionError(f"{folder}: being recorded now; its recorder reports when it has ended")
    io = default_io()
    quality = make_quality(folder, io, thorough=thorough)
    try:
        save_quality(folder, quality, io)
    except OSError as error:
        return quality, f"{folder / QUALITY_FILE}: {error.strerror or error}; it was not kept"
    return quality, None


def report_of_recording(
    folder: Path, io: FileIO
) -> tuple[dict[str, Any] | None, Path | None, str | None]:
    """Make and keep the report at the end of a recording, which nothing in it may spoil.

    Args:
        folder: The session's folder, its lock held.
        io: File handling.

    Returns:
        The report, None where it can't be made; its file, None where it was not kept; and what the
        person should know about that.
    """
    again = f"kincap sessions report {folder.name} makes it again"
    try:
        quality = make_quality(folder, io)
    except Exception as error:
        # the recording is safe already: an odd value in it must not make it look failed
        what = error if isinstance(error, KincapError | OSError) else repr(error)
        return None, None, f"{folder}: no report of its quality ({what}); {again}"
    try:
        return quality, save_quality(folder, quality, io), None
    except OSError as error:
        return quality, None, f"{folder / QUALITY_FILE}: {error.strerror or error}; {again}"


def poor_lines(quality: Mapping[str, Any] | None) -> list[str]:
    """Return a warning for each finding that makes the verdict poor, at most three of a kind.

    Kinds of events are left out: the recorder has reported them while they happened.
    """
    if quality is None:
        return []
    count: Counter[str] = Counter()
    lines = []
    for one in quality["findings"]:
        kind = KINDS.get(one["kind"])
        if kind is None or kind.severity != "poor" or kind.number is not None:
            continue
        if count[kind.name] < _WARNED:
            count[kind.name] += 1
            lines.append(f"{quality['session']}, take {one['take']}: {one['text']}")
    return lines
