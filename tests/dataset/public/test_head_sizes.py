"""Boxes of heads, from MPII's own file to PCKh of ``kincap evaluate``."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from kincap.dataset.kinect13.reader import open_kinect13
from kincap.dataset.public.build import build_public
from kincap.dataset.public.settings import PublicSettings, parse_added
from kincap.train.checkpoint import load_checkpoint
from kincap.train.evaluation.evaluate import EvaluateSettings, evaluate
from kincap.train.pretrain import pretrain
from kincap.train.settings import TrainOptions

from ..formats.made_files import mpii_point, structs

PEOPLE = 12


def _save_mpii(folder: Path) -> None:
    """Save RELEASE with a person in each of the pictures; every third has no box of the head."""
    rng = np.random.default_rng(4)
    listed = []
    for n in range(PEOPLE):
        points = [
            mpii_point(k, float(x), float(y), is_visible=1)
            for k, (x, y) in enumerate(rng.uniform(20, 100, (16, 2)))
        ]
        box = {"x1": 11.0, "y1": 21.0, "x2": 11.0 + 3 * n, "y2": 21.0 + 4 * n}
        person = {"annopoints": {"point": structs(points)}, **(box if n % 3 else {})}
        listed.append({"image": {"name": f"{n}.png"}, "annorect": person, "vididx": n})
        picture = rng.integers(0, 255, (120, 120, 3), dtype=np.uint8)
        assert cv2.imwrite(str(folder / "images" / f"{n}.png"), picture)
    release = {"annolist": structs(listed), "img_train": np.ones((1, PEOPLE))}
    savemat(folder / "mpii_human_pose_v1_u12_1.mat", {"RELEASE": release})


def test_heads_of_mpii_are_measured_by(tmp_path: Path) -> None:
    mpii = tmp_path / "mpii"
    (mpii / "images").mkdir(parents=True)
    _save_mpii(mpii)
    (added,) = parse_added([f"mpii,sides=unchecked:{mpii}"])
    out = tmp_path / "mpii13.h5"
    build_public(PublicSettings(add=(added,), out=out, size=32, val="0.5", workers=1))
    with open_kinect13(out) as dataset:
        found = {}
        for name in dataset.splits:
            rows = dataset.split(name)
            assert rows.head_px is not None
            found |= dict(zip(rows.color_seq.tolist(), rows.head_px.tolist(), strict=True))
    # a box of 3 n by 4 n pixels
    assert {n: px for n, px in found.items() if px == px} == {
        n: 5.0 * n for n in range(PEOPLE) if n % 3
    }
    made = pretrain(
        TrainOptions(
            data=out, runs=tmp_path / "runs", model="compact", width=0.25, size=32, steps=1,
            batch=4, device="cpu",
        )
    )  # fmt: skip
    report = evaluate(EvaluateSettings(made.run / "best.ckpt", out, device="cpu")).to_json()
    at = {a: pck["all"] for a, pck in report["pckh"].items()}
    assert set(at) == {"0.5", "0.1"}
    assert 0 <= at["0.1"] <= at["0.5"] <= 100
    # the same keypoints, by a slow count
    with open_kinect13(out) as dataset:
        rows = dataset.split("val")
        side = rows.bbox_xyxy_px[:, 2] - rows.bbox_xyxy_px[:, 0]
        at_px = (rows.keypoints_px + 0.5) / 32 * side[:, None, None]
        truth = rows.bbox_xyxy_px[:, None, :2] + at_px
        mean = load_checkpoint(made.run / "best.ckpt").mean_pose.numpy()
        guess = rows.bbox_xyxy_px[:, None, :2] + mean * side[:, None, None]
        off = np.hypot(*np.moveaxis(guess - truth, -1, 0))
        counted = (rows.weight > 0) & (rows.head_px > 0)[:, None]
        right = (off <= 0.3 * rows.head_px[:, None]) & counted
    expected = 100 * right.sum() / counted.sum()
    assert report["mean_pose"]["pckh"]["0.5"]["all"] == pytest.approx(expected)
