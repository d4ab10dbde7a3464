"""The public Python API on a session, a data set and a net made by the commands."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import kincap as public
from kincap.core.skeleton import KEYPOINT_JOINT
from kincap.sessions.reader import SessionReader


def test_frames_by_number_and_time_carry_the_bodies_of_their_moment(made: Path) -> None:
    with (
        public.open_session(made / "recordings" / "clothing3") as session,
        SessionReader(made / "recordings" / "clothing3") as reader,
    ):
        assert len(session) == len(reader.color) > 100
        assert session.times_s[0] == pytest.approx(0, abs=0.04)
        assert (np.diff(session.times_s) > 0).all()
        seq = int(session.seqs[20])
        frame = session.frame(seq)
        assert frame.seq == seq == session.frame_at(frame.time_s).seq
        assert frame.jpeg == reader.color_blob(seq)
        assert frame.body_row is not None
        row = reader.bodies[frame.body_row]
        slot = int(np.flatnonzero(row["tracked"])[0])
        assert frame.tracking_ids[0] == row["tracking_id"][slot]
        np.testing.assert_array_equal(frame.joints_m[0], row["joint_xyz_m"][slot])
        np.testing.assert_array_equal(frame.keypoints_px[0], frame.joints_px[0][KEYPOINT_JOINT])
        width = frame.image().shape[1]
        stored = row["joint_color_px"][slot][KEYPOINT_JOINT]
        assert session.info.mirrored
        np.testing.assert_allclose(frame.keypoints_px[0][:, 0], width - 1 - stored[:, 0], atol=1e-3)
        assert len(list(session.frames(step=50))) == -(-len(session) // 50)
        with pytest.raises(public.KincapError, match="no colour frame with seq 999999"):
            session.frame(999_999)
        with pytest.raises(public.KincapError, match="no colour frame in take 7"):
            session.frame_at(0, take=7)


def test_keypoints_of_all_frames_are_those_of_each(made: Path) -> None:
    with public.open_session(str(made / "recordings" / "clothing3")) as session:
        found, frames = session.keypoints(), list(session.frames(step=30))
        for index, frame in zip(range(0, len(session), 30), frames, strict=True):
            there = found.tracked[index]
            np.testing.assert_array_equal(found.tracking_id[index][there], frame.tracking_ids)
            np.testing.assert_array_equal(found.px[index][there], frame.keypoints_px)
            np.testing.assert_array_equal(found.visibility[index][there], frame.visibility)


def test_tables_have_a_row_for_each_thing(made: Path) -> None:
    with public.open_session(made / "recordings" / "clothing3") as session:
        joints = session.joints()
        bodies = int(joints.tracked.sum())
        assert len(session.table("frames")) == len(session)
        assert len(session.table("joints")) == bodies * 25
        table = session.table("keypoints")
        assert len(table) % 13 == 0
        assert set(table.keypoint.cat.categories) == set(session.keypoint_names)
        assert len(session.table("events")) == len(session.events()) > 0
        findings = session.findings()
        assert len(session.table("findings")) == len(findings)
        assert "bodies_only" in {finding.kind for finding in findings}
        with pytest.raises(public.KincapError, match="no table 'bones'; choose one of frames"):
            session.table("bones")


def test_a_session_without_bodies_or_frames_has_empty_tables(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kincap", "record", "--session", "none", "--no-report",
         "--source", "simulator:frames=12,pace=fast,faults=color_only@0-9"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with public.open_session(tmp_path / "recordings" / "none") as session:
        for name in ("frames", "joints", "keypoints", "events", "findings"):
            session.table(name)
        assert session.frame(int(session.seqs[0])).keypoints_px.shape[1:] == (13, 2)


def test_rows_of_a_data_set_lead_back_to_their_session(made: Path) -> None:
    with (
        public.open_dataset(made / "kinect13.h5") as data,
        public.open_session(made / "recordings" / "clothing3") as session,
    ):
        row = data.row("train", 3)
        assert row.session == "clothing3"
        frame = session.frame(row.color_seq)
        # crop pixels back into the image
        corner, side = row.bbox_xyxy_px[:2], row.bbox_xyxy_px[2] - row.bbox_xyxy_px[0]
        seen = row.visibility > 0
        placed = corner + (row.keypoints_px + 0.5) * side / data.size
        np.testing.assert_allclose(placed[seen], frame.keypoints_px[0][seen], atol=0.01)
        table = data.table("train")
        assert len(table) == len(data.rows("train"))
        assert table.session.iloc[3] == "clothing3"
        assert table.head_x_px.iloc[3] == row.keypoints_px[0, 0]
        np.testing.assert_array_equal(
            data.row("train", -1).image, data.rows("train").images([-1 + len(table)])[0]
        )
        with pytest.raises(public.KincapError, match="no split 'test'"):
            data.rows("test")
        with pytest.raises(IndexError):
            data.row("train", 10_000)
        assert "train" in repr(data)


@pytest.mark.parametrize("size", [None, 32])
def test_torch_rows_are_what_the_nets_learn_from(made: Path, size: int | None) -> None:
    with public.open_dataset(made / "kinect13.h5") as data:
        rows = data.torch("train", size)
        row = data.row("train", 5)
    sample = rows[5]
    side = size or 64
    assert sample["image"].shape == (3, side, side)
    seen = torch.from_numpy(row.visibility > 0)
    wanted = (torch.from_numpy(row.keypoints_px) + 0.5) / 64
    torch.testing.assert_close(sample["keypoints"][seen], wanted[seen])
    assert (sample["weight"][~seen] == 0).all()
    again = pickle.loads(pickle.dumps(rows))[5]
    assert all(torch.equal(again[name], tensor) for name, tensor in sample.items())
    with pytest.raises(IndexError):
        rows[len(rows)]


def test_a_net_predicts_as_evaluate_measures(made: Path) -> None:
    from kincap.train.data import load_samples
    from kincap.train.validate import run_net

    net = public.load_net(made / "pretrain.ckpt", device="cpu")
    assert (net.model, net.size, net.trained["kind"]) == ("compact", 32, "pretrain")
    with public.open_dataset(made / "kinect13.h5") as data:
        images = data.rows("val").images(range(8))
        samples = load_samples(data._file, "val", net.size)
        single = run_net(net.module, samples, torch.device("cpu")).poses
        other = run_net(net.module, samples, torch.device("cpu"), mirrored=True).poses
    wanted = 0.5 * (single + other)[:8] * 64 - 0.5
    np.testing.assert_allclose(net.predict(images), wanted, atol=1e-3)
    assert net.predict([]).shape == (0, 13, 2)
    larger = np.repeat(np.repeat(images, 2, axis=1), 2, axis=2)
    np.testing.assert_allclose(net.predict(larger), 2 * wanted + 0.5, atol=1e-2)
    for bad in (images[0][:, :30], images[0].astype(np.float32), images[0][..., :1]):
        with pytest.raises(public.KincapError, match="expected"):
            net.predict([bad])


def test_what_is_missing_is_one_line(tmp_path: Path) -> None:
    for open_ in (public.open_session, public.open_dataset, public.load_net):
        with pytest.raises(public.KincapError) as caught:
            open_(tmp_path / "nothing")
        assert "\n" not in str(caught.value)
