"""Choice of a data set's rows by outfit."""

from collections.abc import Collection
from fnmatch import fnmatchcase

from ..core.errors import DatasetError
from ..dataset.kinect13.reader import Kinect13


def sessions_left_out(
    dataset: Kinect13, leave_out: Collection[str], outfit: str | None
) -> tuple[str, ...]:
    """Return the names of the sessions that a run leaves out.

    Args:
        dataset: The data set.
        leave_out: Names that are left out anyway.
        outfit: A glob over the outfits in ``meta/sources``; sessions of other outfits are left
            out. A session without an outfit has its own name as one, as for ``build --val``.
            None: every outfit is taken. A set that a teacher labelled has no outfits: all of it
            is taken.

    Raises:
        DatasetError: No outfit of the data set matches.
    """
    if outfit is None or _is_taught(dataset):
        return tuple(leave_out)
    sources = {one.get("session"): one.get("outfit") for one in dataset.meta.sources}
    outfits = {
        name: str(sources.get(name) or name)
        for name in dataset.meta.sessions
        if name not in dataset.meta.forgotten
    }
    others = [name for name, worn in outfits.items() if not fnmatchcase(worn, outfit)]
    if len(others) == len(outfits):
        there = ", ".join(sorted(set(outfits.values()))) or "none"
        raise DatasetError(
            f"--outfit: {outfit!r} matches no outfit of {dataset.path}; expected a glob over: "
            f"{there}"
        )
    return tuple(dict.fromkeys([*leave_out, *others]))


def _is_taught(dataset: Kinect13) -> bool:
    sources = dataset.meta.sources
    return bool(sources) and all(one.get("labels") == "teacher" for one in sources)
