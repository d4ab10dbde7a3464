"""The newest picture for a preview: the JPEG as it is, its bodies in a header."""

import json
from typing import Any, Final

from starlette.responses import Response

from ..live.observers import Picture

NUMBER_HEADER: Final = "kincap-number"
BODIES_HEADER: Final = "kincap-bodies"


def picture_answer(picture: Picture | None, after: int, mirrored: bool) -> Response:
    """Return the newest picture; 204 where there is none that the client has not seen.

    Args:
        picture: The newest one.
        after: Number of the one that the client has; -1 for none.
        mirrored: The image is mirrored.
    """
    if picture is None or picture.number == after:
        return Response(status_code=204)
    about = {"mirrored": mirrored, "bodies": _joints(picture.bodies)}
    return Response(
        picture.jpeg,
        media_type="image/jpeg",
        headers={
            NUMBER_HEADER: str(picture.number),
            BODIES_HEADER: json.dumps(about, separators=(",", ":")),
        },
    )


def _joints(row: Any) -> list[list[list[int]]]:
    """Return x, y in pixels and the tracking state of each joint of each tracked body."""
    if row is None:
        return []
    found = []
    for slot in row["tracked"][0].nonzero()[0]:
        places, states = row["joint_color_px"][0, slot], row["joint_state"][0, slot]
        found.append(
            [
                # a joint that has no place in the image is (-inf, -inf)
                [round(float(x)), round(float(y)), int(state)] if abs(x) + abs(y) < 1e5 else []
                for (x, y), state in zip(places, states, strict=True)
            ]
        )
    return found
