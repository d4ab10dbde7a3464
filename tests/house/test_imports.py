"""Imports are relative inside the parts and run in no circle; heavy libraries load late."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.house.sources import PARTS, ROOT, imports, trees

HEAVY = ("numpy", "h5py", "pandas", "cv2", "torch", "matplotlib", "starlette")
HDF5_FOLDER = ROOT / "core" / "hdf5"
OPENS_HDF5 = {"read_hdf", "HDFStore", "to_hdf", "open_dataset", "open_datatree"}
"""Functions of pandas and xarray that open HDF5."""


def test_parts_import_each_other_relatively() -> None:
    found = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path, tree in trees()
        for name in _absolute_imports(tree)
        if name.split(".")[0] in (*PARTS, "kincap")
    ]
    assert found == []


def test_absolute_imports_are_seen() -> None:
    source = (
        "import kincap.core\nfrom train import x\nfrom . import y\ndef f():\n    import cli.z\n"
    )
    assert list(_absolute_imports(ast.parse(source))) == ["kincap.core", "train", "cli.z"]


def _absolute_imports(tree: ast.AST) -> Iterator[str]:
    """Yield the modules that a file imports by their full names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""


def test_no_files_import_each_other_in_a_circle() -> None:
    graph = imports()
    assert len(graph["kincap.capture.record"]) > 5, "the graph has its edges"
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"files import each other in a circle: {' -> '.join(error.args[1])}")


def test_only_core_hdf5_loads_and_opens_hdf5() -> None:
    """Every file is checked there before the first read; plug-ins are forbidden before it loads."""
    loads, opens = set(), set()
    for path, tree in trees():
        for_types = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in for_types:
                module = node.module if isinstance(node, ast.ImportFrom) else None
                names = [module or "", *(alias.name for alias in node.names)]
                if any(name.split(".")[0] == "h5py" for name in names):
                    loads.add(path.parent)
            elif isinstance(node, ast.Attribute) and node.attr in OPENS_HDF5:
                opens.add(path)
    assert loads == {HDF5_FOLDER}
    # pandas writes a table for DeepLabCut; nothing reads one
    assert opens == {HDF5_FOLDER / "making.py"}


def _modules_after(code: str, *args: str) -> set[str]:
    """Run Python in a process of its own and return the top-level modules that it loaded."""
    code += "\nimport sys\nprint('\\nMODULES', *{name.split('.')[0] for name in sys.modules})\n"
    done = subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.rsplit("MODULES", 1)[1].split())


COMMAND = """
import sys
sys.argv = ['kincap', *sys.argv[1:]]
from kincap.cli.main import main
try:
    main()
except SystemExit:
    pass
"""


def test_importing_kincap_loads_nothing_heavy() -> None:
    loaded = _modules_after("import kincap\nkincap.__version__")
    assert "kincap" in loaded
    assert not loaded & {*HEAVY, "typer", "rich"}


@pytest.mark.parametrize("args", [("--help",), ("record", "--help"), ("finetune", "--help")])
def test_help_loads_nothing_heavy(args: tuple[str, ...]) -> None:
    assert not _modules_after(COMMAND, *args) & set(HEAVY)


def test_record_loads_neither_pandas_nor_torch(tmp_path: Path) -> None:
    loaded = _modules_after(
        COMMAND, "record", "--session", "quick", "--recordings", str(tmp_path),
        "--source", "simulator:pace=fast,frames=4",
    )  # fmt: skip
    assert "numpy" in loaded
    assert not loaded & {"pandas", "torch", "matplotlib", "starlette"}
