"""The end-to-end report, and the comparison with the sensor it is made of."""

import json

import numpy as np
import pytest

from kincap.engines.detection import Detection
from kincap.predict.accuracy.agreement import Agreement
from kincap.predict.accuracy.end_to_end import DetectorCounts, EndToEndSettings, end_to_end
from kincap.predict.sources.frame_source import SensorPose
from kincap.predict.tracks import TrackedPerson
from tests.predict.accuracy.test_steadiness import BODY
from tests.predict.conftest import Waving

SIZE = np.array([640.0, 480.0])


def sensor(x: float = 300.0) -> SensorPose:
    return SensorPose(BODY + [x, 200], np.ones(13, bool))


def person(x: float = 300.0, number: int = 1) -> TrackedPerson:
    return TrackedPerson(number, np.zeros(4), "detector", 1.0, BODY + [x, 200], np.ones(13))


def test_a_missed_person_counts_as_wrong_beside_the_found_ones():
    agreement = Agreement()
    for k in range(10):
        agreement.add([] if k < 3 else [person()], [sensor()])
    found = agreement.to_json()
    assert (found["people"], found["missed"], found["extra"]) == (10, 3, 0)
    assert found["pck"]["0.2"]["all"] == pytest.approx(70)
    assert found["pck_found"]["0.2"]["all"] == 100


def test_each_person_of_the_sensor_gets_one_person_and_the_others_are_extra():
    agreement = Agreement()
    agreement.add([person(300, 1), person(500, 2), person(900, 3)], [sensor(505), sensor(302)])
    found = agreement.to_json()
    assert (found["people"], found["missed"], found["extra"]) == (2, 0, 1)
    agreement.add([person(300)], [sensor(301), sensor(305)])
    assert agreement.to_json()["missed"] == 1


def test_the_running_figures_are_of_the_last_frames():
    agreement = Agreement()
    for k in range(400):
        agreement.add([] if k < 100 else [person()], [sensor()])
    assert "@0.2 100.0" in agreement.running_text()


def test_detections_are_counted_as_in_the_paper():
    low, high = BODY.min(axis=0) + [300, 200], BODY.max(axis=0) + [300, 200]
    counts = DetectorCounts()
    counts.add([Detection(np.concatenate([low, high]), 1.0)], [sensor()], SIZE)  # IoU 1 / 1.44
    away = np.concatenate([low + 60, high + 60])
    counts.add([Detection(away, 0.9)], [sensor()], SIZE)
    counts.add([], [sensor()], SIZE)
    counts.add([Detection(away, 0.9)], [], SIZE)
    found = counts.to_json()
    assert (found["detections"], found["false"]) == (3, 2)
    assert (found["frames"], found["missed"]) == (3, 2)
    assert found["fp_rate"] == pytest.approx(66.667)
    assert DetectorCounts().to_json()["fp_rate"] is None


def test_the_whole_report_on_a_session(waving: Waving):
    found = end_to_end(EndToEndSettings(waving.net, waving.session)).to_json()
    assert found["frames"] == found["poses"]["frames"]
    assert found["poses"]["pck"]["0.2"]["all"] > 60
    assert found["detector"]["fn_rate"] == 0
    assert set(found["stages_ms"]) == {"detector", "pose", "rest", "all"}
    assert abs(found["raw"]["lag_s"]) < 0.04
    assert found["smoothed"]["lag_s"] > found["raw"]["lag_s"]


def test_the_command_prints_the_report(waving: Waving):
    done = waving.kincap(
        "evaluate", waving.net, "--end-to-end", waving.session, "--detector", "whole", "--json"
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["schema"] == "kincap/end-to-end/1"
    assert report["detector"]["fp_rate"] == 100  # the whole picture is not the person
