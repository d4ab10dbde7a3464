"""Versions that decide the bytes of a data set."""

from importlib import metadata
from typing import Final

_LIBRARIES: Final = ("numpy", "h5py", "simplejpeg")


def byte_versions() -> dict[str, str]:
    """Return the versions of kincap and of the libraries that make tables and pictures."""
    import cv2

    from ... import __version__

    return {
        "kincap": __version__,
        "opencv": cv2.__version__,
        **{name: metadata.version(name) for name in _LIBRARIES},
    }
