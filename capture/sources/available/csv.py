"""The source ``csv``: joints in a text file, whose columns a map names."""

from pathlib import Path
from typing import TYPE_CHECKING

from ....core.errors import SensorError
from ..source import Source, SourceSpec
from ..video.keys import VIDEO_KEYS

if TYPE_CHECKING:
    from ..sensor import Sensor


def _open(spec: SourceSpec) -> "Sensor":
    from ..joint_table.table_sensor import JointTableSensor

    return JointTableSensor(spec)


def _is_known_table(path: Path) -> bool:
    if not path.is_file():
        return False
    from ..joint_table.known_tables import known_table

    try:
        return known_table(path) is not None
    except SensorError:
        return False


def _sensors(spec: SourceSpec) -> list[tuple[str, str]]:
    """Return a recording for each sensor, numbered by the order of their ids."""
    from ..joint_table.table_sensor import sensors_in

    found = [] if "sensor" in spec.options else sensors_in(spec)
    return [(f"sensor{k}", f"sensor={name}") for k, name in enumerate(found, 1)]


SOURCE = Source(
    name="csv",
    argument="FILE.csv",
    gives="bodies, colour of a video beside it",
    help="joints in a text file of any recorder, by a map that names its columns; tables of "
    "KinectMultiTrack, KERAAL, LSL-Kinect, XEFExtract, KiMoRe and PKU-MMD need no map",
    open=_open,
    keys={
        "map": "a TOML file that names the columns",
        "sensor": "id of the sensor, where a file holds several",
        "mirrored": "yes or no: whether the colour image is as a mirror shows it; yes if not given",
        "projection": "a JSON file with the projection to colour pixels",
        **VIDEO_KEYS,
    },
    is_of_kind=_is_known_table,
    parts=_sensors,
)
