"""One session judged as the report and build do, kept so that other thresholds take moments."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...checks.filters.settings import FilterSettings
from ...checks.session_checks import SessionFlags, check_session
from ...checks.session_lag import KnownLag, lags_from_json, lags_to_json
from ...core.errors import KincapError
from ...dataset.candidates import find_candidates, thin
from ...dataset.filters import REASONS, first_reason
from ...dataset.labels.label_settings import LabelSettings
from ...dataset.report_page.meanings import MEANINGS
from ...dataset.session_data import Recording, load_recording
from ...report.quality import known_lags, known_verdicts
from ...sessions.edits.journal import Edits
from .frame_facts import FrameFacts, make_facts
from .keypoint_speeds import keypoint_speeds
from .placed_findings import place_findings

MOST_SETTINGS: Final = 8
"""Results of the checks that are kept, by their thresholds."""

_AFTER_CHECKS: Final = (
    "depth_min_m", "depth_max_m", "edge_margin", "clipped_margin", "max_untrusted", "max_outside",
    "thin_motion",
)  # fmt: skip
"""Thresholds that count when labels are judged: no flag of the checks depends on them."""
_USUAL: Final[dict[str, Any]] = {name: getattr(FilterSettings(), name) for name in _AFTER_CHECKS}


class SessionJudge:
    """A session's tables and what the checks say about them.

    Args:
        folder: The session's folder.
        uuid: Its identity.
        along: The stream whose frames the page counts.

    Attributes:
        findings: All findings, on the axis of the page's frames.
        left_out: How many more there are.
        problem: Why frames can't be judged; None: they can.

    Raises:
        KincapError: The session can't be read, or is another one.
        OSError: As well.
    """

    def __init__(self, folder: Path, uuid: str, along: str) -> None:
        self._folder = folder
        lags = known_lags(folder)
        checks = check_session(folder, lags=lags, verdicts=known_verdicts(folder))
        if checks.tables.info.uuid != uuid:
            raise KincapError("deleted and recorded again; reload the page")
        self.findings = place_findings(checks.findings, checks.takes, along)
        self.left_out = len(checks.findings) - len(self.findings)
        self._lags: Mapping[int, KnownLag] = (
            lags or lags_from_json(lags_to_json(checks.takes)) or {}
        )
        self._flags: OrderedDict[FilterSettings, SessionFlags] = OrderedDict()
        self._flags[FilterSettings()] = checks.flags()
        self._recording: Recording | None = None
        self.problem: str | None = None
        if checks.tables.info.is_bodies_alone:
            self.problem = "a session without pictures has no frames to build from"
            return
        try:
            self._recording = load_recording(folder.parent, folder.name, unsealed=True)
        except KincapError as error:
            self.problem = str(error)
            return
        self._speeds = keypoint_speeds(folder, checks.tables.info)

    @property
    def seqs(self) -> np.ndarray:
        """(F,) the frames that are judged."""
        if self._recording is None:
            return np.zeros(0, np.uint64)
        return np.asarray(self._recording.color["seq"])

    def facts(self, edits: Edits, more: Mapping[str, Any]) -> FrameFacts | None:
        """Return what is known about each frame; None where frames can't be judged.

        Args:
            edits: The decisions.
            more: As for ``make_facts``.
        """
        if self._recording is None:
            return None
        recording, settings = replace(self._recording, edits=edits), LabelSettings()
        flags = self._flags_for(settings.filters)
        candidates = find_candidates(recording, flags, settings)
        return make_facts(recording, flags, candidates, self._speeds, self.findings, more)

    def keep(self, edits: Edits, settings: LabelSettings) -> dict[str, Any]:
        """Return what build would keep of the session alone, before it deals out splits.

        Args:
            edits: The decisions.
            settings: Of the build.

        Raises:
            KincapError: The session's frames can't be judged.
        """
        if self._recording is None:
            raise KincapError(self.problem or "the session can't be judged")
        recording = replace(self._recording, edits=edits)
        candidates = find_candidates(recording, self._flags_for(settings.filters), settings)
        failed = dict(candidates.failed)
        kept = first_reason(failed, len(candidates)) < 0
        failed["redundancy"] = thin(recording, candidates, kept, settings)
        first = first_reason(failed, len(candidates))
        counts = np.bincount(first[first >= 0], minlength=len(REASONS))
        weight = candidates.weight[first < 0]
        return {
            "candidates": len(candidates),
            "kept": int((first < 0).sum()),
            "frames": len(np.unique(candidates.frame[first < 0])),
            "keypoints": int((weight > 0).sum()),
            "keypoint_share": round(float((weight > 0).mean()), 4) if weight.size else 0.0,
            "rejected": {
                name: {"first": int(count), "all": int(failed[name].sum()),
                       "meaning": MEANINGS.get(name, "")}
                for name, count in zip(REASONS, counts, strict=True)
                if name in failed and (count or failed[name].any())
            },
            "settings": asdict(settings.filters),
        }  # fmt: skip

    def _flags_for(self, filters: FilterSettings) -> SessionFlags:
        """Return what the checks say with some thresholds; those used last are kept."""
        filters = replace(filters, **_USUAL)
        if filters not in self._flags:
            checks = check_session(
                self._folder,
                settings=filters,
                lags=self._lags,
                verdicts=known_verdicts(self._folder),
            )
            self._flags[filters] = checks.flags()
            while len(self._flags) > MOST_SETTINGS:
                self._flags.popitem(last=False)
        self._flags.move_to_end(filters)
        return self._flags[filters]
