"""Text files of others: any usual encoding, any length, hostile numbers."""

import json
import os
import tracemalloc
from pathlib import Path

import pytest

from kincap.capture.sources.registry import open_source
from kincap.capture.sources.sensor import BodyFrame
from kincap.core.errors import SensorError
from kincap.core.skeleton import JOINT_NAMES

DIGITS = "9" * 6000
JOINT = "0.1 0.2 3.0 200 100 900 500 1 0 0 0 2"
BODY = "\n".join(["7205 0 1 1 1 1 0 0.1 0.2 2", "25", *[JOINT] * 25])
SKELETON = f"2\n1\n{BODY}\n1\n{BODY}\n"


def laban_line(k: int) -> str:
    joints = ",".join(f"{0.3 * j:.2f},0.5,2.0,2" for j in range(25))
    return f"{333_333 * k},{joints},\n"


def irds_line(k: int) -> str:
    joints = ",".join(f"({n},Tracked,{j / 10},0.5,2.0,1,2)" for j, n in enumerate(JOINT_NAMES))
    return f"{k},5,{33 * k},{joints}\n"


TEXTS = {
    "laban": "".join(map(laban_line, range(6))),
    "irds": "Version0.1\n" + "".join(map(irds_line, range(6))),
    "ntu": SKELETON,
}


def rows(kind: str, path: Path) -> bytes:
    """Return all rows that a source gives, without the host's times."""
    out = b""
    for item in open_source(f"{kind}:{path}").items():
        assert isinstance(item, BodyFrame)
        item.row["time_host"] = 0
        out += item.row.tobytes()
    return out


def write(tmp_path: Path, kind: str, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / {"ntu": "x.skeleton", "laban": "x.csv", "irds": "x.txt"}[kind]
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("kind", list(TEXTS))
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_changes_nothing(tmp_path, kind, encoding):
    plain = rows(kind, write(tmp_path, kind, TEXTS[kind]))
    assert plain
    for text in (TEXTS[kind], TEXTS[kind].replace("\n", "\r\n"), TEXTS[kind].replace("\n", "\r")):
        path = write(tmp_path, kind, text, encoding)
        assert rows(kind, path) == plain
        # the kind is found by the content, which begins after the mark
        assert open_source(str(path)).info.kind == kind


@pytest.mark.parametrize("kind", list(TEXTS))
@pytest.mark.parametrize("head", [b"\xff\xfe\x31", b"\xfe\xff\x00", b"1\xe9\n", b"\x00\xff\x80\n"])
def test_bytes_that_are_no_text_are_called_so(tmp_path, kind, head):
    path = write(tmp_path, kind, "")
    path.write_bytes(head)
    with pytest.raises(SensorError, match="not a text file|line 1") as refused:
        open_source(f"{kind}:{path}")
    assert "\n" not in str(refused.value)


def peak(kind: str, path: Path) -> int:
    """Return the most memory that reading a file takes, bytes."""
    tracemalloc.start()
    try:
        for _ in open_source(f"{kind}:{path}").items():
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("kind", "head", "line"),
    [
        ("laban", "", laban_line),
        ("irds", "Version0.1\n", irds_line),
        ("ntu", "{frames}\n", lambda _k: f"1\n{BODY}\n"),
        ("ntu", "{frames}\n", lambda _k: "0\n"),
    ],
)
def test_memory_does_not_grow_with_the_length_of_a_file(tmp_path, kind, head, line):
    peaks = []
    for frames in (40, 40, 240):
        text = head.format(frames=frames) + "".join(map(line, range(frames)))
        peaks.append(peak(kind, write(tmp_path, kind, text)))
    assert peaks[2] < 1.2 * peaks[1] + 100_000
    assert peaks[2] < 3 << 20


def test_a_skeleton_of_empty_frames_takes_little_memory(tmp_path):
    """400 kB of frames without bodies took 1.2 GB."""
    frames = 20_000
    path = write(tmp_path, "ntu", f"{frames}\n" + "0\n" * frames)
    assert peak("ntu", path) < 3 << 20


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("ntu", "2\n1\n", f"{DIGITS}\n1\n"),
        ("ntu", "2\n1\n", f"2\n{DIGITS}\n"),
        ("ntu", "7205 ", f"{DIGITS} "),
        ("ntu", "7205 0 ", f"7205 {DIGITS} "),
        ("ntu", "\n25\n", f"\n{DIGITS}\n"),
        ("ntu", "2\n1\n", "²\n1\n"),
        ("ntu", "0.1 0.2 3.0", "0.1 0_2 3.0"),
        ("laban", "333333,", f"{DIGITS},"),
        ("laban", "2.0,2,", f"2.0,{DIGITS},"),
        ("laban", "333333,", "33_3333,"),
        ("irds", "0,5,0,", f"{DIGITS},5,0,"),
        ("irds", "0,5,0,", f"0,{DIGITS},0,"),
        ("irds", "0,5,0,", f"0,5,{DIGITS},"),
        ("irds", "Version0.1", DIGITS * 20),
    ],
)
def test_hostile_numbers_are_refused_in_one_short_line(tmp_path, kind, old, new):
    path = write(tmp_path, kind, TEXTS[kind].replace(old, new, 1))
    with pytest.raises(SensorError) as refused:
        open_source(f"{kind}:{path}")
    assert refused.value.exit_code == 2
    assert len(str(refused.value)) < len(str(path)) + 250
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "old"), [("ntu", "0.2 3.0"), ("laban", "0.5,2.0"), ("irds", "0.5,2.0")]
)
def test_a_number_too_large_for_float32_is_a_joint_without_a_place(tmp_path, kind, old):
    path = write(tmp_path, kind, TEXTS[kind].replace(old, old.replace(old[:3], DIGITS[:500])))
    row = next(iter(open_source(f"{kind}:{path}").items())).row
    assert not (row["joint_xyz_m"][0, 0, :, 1] < 1e30).any()


@pytest.mark.parametrize(
    "content",
    [
        f'{{"matrix": [[{DIGITS},0,0,0],[0,1,0,0],[0,0,1,0]]}}',
        '{"matrix": [[1e400,0,0,0],[0,1,0,0],[0,0,1,0]]}',
        '{"matrix": [["1",0,0,0],[0,1,0,0],[0,0,1,0]]}',
        '{"matrix": [[true,0,0,0],[0,1,0,0],[0,0,1,0]]}',
        '{"matrix": {"a": 1}}',
        '{"matrix": 3}',
        f'{{"fx_px": 1{"0" * 400}, "fy_px": 1, "cx_px": 1, "cy_px": 2}}',
        '{"fx_px": NaN, "fy_px": 1, "cx_px": 1, "cy_px": 2}',
        "[" * 100_000,
    ],
)
def test_hostile_projections_are_refused(tmp_path, content):
    log, file = write(tmp_path, "laban", TEXTS["laban"]), tmp_path / "p.json"
    file.write_text(content)
    with pytest.raises(SensorError, match="not valid JSON|holds no projection") as refused:
        open_source(f"laban:{log},projection={file}")
    assert len(str(refused.value)) < len(str(file)) + 250


def test_a_projection_may_have_a_byte_order_mark(tmp_path):
    log, file = write(tmp_path, "laban", TEXTS["laban"]), tmp_path / "p.json"
    named = {"fx_px": 1000, "fy_px": 1000, "cx_px": 960, "cy_px": 540}
    file.write_text(json.dumps(named), encoding="utf-8-sig")
    assert open_source(f"laban:{log},projection={file}").info.projection is not None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
@pytest.mark.parametrize("kind", list(TEXTS))
def test_a_pipe_or_a_folder_is_not_waited_for(tmp_path, kind):
    pipe = write(tmp_path, kind, "")
    pipe.unlink()
    os.mkfifo(pipe)
    for path in (pipe, tmp_path):
        with pytest.raises(SensorError, match="not a regular file|a folder"):
            open_source(f"{kind}:{path}")
    with pytest.raises(SensorError):
        open_source(str(pipe))


def test_a_sparse_file_of_a_terabyte_ends_at_once(tmp_path):
    for kind in TEXTS:
        path = write(tmp_path, kind, TEXTS[kind])
        with open(path, "r+b") as file:
            file.truncate(1 << 40)
        with pytest.raises(SensorError, match="longer than|more lines"):
            open_source(f"{kind}:{path}")
