"""csv: tables and maps that are damaged, foreign or hostile cost one line that names the place."""

import json
import tracemalloc
from pathlib import Path

import pytest

from kincap.capture.sources.joint_table.table_frames import TableReader
from kincap.capture.sources.joint_table.table_map import TableMap
from kincap.capture.sources.registry import open_source
from kincap.core.errors import SensorError
from tests.capture.sources.joint_table.made_tables import made_table
from tests.capture.sources.joint_table.test_maps import MAPS, toml_of, written

COLUMNS = MAPS["columns, seconds"]
TABLE = made_table(COLUMNS)
HEAD, *LINES = TABLE.splitlines()
MAP = toml_of(COLUMNS)
JOINT_LINES = MAPS["lines"]


def with_value(column: str, value: str, line: int = 5) -> str:
    """Return the table with another value in one place; ``line`` counts from 1."""
    words = LINES[line - 2].split(",")
    words[HEAD.split(",").index(column)] = value
    return "\n".join([HEAD, *LINES[: line - 2], ",".join(words), *LINES[line - 1 :]])


def refused(source: str, says: str) -> str:
    """Check that a source is refused in one line with exit code 2; return the line."""
    with pytest.raises(SensorError, match=says) as caught:
        open_source(source)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (with_value("Head_Y", "abc"), "line 5: column 12 'Head_Y': found 'abc', expected a number"),
        (with_value("Head_Y", "1_0"), "line 5: column 12 'Head_Y': found '1_0', expected a number"),
        (with_value("Head_Y", "1e308"), "line 5: column 12 'Head_Y': found '1e308', .*1000 m"),
        (with_value("Head_Y", "0x10"), "line 5: column 12 'Head_Y': found '0x10'"),
        (with_value("Head_Y", "9" * 400), r"line 5: column 12 'Head_Y': found '9+\.\.\.'"),
        (with_value("t", "nan"), "line 5: column 1 't': found 'nan', expected a time"),
        (with_value("t", ""), "line 5: column 1 't': found '', expected a time"),
        (with_value("t", "-1"), "line 5: column 1 't': found '-1', expected a time"),
        (with_value("t", "1e308"), "line 5: column 1 't': found '1e308', expected a time"),
        (with_value("t", "1e999999999"), "line 5: column 1 't': found '1e999999999'"),
        (with_value("t", "inf"), "line 5: column 1 't': found 'inf'"),
        (HEAD.replace("Head_X", "Haed_X") + TABLE[len(HEAD):], "line 1: .*'Haed_X': unknown joint "
         "'Haed'; did you mean Head?"),
        (HEAD.replace("Head_X", "Extra") + TABLE[len(HEAD):], "line 1: no column 'Head_X', which"),
        (HEAD.replace("Head_X", "Neck_X") + TABLE[len(HEAD):], "line 1: columns 8 and 11 are both"),
        (HEAD.replace("t,", "time,", 1) + TABLE[len(HEAD):], "line 1: no column 't' .time.column"),
        (HEAD, "holds no frames"),
        ("", "holds no frames"),
        ("\n\n", "line 1: is empty, expected the names"),
        (TABLE[:-60], "line 13: 7[0-9] values, expected 76; the line was cut"),
        (TABLE + "1,2,3\n", "line 14: 3 values, expected 76"),
        (TABLE.replace("\n", ",5\n").replace(",5", "", 1), "line 2: 77 values, expected 76"),
        ("\n".join([HEAD, "\0" * 40]), "line 2: holds zero bytes"),
        ("x" * 70_000, "line 1 is longer than 65536"),
        ("a,b,c\n1,2,3\n", "line 1: no column 't' .*the columns are 'a', 'b', 'c'; is the map for"),
    ],
)  # fmt: skip
def test_a_damaged_table_costs_one_line_that_names_line_and_column(tmp_path, table, says) -> None:
    line = refused(written(tmp_path, table, MAP), says)
    assert line.startswith(str(tmp_path / "table.csv"))


@pytest.mark.parametrize("word", ["nan", "NaN", "", "NA", "null", "inf", "-inf", "-1.#IND", "30"])
def test_a_place_that_is_none_is_a_joint_that_was_not_tracked(tmp_path, word) -> None:
    sensor = open_source(written(tmp_path, with_value("Head_Y", word), MAP))
    states = [item.row["joint_state"][0, 0] for item in sensor.items()]
    assert [int(row[3]) for row in states] == [3, 3, 3, 0, *[3] * 8]
    assert all(int(row[2]) == 3 for row in states)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_table_in_any_encoding_with_a_mark_is_read(tmp_path, encoding) -> None:
    source = written(tmp_path, "", MAP)
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    (tmp_path / "table.csv").write_bytes((mark + TABLE).encode(encoding))
    assert len(list(open_source(source).items())) == 12
    if mark:
        (tmp_path / "table.csv").write_bytes(TABLE.encode(encoding))
        refused(source, "holds zero bytes|not a text file")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('unit = "s"', 'unit = "ms"', 'frames are 3.3e-05 s apart by time.unit = "ms"; .* "s"?'),
        ('unit = "s"', 'unit = "us"', "of 12 lines have the time of an earlier one"),
        ('unit = "m"', 'unit = "mm"', 'm apart; did you mean joints.unit = "m"?'),
        ('unit = "m"', 'unit = "cm"', 'm apart; did you mean joints.unit = "m"?'),
    ],
)
def test_a_wrong_unit_is_refused_with_the_one_that_fits(tmp_path, old, new, says) -> None:
    refused(written(tmp_path, TABLE, MAP.replace(old, new)), says)


@pytest.mark.parametrize("word", ["25", "1:60:00", "2026-02-30 01:00:00", "1:00:00,5", "-1:00:00"])
def test_a_time_of_a_clock_that_is_none_is_refused(tmp_path, word) -> None:
    head, *lines = with_value("t", "9:00:00").splitlines()
    lines = [",".join([f"9:00:{k}", *line.split(",")[1:]]) for k, line in enumerate(lines)]
    lines[2] = ",".join([f'"{word}"', *lines[2].split(",")[1:]])
    content = MAP.replace('unit = "s"', 'unit = "clock"', 1)
    refused(written(tmp_path, "\n".join([head, *lines]), content), 'column 1 .* in "clock"')


def test_joints_in_another_order_are_refused(tmp_path) -> None:
    table_map = MAPS["order, spaces"]
    lines = [line.split() for line in made_table(table_map).splitlines()]
    moved = "\n".join(" ".join(line[30:] + line[:30]) for line in lines)
    refused(written(tmp_path, moved, toml_of(table_map)), "m apart; the map must name the joints")
    fewer = "\n".join(" ".join(line[:60]) for line in lines)
    refused(written(tmp_path, fewer, toml_of(table_map)), "line 1: 60 values, expected 75 or more")


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("26", "line 3: column 2 'joint': unknown joint '26'"),
        ("ankle left", None),
        ("AnkelLeft", "line 3: .*unknown joint 'AnkelLeft'; did you mean AnkleLeft?"),
        ("", "line 3: .*unknown joint ''"),
    ],
)
def test_a_joint_of_a_line_is_a_name_or_a_number(tmp_path, word, says) -> None:
    head, *lines = made_table(JOINT_LINES).splitlines()
    assert head.split(",")[2] == "joint"
    lines[1] = ",".join([*lines[1].split(",")[:2], word, *lines[1].split(",")[3:]])
    source = written(tmp_path, "\n".join([head, *lines]), toml_of(JOINT_LINES))
    if says is None:
        assert len(list(open_source(source).items())) == 12
    else:
        refused(source, says.replace("column 2", "column 3"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("[table]", "[tabel]"), r"unknown key 'tabel'; did you mean table\?"),
        (("[joints]", "[joints"), "not valid TOML"),
        (('unit = "s"', 'unit = "sec"'), "time.unit: found 'sec', expected one of s, ms, us"),
        (('unit = "s"', ""), "time.unit is missing"),
        (('column = "t"', ""), "time: expected either column and unit, or rate_hz"),
        (('column = "t"', "column = 0"), "time.column: found 0, expected a column's name"),
        (('column = "t"', "column = 99"), "line 1: time.column = 99: the line has 76 values"),
        (('form = "columns"', 'form = "wide"'), "joints.form: found 'wide', expected one of"),
        (('form = "columns"', 'form = "lines"'), "joints.joint is missing"),
        (('form = "columns"', 'form = "order"'), "joints: no x; the form 'order' needs x, y and z"),
        (('x = "{joint}_X"', 'x = "X"'), "joints.x: found 'X', expected a name with {joint}"),
        (('x = "{joint}_X"', 'xx = "{joint}_X"'), "unknown key 'joints.xx'"),
        (('x = "{joint}_X"', 'x = "{joint}_X"\nu = "{joint}_U"'), "some of u, v are missing"),
        (('x = "{joint}_X"', 'x = "{joint}_X"\nnames = {a = "Nose"}'), "'a' = 'Nose', expected"),
        (("header_line = 1", "header_line = -1"), "header_line: found -1, expected a whole number"),
        (("header_line = 1", "header_line = true"), "header_line: found True"),
        (("header_line = 1", "header_line = 0"), "header_line = 0: the table has no names"),
        (('separator = ","', 'separator = "|"'), "table.separator: found '|', expected one of"),
        (("[joints]", "[states]\nseen = 5\n[joints]"), "states: 'seen' = 5, expected 0"),
        (("[joints]", "[image]\nsize_px = [1, 2]\n[joints]"), "image.size_px: found"),
        (("[joints]", "[image]\nmirrored = 1\n[joints]"), "image.mirrored: found 1"),
        (("[joints]", "[joints]\npartial = 1"), "joints.partial: found 1, expected true or false"),
    ],
)
def test_a_map_that_makes_no_sense_costs_one_line(tmp_path, change, says) -> None:
    assert change[0] in MAP
    refused(written(tmp_path, TABLE, MAP.replace(*change, 1)), says)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("csv:{t}", "its columns are not those of KinectMultiTrack or KERAAL.*map=FILE.toml"),
        ("csv:{t},map={d}/none.toml", "none.toml: no such file; expected a TOML file"),
        ("csv:{d},map={m}", "a folder; expected a table of joints"),
        ("csv:{t},map={t}", "table.csv: not valid TOML"),
        ("csv:{t},map={m},mirrored=maybe", "mirrored=maybe; expected yes or no"),
        ("csv:{t},map={m},sensor=3", "sensor=3, but the table has no column for sensors"),
        ("csv:{t},map={m},frames=3", "unknown key 'frames'; the keys are: map, sensor"),
        ("csv:{t},map={m},offset_ms=3", "offset_ms= is of use with a video only"),
        ("csv:{t},map={m},video={m}", "map.toml: not a video of a known kind"),
        ("csv:{t},map={m},video={d}", "a folder; expected a video"),
        ("csv:{t},map={m},video=none.mp4", "none.mp4: no such file; expected a video"),
        ("csv:{d}/none.csv", "none.csv: no such file; expected a table of joints"),
    ],
)
def test_options_that_make_no_sense_cost_one_line(tmp_path, source, says) -> None:
    written(tmp_path, TABLE, MAP)
    names = {"t": tmp_path / "table.csv", "m": tmp_path / "map.toml", "d": tmp_path}
    refused(source.format(**names), says)


def test_sensors_of_a_table_are_told_apart(tmp_path) -> None:
    table_map = TableMap("m", ",", time="t", columns=COLUMNS.columns, sensor="from")
    content = toml_of(table_map) + '[sensor]\ncolumn = "from"\n'
    head, *one = made_table(table_map, sensor="A").splitlines()
    _, *other = made_table(table_map, sensor="B", frames=5).splitlines()
    lines = [line for k, line in enumerate(one) for line in (line, *other[k : k + 1])]
    source = written(tmp_path, "\n".join([head, *lines]), content)
    refused(source, "holds 2 sensors: A, B; each is a session of its own: add ,sensor=A")
    refused(f"{source},sensor=C", "has no sensor 'C', only A, B")
    assert len(list(open_source(f"{source},sensor=B").items())) == 5
    assert open_source(f"{source},sensor=A").info.device_id == "csv:A"


def peak_memory(path: Path, table_map: TableMap) -> int:
    """Return the most memory in use while a table is read, bytes."""
    reader = TableReader(path, table_map)
    tracemalloc.start()
    try:
        for _ in reader.frames():
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_length_of_a_table(tmp_path) -> None:
    head, *lines = made_table(JOINT_LINES, frames=40).splitlines()
    peaks = []
    for copies in (2, 8):
        path = tmp_path / f"{copies}.csv"
        text = (
            line.replace(line.split(",")[0], f"{1000 + 2000 * copy + k // 25 * 33}", 1)
            for copy in range(copies)
            for k, line in enumerate(lines)
        )
        path.write_text("\n".join([head, *text]))
        peaks.append(peak_memory(path, JOINT_LINES))
    assert peaks[1] < 1.2 * peaks[0] + 100_000


def test_the_command_records_a_table_and_refuses_a_damaged_one_in_one_line(
    tmp_path, kincap
) -> None:
    source = written(tmp_path, TABLE, MAP)
    done = kincap("record", "--session", "walk", "--source", source, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["body_frames"], told["color_frames"]) == (0, 12, 0)
    assert any("no tracking states" in line for line in told["warnings"])
    source = written(tmp_path, with_value("Head_Y", "1e308"), MAP)
    refusal = kincap("record", "--session", "again", "--source", source)
    assert (refusal.returncode, refusal.stdout, refusal.stderr.count("\n")) == (2, "", 1)
    assert "line 5: column 12 'Head_Y': found '1e308'" in refusal.stderr
    assert not (tmp_path / "recordings" / "again").exists()
