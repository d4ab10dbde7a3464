"""What the report names is not silent in build: weight 0, counts by kind, warnings."""

from pathlib import Path

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.filters import IMPLAUSIBLE, REASONS, ROW_BITS, WRONG_LABELS
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.sessions.kinds import KINDS

from .conftest import Body, Frame, Sessions


def test_every_kind_whose_labels_are_wrong_has_its_bit_or_its_reason() -> None:
    wrong = {name for name, kind in KINDS.items() if kind.wrong_labels}
    assert wrong == {*WRONG_LABELS, IMPLAUSIBLE}
    assert set(WRONG_LABELS) <= set(ROW_BITS)
    assert IMPLAUSIBLE in REASONS


@pytest.mark.parametrize("fault", ["side_swap", "freeze"])
def test_rows_that_a_simulated_fault_makes_wrong_have_no_weight(tmp_path: Path, fault) -> None:
    source = f"simulator:frames=150,pace=fast,seed=3,fps=15,faults={fault}@2-4"
    record(RecordSettings(session="sim", recordings=tmp_path / "recordings", source=source))
    result = build(
        BuildSettings(
            out=tmp_path / "set.h5", recordings=tmp_path / "recordings", size=16, guard_s=0.2
        )
    )
    assert result.label_error is not None
    assert result.label_error["faults"][fault]["wrong"] > 50
    assert result.label_error["faults"][fault]["wrong_kept"] <= 5
    kind = {"side_swap": "side_swap", "freeze": "frozen"}[fault]
    counts = result.findings[kind]
    assert counts["findings"] >= 1
    assert counts["kept"] == counts["weight_0"] > 10
    with open_kinect13(result.out) as dataset:
        rows = [dataset.split(name) for name in dataset.splits]
        marked = np.concatenate([split.quality >> ROW_BITS[kind] & 1 for split in rows])
        weight = np.concatenate([split.weight for split in rows])
        assert dataset.meta.counts["findings"] == result.findings
    assert marked.sum() == counts["weight_0"]
    assert (weight[marked == 1] == 0).all()
    assert weight[marked == 0].mean() > 0.8
    if KINDS[kind].severity == "poor":
        assert any("sim, take 0" in warning for warning in result.warnings)


def test_a_split_without_any_weight_is_refused(sessions: Sessions, walk) -> None:
    frames = walk(40)
    blob = sessions.picture(frames[0].bodies, 0)
    from kincap.core.jpeg import encode_jpeg

    for frame in frames:
        frame.blob = encode_jpeg(blob, 90)
    sessions("train1", frames)
    sessions("val1", walk(9))
    with pytest.raises(Exception, match=r"train: every row has weight 0 \(frozen 40\)"):
        build(
            BuildSettings(
                out=sessions.recordings.parent / "set.h5",
                recordings=sessions.recordings, val="val1", size=16,
            )
        )  # fmt: skip


def test_a_thing_that_was_tracked_as_a_body_is_left_out(sessions: Sessions) -> None:
    chair = {"x": 240, "y": 160, "height": 60, "slot": 4, "tall_m": 0.4}
    frames = [Frame((Body(x=100 + k / 3), Body(**chair))) for k in range(150)]
    sessions("train1", frames)
    sessions("val1", [Frame((Body(x=100 + k / 3),)) for k in range(9)])
    result = build(
        BuildSettings(
            out=sessions.recordings.parent / "set.h5",
            recordings=sessions.recordings, val="val1", size=16,
        )
    )  # fmt: skip
    assert result.rejected[IMPLAUSIBLE] == 150
    assert result.splits == {"train": 150, "val": 9}
    assert any("train1, take 0" in warning for warning in result.warnings)
    with open_kinect13(result.out) as dataset:
        assert set(dataset.split("train").tracking_id.tolist()) == {7002}
