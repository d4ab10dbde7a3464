"""Small builds of drawn sessions, and what is asked of their results."""

import pytest

from kincap.core.errors import KincapError
from kincap.dataset.build import BuildResult, BuildSettings, build
from kincap.dataset.filters import REASONS

from .conftest import Sessions


def settings(made: Sessions, **more: object) -> BuildSettings:
    """Settings of a small build beside the recordings."""
    given = {"size": 64, "workers": 1, "val": "val*", "bodies": "all", **more}
    return BuildSettings(out=made.recordings.parent / "set.h5", recordings=made.recordings, **given)


def refused(asked: BuildSettings, exit_code: int = 2) -> str:
    """The one line of a build that fails and leaves nothing new behind."""
    folder = asked.out.parent
    before = sorted(folder.iterdir())
    with pytest.raises(KincapError) as caught:
        build(asked)
    assert caught.value.exit_code == exit_code
    assert "\n" not in str(caught.value)
    # the empty lock of a build that began stays for ever
    assert sorted(path for path in folder.iterdir() if path.suffix != ".lock") == before
    return str(caught.value)


def only(result: BuildResult, **expected: int) -> bool:
    """Say whether these are all the reasons that applied, and all candidates are counted."""
    rejected = {reason: n for reason, n in result.rejected.items() if n}
    assert list(result.rejected) == list(REASONS)
    assert result.kept + sum(rejected.values()) == result.candidates
    return rejected == expected


def odd(result: BuildResult) -> list[str]:
    """Return the warnings; drawn people look alike on both sides, which is not one here."""
    return [line for line in result.warnings if "nearly show" not in line]
