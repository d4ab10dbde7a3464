"""docs/python.md: every example runs, and the public names are those that the page names."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import kincap as public

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def work(made: Path) -> Path:
    """Return the folder in which docs/learning.md was followed."""
    return made


def test_the_examples_run_one_after_another(work: Path) -> None:
    assert len(EXAMPLES) >= 6
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(EXAMPLES)],
        cwd=work, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for words in ("clothing3 140 frames", "head at", "m away", "events", "train", "[8, 3, 64, 64]"):
        assert words in done.stdout


def test_the_examples_are_typed(work: Path, tmp_path: Path) -> None:
    link = ROOT / ".types" / "kincap"  # as in pyproject.toml; .ci/run makes it too
    link.parent.mkdir(exist_ok=True)
    if not link.exists():
        link.symlink_to("..")
    example = tmp_path / "example.py"
    example.write_text(
        "\n".join(EXAMPLES)
        + "\nreveal_type(session)\nreveal_type(frame.image())\nreveal_type(row)\n"
        + "reveal_type(net.predict(images))\nreveal_type(data.torch('train'))\n"
    )
    done = subprocess.run(
        [
            sys.executable, "-m", "mypy", "--strict", "--python-version", "3.11",
            "--config-file", str(ROOT / "pyproject.toml"),
            "--cache-dir", str(ROOT / ".mypy_cache"), str(example),
        ],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    revealed = re.findall(r'Revealed type is "([^"]*)"', done.stdout)
    assert [text.split("[")[0].rsplit(".", 1)[-1] for text in revealed] == [
        "Session", "ndarray", "DatasetRow", "ndarray", "TorchRows",
    ]  # fmt: skip


def test_the_page_names_every_public_name() -> None:
    assert (ROOT / "py.typed").is_file()
    for name in public.__all__:
        assert getattr(public, name) is not None
        assert name in PAGE or name in ("DatasetRow", "SessionFrame")
    assert dir(public) == sorted(public.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'open_everything'"):
        _ = public.open_everything  # type: ignore[attr-defined]
