"""``kincap sessions forget``: everything of a person goes, nothing of others does, and it shows."""

import json
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from kincap.core.errors import KincapError, SessionError
from kincap.core.files.fault_injection import Fault, FaultyFileIO
from kincap.core.files.file_io import LockFile
from kincap.core.png import mark_png
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.export.export import ExportSettings, export
from kincap.dataset.forget.forget import ForgetResult, forget
from kincap.dataset.forget.plan import ForgetSettings, plan_forget
from kincap.dataset.forget.remaining_rows import rows_of_person
from kincap.dataset.forget.words import Words
from kincap.dataset.kinect13.format import FIELDS
from kincap.dataset.kinect13.reader import SPLITS, open_kinect13, plain_meta, write_kinect13
from kincap.sessions.edits.journal import add_edit
from kincap.sessions.folders import find_sessions
from kincap.sessions.lock import SessionLock
from kincap.sessions.session_file import load_session, save_session
from kincap.train.evaluation.sheet import MAKER
from tests.dataset.conftest import Body, Frame, Sessions

Run = Callable[..., subprocess.CompletedProcess[str]]
ANNA = ("uuid-of-shirt", "uuid-of-dress")


@dataclass(frozen=True)
class Place:
    """A folder with recordings, a data set, an export, a net and a log."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "set.h5"

    def settings(self, subject: str = "anna") -> ForgetSettings:
        return ForgetSettings(subject, self.folder / "recordings", folder=self.folder)

    def forget(self, subject: str = "anna", io: FaultyFileIO | None = None) -> ForgetResult:
        asked = self.settings(subject)
        return forget(asked, plan_forget(asked, io), io=io)

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file()
        }

    def names_anna(self) -> list[str]:
        words = [*(uuid.encode() for uuid in ANNA), b"anna"]
        return sorted(
            name for name, raw in self.files().items() if any(word in raw for word in words)
        )


def walk(count: int) -> list[Frame]:
    return [Frame((Body(x=120 + 60 * k / count),)) for k in range(count)]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that nobody may write to."""
    folder = tmp_path_factory.mktemp("forget")
    made = Sessions(folder / "recordings")
    for name, subject in (("shirt", "anna"), ("dress", "anna"), ("coat", "bert"), ("val", "cleo")):
        made(name, walk(8), subject=subject, outfit=f"{name} of wool")
        add_edit(made.recordings / name, "reject", 0, 0, "blurred")
    build(BuildSettings(out=folder / "set.h5", recordings=made.recordings, size=64, workers=1,
                        val="val*", bodies="all", margin=1.5))  # fmt: skip
    export(ExportSettings(folder / "set.h5", "coco", folder / "labels"))
    run = folder / "runs" / "finetune" / "one"
    run.mkdir(parents=True)
    (run / "best.ckpt").write_bytes(b"PK\0\0 trained on uuid-of-shirt")
    return folder


@pytest.fixture
def place(pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Return a copy of the folder, with logs of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    logs = tmp_path / "state" / "kincap" / "log"
    logs.mkdir(parents=True)
    (logs / "record.log").write_text("asked: session=shirt subject=anna\nasked: session=coat\n")
    subprocess.run(["cp", "-r", pristine, tmp_path / "place"], check=True)
    return Place(tmp_path / "place")


def test_everything_of_a_person_goes_and_nothing_of_others(place: Place, tmp_path: Path) -> None:
    before = place.files()
    assert set(place.names_anna()) > {"set.h5", "set.h5.json", "recordings/shirt/session.json"}
    done = place.forget()
    assert (done.proven, done.rows_left, done.mentions) == (True, 0, [])
    assert find_sessions(place.folder / "recordings") == ["coat", "val"]
    assert [path.name for path in (place.folder / "recordings").iterdir() if "." in path.name] == []
    # what is left of the person is the net, which is named
    assert place.names_anna() == ["runs/finetune/one/best.ckpt"]
    assert [one.path.name for one in done.checkpoints] == ["best.ckpt"]
    assert not (place.folder / "labels").exists()
    after = place.files()
    others = [name for name in before if name.startswith(("recordings/coat", "recordings/val"))]
    assert others
    assert all(after[name] == before[name] for name in others if not name.endswith("lock"))
    log = (tmp_path / "state" / "kincap" / "log" / "record.log").read_text()
    assert log == "asked: session=(forgotten) subject=(forgotten)\nasked: session=coat\n"
    with pytest.raises(SessionError, match="subjects of .*: bert, cleo"):
        plan_forget(place.settings())


def test_other_rows_are_the_same_bit_for_bit(place: Place, pristine: Path) -> None:
    done = place.forget()
    assert done.plan.rows == 14
    with open_kinect13(pristine / "set.h5") as old, open_kinect13(place.data) as new:
        assert (old.splits, old.margin, old.size) == (new.splits, new.margin, new.size)
        theirs = [k for k, name in enumerate(old.meta.sessions) if name in ("shirt", "dress")]
        for name in SPLITS[:2]:
            before, after = old.split(name), new.split(name)
            kept = np.flatnonzero(~np.isin(before.session, theirs))
            assert 0 < len(kept) == len(after)
            for field in FIELDS:
                assert getattr(before, field)[kept].tobytes() == getattr(after, field).tobytes()
            pictures = after.wide_images(np.arange(len(after)))
            assert before.wide_images(kept).tobytes() == pictures.tobytes()
            assert [old.meta.sessions[k] for k in before.session[kept]] == [
                new.meta.sessions[k] for k in after.session
            ]
        counts, counts_before = new.meta.counts, old.meta.counts
        assert counts["splits"] == {name: len(new.split(name)) for name in new.splits}
        assert counts["kept"] == sum(counts["splits"].values()) == counts_before["kept"] - 14
        assert counts["candidates"] == counts_before["candidates"] - 16
        assert counts["rejected"]["edits"] == counts_before["rejected"]["edits"] - 2
        assert counts["forgotten"] == {"sessions": 2, "rows": 14}
        assert set(counts["sessions"]) == {"coat", "val"}
        assert [one for one in new.meta.sources if one["session"] in ("coat", "val")] == [
            one for one in old.meta.sources if one["session"] in ("coat", "val")
        ]
        text = json.dumps([new.meta.sources, counts, new.meta.settings, new.meta.sessions])
    assert not any(word in text for word in ("shirt", "dress", "anna"))
    # the files beside it are made again
    about = json.loads((place.folder / "set.h5.json").read_text())
    assert about["counts"] == counts
    assert "shirt" not in (place.folder / "set.h5.html").read_text()
    assert (place.folder / "set.h5.png").read_bytes() != (pristine / "set.h5.png").read_bytes()
    assert "2</b><span>sessions or sets" in (place.folder / "set.h5.html").read_text()
    # and the rewritten data set can be forgotten from, exported and reported again
    again = place.forget("bert")
    assert (again.proven, again.plan.rows) == (True, 7)
    export(ExportSettings(place.data, "yolo", place.folder / "labels2"))


def test_a_data_set_without_any_other_row_is_deleted(place: Place) -> None:
    for who in ("bert", "cleo", "anna"):
        assert place.forget(who).proven
    assert sorted(name for name in place.files() if name.startswith("set.h5")) == ["set.h5.lock"]


def test_labels_that_a_teacher_gave_to_the_person_go_too(place: Place) -> None:
    made = place.folder / "runs" / "distilled" / "shirt.h5"
    made.parent.mkdir()
    names = ("shirt", "000-film.mp4")
    sources = [{"session": names[0], "uuid": ANNA[0], "labels": "teacher"},
               {"session": names[1], "labels": "teacher"}]  # fmt: skip
    columns = {
        "images": np.zeros((6, 24, 24, 3), np.uint8), "keypoints_px": np.full((6, 13, 2), 5.0),
        "session": np.arange(6) % 2,
    }  # fmt: skip
    write_kinect13(made, {"train": columns}, replace(plain_meta(names), sources=sources))
    done = place.forget()
    assert done.proven
    with open_kinect13(made) as dataset:
        assert len(dataset.split("train")) == 3
        assert "shirt" not in dataset.meta.sessions


@pytest.mark.parametrize(("kind", "number"), [("rename", 3), ("rename", 9), ("create", 3)])
def test_an_interrupted_run_is_gone_on_with(kind: str, number: int, place: Place) -> None:
    with pytest.raises((KincapError, OSError)) as caught:
        place.forget(io=FaultyFileIO([Fault(kind, "eio", number, number)]))
    assert getattr(caught.value, "exit_code", 1) == 1
    assert place.forget().proven
    assert place.names_anna() == ["runs/finetune/one/best.ckpt"]
    assert find_sessions(place.folder / "recordings") == ["coat", "val"]
    with open_kinect13(place.data) as data:
        assert len(data.split("train")) == 7
    assert (place.folder / "set.h5.png").exists()
    assert not list((place.folder / "recordings").glob(".*"))


def test_a_killed_run_says_what_is_done(place: Place, kincap: Run) -> None:
    killed = kincap("sessions", "forget", "anna", "--yes", cwd=place.folder,
                    KINCAP_FAULTS="rename:kill:7")  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    done = kincap("sessions", "forget", "anna", "--yes", "--json", cwd=place.folder)
    assert done.returncode == 0, done.stderr
    assert "done by an earlier run: set.h5: 14 rows removed" in done.stderr
    said = json.loads(done.stdout)
    assert said["schema"] == "kincap/forget/1"
    assert said["proof"]["proven"] is True
    assert said["done"][0] == "set.h5: 14 rows removed"
    assert said["checkpoints"] == ["runs/finetune/one/best.ckpt"]
    assert place.names_anna() == ["runs/finetune/one/best.ckpt"]


def test_it_lists_and_asks_first(place: Place, kincap: Run) -> None:
    before = place.files()
    done = kincap("sessions", "forget", "anna", cwd=place.folder)
    assert done.returncode == 2
    for text in ("session recordings/shirt", "data set set.h5: 14 of 28 rows",
                 "export labels: 14 pictures", "best.ckpt: trained on them", "--yes"):  # fmt: skip
        assert text in done.stderr
    # an export that is deleted as a whole is not also said to be left as it is
    assert "NOT changed" not in done.stderr
    assert place.files() == before


def test_a_subject_in_another_encoding_is_found_as_record_stored_it(place: Place) -> None:
    folder = place.folder / "recordings" / "val"
    info = load_session(folder)
    info.subject = "Zoé"
    save_session(folder, info)
    plan = plan_forget(place.settings("Zo\udce9"))
    assert (plan.subject, [one.folder.name for one in plan.sessions]) == ("Zoé", ["val"])


def test_a_session_in_use_is_refused(place: Place) -> None:
    before = place.files()
    lock = SessionLock(place.folder / "recordings" / "dress").acquire("kincap record")
    with lock, pytest.raises(SessionError, match=r"dress: in use .*kincap record"):
        plan_forget(place.settings())
    busy = LockFile(place.folder / "set.h5.lock")
    assert busy.try_acquire()
    with pytest.raises(KincapError, match="is being built"):
        plan_forget(place.settings())
    busy.release()
    assert {n: raw for n, raw in place.files().items() if "lock" not in n} == {
        n: raw for n, raw in before.items() if "lock" not in n
    }


def test_what_it_must_not_change_is_named_and_fails_the_proof(place: Place, kincap: Run) -> None:
    (place.folder / "predictions.json").write_text('[{"session_uuid": "uuid-of-dress"}]')
    sheet = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    (place.folder / "runs" / "sheet.png").write_bytes(mark_png(sheet, MAKER))
    labels = place.folder / "labels" / "annotations" / "train.json"
    labels.write_text(labels.read_text() + " ")  # corrected by a person
    note = place.folder / "recordings" / "coat" / "quality.json"
    note.write_text('{"note": "behind anna, who waves"}')
    done = kincap("sessions", "forget", "anna", "--yes", cwd=place.folder)
    assert done.returncode == 1
    for text in ("LEFT  predictions.json: names the uuid of a session",
                 "LEFT  recordings/coat/quality.json: names the subject",
                 "LEFT  labels: exported labels that were changed since"):  # fmt: skip
        assert text in done.stdout
    assert "NOT forgotten everywhere" in done.stdout
    assert "may show them: runs/sheet.png" in done.stdout
    assert labels.exists()
    # once that is removed, the next run still knows what to search for
    (place.folder / "predictions.json").unlink()
    again = place.forget()
    left = sorted(one.path.name for one in again.mentions)
    assert left == ["kincap-export.json", "quality.json"]
    note.write_text("{}")
    shutil.rmtree(place.folder / "labels")
    assert place.forget().proven
    assert not list((place.folder / "recordings").glob(".forgetting*"))


def test_whole_frames_and_interrupted_builds(place: Place) -> None:
    for path in place.folder.glob("set.h5*"):
        path.unlink()
    shutil.rmtree(place.folder / "labels")
    asked = BuildSettings(out=place.data, recordings=place.folder / "recordings", size=64,
                          workers=1, val="val*", layout="full")  # fmt: skip
    build(asked)
    (place.folder / "half.h5.part").write_bytes(b"pictures")
    journal = {"schema": "kincap/build-part/1", "terms": {"sessions": {"dress": ANNA[1]}}}
    (place.folder / "half.h5.part.json").write_text(json.dumps(journal))
    done = place.forget()
    assert done.proven
    assert not list(place.folder.glob("half*"))
    with open_kinect13(place.data, layouts=("full",)) as data:
        assert (len(data.split("train")), len(data.split("val"))) == (7, 7)


def test_a_data_set_alone_can_forget_too(place: Place) -> None:
    shutil.rmtree(place.folder / "recordings")
    assert place.forget().proven
    assert rows_of_person(place.data, Words("anna", frozenset(ANNA))) is None


@pytest.mark.parametrize(
    ("subject", "text", "found"),
    [
        ("P01", "by P01.", True),
        ("P01", "by P010", False),
        ("P01", "by P01-b", False),
        ("P01", "xP01", False),
        ("Jörg", '{"a": "J\\u00f6rg"}', True),
        ("Ann&Bob", "<p>Ann&amp;Bob</p>", True),
        ("7", "frame 7 of 7", False),
        ("7", '{"subject": "7"}', True),
    ],
)
def test_the_subject_is_found_as_a_word(subject: str, text: str, found: bool) -> None:
    words = Words(subject, frozenset())
    assert (words.found_in(text.encode(), is_text=True) is not None) == found


def test_an_empty_subject_is_refused(place: Place) -> None:
    with pytest.raises(SessionError, match="empty"):
        plan_forget(place.settings(" "))
