"""The house holds: packages listed, imports relative inside the parts, heavy modules late."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    "core",
    "web",
    "sessions",
    "checks",
    "report",
    "capture",
    "dataset",
    "train",
    "review",
    "cli",
)
SOURCES = sorted(path for part in PARTS for path in (ROOT / part).rglob("*.py"))
HEAVY = ("numpy", "h5py", "pandas", "cv2", "torch", "matplotlib", "starlette")


def test_every_folder_with_code_is_a_listed_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = set(settings["tool"]["setuptools"]["packages"])
    found = {"kincap"} | {
        ".".join(("kincap", *path.parent.relative_to(ROOT).parts)) for path in SOURCES
    }
    assert listed == found


def test_every_package_folder_has_an_init() -> None:
    assert [p.parent for p in SOURCES if not (p.parent / "__init__.py").is_file()] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_parts_import_each_other_relatively(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        else:
            continue
        for name in names:
            assert name.split(".")[0] not in (*PARTS, "kincap"), f"{path.name} imports {name}"


def test_root_package_imports_nothing() -> None:
    tree = ast.parse((ROOT / "__init__.py").read_text())
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]


def _modules_after(*args: str) -> set[str]:
    """Run a command of kincap in its own process and return the top-level modules it loaded."""
    code = (
        "import sys\n"
        "sys.argv = ['kincap', *sys.argv[1:]]\n"
        "from kincap.cli.main import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "print('\\nMODULES', *{name.split('.')[0] for name in sys.modules})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.rsplit("MODULES", 1)[1].split())


@pytest.mark.parametrize("args", [("--help",), ("record", "--help"), ("finetune", "--help")])
def test_help_loads_nothing_heavy(args: tuple[str, ...]) -> None:
    assert not _modules_after(*args) & set(HEAVY)


def test_record_loads_neither_pandas_nor_torch(tmp_path: Path) -> None:
    loaded = _modules_after(
        "record", "--session", "quick", "--recordings", str(tmp_path),
        "--source", "simulator:pace=fast,frames=4",
    )  # fmt: skip
    assert "numpy" in loaded
    assert not loaded & {"pandas", "torch", "matplotlib", "starlette"}
