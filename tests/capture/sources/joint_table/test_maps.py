"""csv: any table of joints, read by a map; the maps that docs/sources.md shows."""

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.capture.sources.joint_table.known_tables import KNOWN_TABLES
from kincap.capture.sources.joint_table.map_file import load_map
from kincap.capture.sources.joint_table.table_map import TableMap
from kincap.capture.sources.registry import kind_of, open_source
from kincap.capture.sources.sensor import BodyFrame
from kincap.core.errors import SensorError
from kincap.core.skeleton import JOINT, TrackingState
from kincap.sessions.reader import SessionReader
from kincap.sessions.repair.verify import verify_session
from tests.capture.sources.joint_table.made_tables import (
    ORIENTATION,
    STEP_100NS,
    made_table,
    pixel,
    place,
)

ROOT = Path(__file__).resolve().parents[4]
PAGE = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^```toml\n# (\w+)\.toml: ([^\n]*)\n(.*?)^```$", PAGE, re.M | re.S)
"""Name, columns and content of each map on the page."""


def rows_of(source: str) -> np.ndarray:
    """Return all body rows that a source gives."""
    sensor = open_source(source)
    return np.concatenate([i.row for i in sensor.items() if isinstance(i, BodyFrame)])


def written(tmp_path: Path, table: str, content: str | None = None) -> str:
    """Write a table, and a map for it; return the source."""
    (tmp_path / "table.csv").write_text(table, encoding="utf-8")
    if content is None:
        return f"csv:{tmp_path / 'table.csv'}"
    (tmp_path / "map.toml").write_text(content, encoding="utf-8")
    return f"csv:{tmp_path / 'table.csv'},map={tmp_path / 'map.toml'}"


def check_rows(rows: np.ndarray, table_map: TableMap, frames: int = 12) -> None:
    """Check that rows say what ``made_table`` wrote."""
    assert len(rows) == frames
    assert rows["tracked"].tolist() == [[1, 0, 0, 0, 0, 0]] * frames
    for k, row in enumerate(rows):
        at = np.array([place(k, joint) for joint in range(25)])
        assert np.allclose(row["joint_xyz_m"][0], at, atol=2e-6)
    if table_map.time is not None:
        steps = np.diff(rows["time_device"])
        assert np.abs(steps - STEP_100NS).max() <= 1
        assert rows["time_device"][0] == 10_000_000


def test_the_page_shows_a_map_of_each_form() -> None:
    assert {name for name, *_ in SHOWN} == {"columns", "order", "lines"}


@pytest.mark.parametrize(("name", "columns", "content"), SHOWN, ids=[one[0] for one in SHOWN])
def test_the_maps_of_the_page_read_a_table_with_their_columns(
    tmp_path, name, columns, content
) -> None:
    (tmp_path / "map.toml").write_text(content, encoding="utf-8")
    table_map = load_map(tmp_path / "map.toml")
    words = {0: "lost", 1: "guessed"} if name == "columns" else {0: "0", 1: "1"}
    seen = "seen" if name == "columns" else "2"
    table = made_table(table_map, state=lambda _frame, joint: words.get(joint, seen))
    if name == "columns":
        head, *lines = table.splitlines()
        assert "HipCentre X" in head
        table = "\n".join([f"{head};Chest X", *(f"{line};0.5" for line in lines)])
    shown = re.split(r"[;,]", columns.partition("...")[0])
    if name != "order":
        head = table.splitlines()[0].replace("HipCentre", "Head")
        assert all(word.strip() in head for word in shown)
    rows = rows_of(written(tmp_path, table, content))
    states = rows["joint_state"][:, 0]
    if name == "order":
        assert (states == TrackingState.unknown).all()
        assert np.abs(np.diff(rows["time_device"]) - 10_000_000 / 15).max() <= 1
    else:
        assert (states[:, :3] == [0, 1, 2]).all()
        assert np.isnan(rows["joint_xyz_m"][:, 0, 0]).all()
    if name == "lines":
        assert np.allclose(rows["joint_orientation"][:, 0, 1:], list(ORIENTATION.values()))
    # a joint that the table calls lost has no place
    first = 0 if name == "order" else 1
    for k, row in enumerate(rows):
        at = np.array([place(k, joint) for joint in range(first, 25)])
        assert np.allclose(row["joint_xyz_m"][0, first:], at, atol=2e-6)


PLACES = {"x": "{joint}_X", "y": "{joint}_Y", "z": "{joint}_Z"}
MAPS = {
    "columns, seconds": TableMap("m", ",", time="t", columns=PLACES),
    "microseconds, centimetres": TableMap(
        "m", ";", time="t", time_unit="us", columns=PLACES, length_unit="cm"
    ),
    "decimal commas": TableMap("m", ";", time="t", columns=PLACES, decimal=","),
    "tabs, nanoseconds": TableMap("m", "\t", time="t", time_unit="ns", columns=PLACES),
    "order, time, 100 ns": TableMap(
        "m", ",", header_line=0, time=1, time_unit="100ns", form="order", first=2,
        values=("x", "y", "z", "state"),
    ),
    "order, spaces": TableMap("m", " ", header_line=0, form="order", values=("x", "y", "z")),
    "lines": TableMap(
        "m", ",", time="t", time_unit="ms", form="lines", joint="joint",
        columns={"x": "x", "y": "y", "z": "z"}, body="who",
    ),
    "pixels": TableMap(
        "m", ",", time="t", columns={**PLACES, "u": "{joint}_U", "v": "{joint}_V"}, body="who"
    ),
}  # fmt: skip


def toml_of(table_map: TableMap) -> str:
    """Return a map as a TOML file says it."""
    names = {",": ",", ";": ";", "\t": "tab", " ": "space"}
    table = f'separator = "{names[table_map.separator]}"\ndecimal = "{table_map.decimal}"\n'
    head = f"[table]\n{table}header_line = {table_map.header_line}\n"
    time = f"column = {json.dumps(table_map.time)}\nunit = {json.dumps(table_map.time_unit)}\n"
    time = "[time]\n" + (time if table_map.time is not None else "rate_hz = 30\n")
    joints = f'[joints]\nform = "{table_map.form}"\nunit = "{table_map.length_unit}"\n'
    joints += "".join(f"{v} = {json.dumps(c)}\n" for v, c in table_map.columns.items())
    if table_map.form == "order":
        joints += f"values = {json.dumps(table_map.values)}\nfirst = {table_map.first}\n"
    if table_map.joint is not None:
        joints += f"joint = {json.dumps(table_map.joint)}\n"
    body = "" if table_map.body is None else f"[body]\ncolumn = {json.dumps(table_map.body)}\n"
    return head + time + joints + body


@pytest.mark.parametrize("name", MAPS)
def test_a_table_of_any_form_and_unit_says_the_same(tmp_path, name) -> None:
    table_map = MAPS[name]
    source = written(tmp_path, made_table(table_map), toml_of(table_map))
    rows = rows_of(source)
    check_rows(rows, table_map)
    has_states = "state" in (*table_map.values, *table_map.columns)
    assert (rows["joint_state"][:, 0] == (2 if has_states else TrackingState.unknown)).all()
    assert (rows["tracking_id"][:, 0] == (7 if table_map.body else 1)).all()
    if name == "pixels":
        found = rows["joint_color_px"][:, 0]
        told = [[pixel(k, joint) for joint in range(25)] for k in range(12)]
        assert np.allclose(found, told, atol=1e-3)
        assert open_source(source).info.projection is None
    else:
        assert open_source(source).info.projection["estimated"] is True


@pytest.mark.parametrize("known", [t for t in KNOWN_TABLES if "not tried" in t.note])
def test_a_table_of_another_program_is_recognised_and_said_to_be_untried(tmp_path, known) -> None:
    state = {"LSL-Kinect": "0.5", "XEFExtract": "INFERRED", "KiMoRe": "1"}.get(known.name, "")
    table = made_table(known.map, state=lambda *_: state, body="72057594037931485")
    if known.name == "XEFExtract":
        names = ["EventIndex", "Time", "SkeletonId", "HandLeftConfidence", *["-"] * 228]
        lines = [line.split(",") for line in table.splitlines()[1:]]
        rest = [["1", line[0], line[1], "LOW", "OPEN", "LOW", "OPEN", *line[7:]] for line in lines]
        table = "\n".join(",".join(line) for line in [names, *rest])
    elif known.name == "LSL-Kinect":
        table = "Software : LSL_Kinect,Version : 1" + table
    elif known.name == "KiMoRe":
        table = "\n" + table.replace("\n", ",\n\n")
    source = written(tmp_path, table)
    assert kind_of(tmp_path / "table.csv").name == "csv"
    sensor = open_source(source)
    assert any(known.note in line for line in sensor.info.warnings)
    assert sensor.info.tags == (known.name,)
    rows = rows_of(source)
    check_rows(rows, known.map)
    expected = TrackingState.inferred if state else TrackingState.unknown
    assert (rows["joint_state"][:, 0] == expected).all()
    if known.name == "XEFExtract":
        assert (rows["tracking_id"][:, 0] == 72057594037931485).all()
        assert np.allclose(rows["joint_orientation"][:, 0], list(ORIENTATION.values()))


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        (("00:00:59.9", "00:01:00.0333333", "0:1:0.1"), (59.9, 60.0333333, 60.1)),
        (("2026-11-29 23:59:59.99", "2026-11-30T00:00:00.02Z"), (0, 0.03)),
        (("2024-02-28 23:59:59.99", "2024-02-29 00:00:00.02"), (0, 0.03)),
    ],
)
def test_times_of_a_clock_are_read_with_or_without_a_date(tmp_path, words, seconds) -> None:
    table_map = MAPS["columns, seconds"]
    content = toml_of(table_map).replace('unit = "s"', 'unit = "clock"', 1)
    head, *lines = made_table(table_map, frames=len(words)).splitlines()
    lines = [",".join([w, *line.split(",")[1:]]) for w, line in zip(words, lines, strict=True)]
    source = written(tmp_path, "\n".join([head, *lines]), content)
    times = rows_of(source)["time_device"]
    first = times[0] - round(seconds[0] * 1e7) if words[0].startswith("2") else 0
    assert (times - first).tolist() == [round(s * 1e7) for s in seconds]


def test_a_recorded_table_is_a_whole_session_with_the_maps_choices(tmp_path) -> None:
    table_map = MAPS["columns, seconds"]
    source = written(
        tmp_path, made_table(table_map), toml_of(table_map) + "[image]\nmirrored=false"
    )
    done = record(RecordSettings("walk", tmp_path / "recordings", source))
    assert done.body_frames == 12
    assert any("no tracking states" in line for line in done.warnings)
    assert verify_session(done.path).ok
    with SessionReader(done.path) as reader:
        assert (reader.bodies["joint_state"][:, 0] == TrackingState.unknown).all()
        assert reader.info.device.mirrored is False
        # the person's left is on the left of a mirrored image, so on the right of this one
        left, right = (reader.bodies["joint_color_px"][:, 0, JOINT[n], 0]
                       for n in ("HipLeft", "HipRight"))  # fmt: skip
        assert (left > right).all()
    as_in_a_mirror = rows_of(f"{source},mirrored=yes")["joint_color_px"][:, 0]
    plain = rows_of(source)["joint_color_px"][:, 0]
    assert np.allclose(as_in_a_mirror[..., 0], 1919 - plain[..., 0], atol=1e-3)


def test_lines_out_of_order_and_repeated_ones_are_put_right_and_counted(tmp_path) -> None:
    table_map = MAPS["columns, seconds"]
    head, *lines = made_table(table_map).splitlines()
    changed = lines[4].split(",")
    changed[1] = "9.5"
    mixed = [*lines[:4], lines[2], lines[5], lines[4], ",".join(changed), *lines[6:]]
    source = written(tmp_path, "\n".join([head, *mixed]), toml_of(table_map))
    check_rows(rows_of(source), table_map)
    said = " ".join(open_source(source).info.warnings)
    assert "earlier one, left out: 2, 1 of them with other places" in said
    assert "logged late, put in the order of their times: 1" in said


def test_a_clock_that_restarts_begins_a_new_take(tmp_path) -> None:
    table_map = MAPS["columns, seconds"]
    head, *lines = made_table(table_map, frames=80).splitlines()
    source = written(tmp_path, "\n".join([head, *lines, *lines]), toml_of(table_map))
    done = record(RecordSettings("twice", tmp_path / "recordings", source))
    assert done.body_frames == 160
    with SessionReader(done.path) as reader:
        assert np.bincount(reader.bodies["take"]).tolist() == [80, 80]
    several = written(tmp_path, "\n".join([head, *lines * 11]), toml_of(table_map))
    with pytest.raises(SensorError, match="line .*are there several sensors in the table"):
        open_source(several)


def test_each_body_of_a_table_has_a_slot_of_its_own(tmp_path) -> None:
    table_map = TableMap("m", ",", time="t", columns=PLACES, body="who")
    head, *first = made_table(table_map, body="anna").splitlines()
    _, *second = made_table(table_map, frames=9, body="bert").splitlines()
    lines = [line for k, one in enumerate(first) for line in (one, *second[k : k + 1])]
    rows = rows_of(written(tmp_path, "\n".join([head, *lines]), toml_of(table_map)))
    assert rows["tracked"][:, :2].tolist() == [[1, 1]] * 9 + [[1, 0]] * 3
    assert rows["tracking_id"][0, :2].tolist() == [1, 2]
    crowd = [line.replace("anna", f"p{k}") for line in first[:1] for k in range(7)]
    with pytest.raises(SensorError, match="line 8: a 7th body"):
        open_source(written(tmp_path, "\n".join([head, *crowd]), toml_of(table_map)))


def test_a_table_of_some_joints_is_read_where_the_map_allows_it(tmp_path) -> None:
    table_map = MAPS["columns, seconds"]
    lines = [line.split(",")[: 1 + 3 * 12] for line in made_table(table_map).splitlines()]
    table = "\n".join(",".join(line) for line in lines)
    with pytest.raises(SensorError, match=r"line 1: no column 'HipLeft_X'.*joints.partial"):
        open_source(written(tmp_path, table, toml_of(table_map)))
    content = toml_of(table_map).replace("[joints]\n", "[joints]\npartial = true\n")
    states = rows_of(written(tmp_path, table, content))["joint_state"][:, 0]
    assert (states[:, :12] == TrackingState.unknown).all()
    assert not states[:, 12:].any()


def test_the_help_of_maps_is_valid_toml() -> None:
    for _, _, content in SHOWN:
        assert tomllib.loads(content)["joints"]
