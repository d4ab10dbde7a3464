"""The real pykinect2: fails as everybody knows it to, and imports when it is rewritten."""

import ctypes
import hashlib
import importlib
import importlib.util
import re
import sys
from pathlib import Path

import pytest
from kinect_fakes.world import World

from kincap.capture.kinect.driver import load_driver
from kincap.capture.kinect.import_rewriter import (
    RUNTIME,
    V2,
    find_module,
    rewrite_module,
    rewriting,
)
from kincap.core.errors import MissingPartError


def _file(name: str) -> Path:
    path = find_module(name)
    assert path is not None, "the dev extra brings pykinect2"
    return path


def _github(name: str, tmp_path: Path) -> Path:
    """Return a module as pykinect2's repository has it: the wheel's, with its differences."""
    source = _file(name).read_text(encoding="ascii")
    if name == V2:
        source = source.replace("sizeof(tagSTATSTG) == 72", "sizeof(tagSTATSTG) == required_size")
        source = source.replace(
            "assert sizeof(tagSTATSTG)",
            "required_size = 64 + sysinfo.platform_bits / 4\n\nassert sizeof(tagSTATSTG)",
        )
        source = source.replace(
            "class _event(", "import numpy.distutils.system_info as sysinfo\n\n\nclass _event("
        )
        source = source.replace("from comtypes import _check", "# from comtypes import _check")
    else:
        source = source.replace("time.clock()", "time.perf_counter()")
        source = source.replace(
            "self.bodies = numpy.ndarray(",
            "self.relative_time = bodyFrame.RelativeTime; self.bodies = numpy.ndarray(",
        )
    path = tmp_path / f"{name.rpartition('.')[2]}.py"
    path.write_text(source, encoding="ascii")
    return path


@pytest.mark.parametrize(
    ("name", "applied"), [(V2, [1, 1, 1]), (RUNTIME, [9, 2])], ids=["V2", "Runtime"]
)
def test_the_wheel_is_known_and_each_rewrite_found_its_place(name: str, applied: list[int]) -> None:
    before = _file(name).read_bytes()
    module = rewrite_module(name, _file(name))
    assert module.variant == "PyPI 0.1.0"
    assert [count for _, count in module.applied] == applied
    assert module.source.count("\n") == before.count(b"\n"), "line numbers stay right"
    assert _file(name).read_bytes() == before


@pytest.mark.parametrize(
    ("name", "applied"), [(V2, [1, 1, 1, 1]), (RUNTIME, [2])], ids=["V2", "Runtime"]
)
def test_the_repositorys_variant_is_known_too(
    name: str, applied: list[int], tmp_path: Path
) -> None:
    module = rewrite_module(name, _github(name, tmp_path))
    assert module.variant == "GitHub"
    assert [count for _, count in module.applied] == applied


def test_a_variant_that_would_only_be_half_mended_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "PyKinectRuntime.py"
    path.write_text(_file(RUNTIME).read_text("ascii") + "\nnow = time.clock\n", "ascii")
    with pytest.raises(MissingPartError, match=r"line 449 holds .now = time.clock") as seen:
        rewrite_module(RUNTIME, path)
    assert "\n" not in str(seen.value)
    assert seen.value.exit_code == 3


def test_the_hook_touches_no_other_module(tmp_path: Path) -> None:
    before = list(sys.meta_path)
    with rewriting() as modules:
        finder = sys.meta_path[0]
        for name in ("pykinect2", "comtypes", "pykinect2.other", "PyKinectV2"):
            assert finder.find_spec(name, None) is None
            assert finder.find_spec(name, [str(tmp_path)]) is None
        assert modules == []
    assert sys.meta_path == before


@pytest.mark.over_fakes
def test_unrewritten_it_fails_on_64_bit_python(kinect: World) -> None:
    """Shows that the faked floor is faithful: this is the error that people report."""
    with pytest.raises(AssertionError, match=r"^80$"):
        importlib.import_module(V2)


@pytest.mark.over_fakes
def test_rewritten_it_imports_and_nothing_on_disk_changes(kinect: World) -> None:
    folder = _file(V2).parent

    def state() -> dict[str, str]:
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            # what importing the package itself leaves there is Python's business
            if path.is_file() and not path.name.startswith("__init__")
        }

    before = state()
    driver = load_driver()
    assert state() == before
    assert [module.variant for module in driver.modules] == ["PyPI 0.1.0"] * 2
    assert ctypes.sizeof(driver.v2.INT_PTR) == ctypes.sizeof(driver.v2.tagSTATSTG) // 10 == 8
    assert load_driver() is driver


@pytest.mark.over_fakes
def test_the_repositorys_variant_imports_too(kinect: World) -> None:
    package = kinect.tmp / "site" / "pykinect2"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    for name in (V2, RUNTIME):
        _github(name, package)
    sys.path.insert(0, str(package.parent))
    importlib.invalidate_caches()
    assert [module.variant for module in load_driver().modules] == ["GitHub"] * 2
    items = (kinect.plug_in(), kinect.started(kinect.open()))[1]
    del items


@pytest.mark.over_fakes
def test_a_driver_imported_by_somebody_else_before_is_refused(kinect: World) -> None:
    with rewriting():
        v2 = importlib.import_module(V2)
        importlib.import_module(RUNTIME)
    v2.INT_PTR = ctypes.c_int
    with pytest.raises(MissingPartError, match="import kincap first"):
        load_driver()


@pytest.mark.over_fakes
@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("comtypes missing", r"comtypes is not installed.*pip install 'comtypes>=1.4'"),
        ("comtypes 1.1.9", r"comtypes 1\.1\.9 is too old, expected 1\.4 or newer.*pip install"),
        ("pykinect2 missing", r"pykinect2 is not installed.*pip install pykinect2==0\.1\.0"),
        ("pykinect2 changed", r"not know this pykinect2.*pip install --force-reinstall"),
        (
            "pykinect2 broken",
            r"can't be imported.*ModuleNotFoundError.*_no_such.*pip install",
        ),
        ("no DLL", r"Kinect20\.dll can't be loaded.*install the Kinect for Windows SDK 2\.0"),
    ],
)
def test_what_is_missing_is_one_line_with_its_remedy(kinect: World, what: str, line: str) -> None:
    _take_away(kinect, what)
    done = kinect.run_kincap("record", "--session", "s", "--source", "kinect", "--frames", "5")
    assert (done.code, done.out) == (3, "")
    assert len(done.err.splitlines()) == 1
    assert re.search(line, done.err), done.err
    assert "simulator" in done.err, "it names what else can be recorded"
    assert not (kinect.tmp / "recordings").exists()


def _take_away(kinect: World, what: str) -> None:
    """Take a part of the driver away from this process, or put another version in its place."""
    package, _, state = what.partition(" ")
    if what == "no DLL":
        kinect.remove_dll()
    else:
        site = kinect.site_without(package)
        if state == "1.1.9":
            (site / "comtypes-1.1.9.dist-info").mkdir()
            metadata = "Metadata-Version: 2.1\nName: comtypes\nVersion: 1.1.9\n"
            (site / "comtypes-1.1.9.dist-info" / "METADATA").write_text(metadata)
        elif state != "missing":
            (site / package).mkdir()
            (site / package / "__init__.py").touch()
            more = {
                "changed": "now = time.clock\n",
                "broken": "import comtypes._no_such_thing\n",
            }
            text = kinect.package_file("PyKinectV2.py").read_text("ascii")
            (site / package / "PyKinectV2.py").write_text(text, "ascii")
            text = kinect.package_file("PyKinectRuntime.py").read_text("ascii") + more[state]
            (site / package / "PyKinectRuntime.py").write_text(text, "ascii")
