"""The process of a teacher: requests come on stdin, answers go to stdout.

A message is its length (4 bytes, little-endian), a JSON object, and the bytes that the object's
``bytes`` counts: an image in a request, a mask in an answer.
"""

import json
import os
import signal
import sys
from typing import IO, Any, Final

LENGTH_BYTES: Final = 4
MASK: Final = "mask"
"""Name of the worker that makes masks."""


def send(pipe: IO[bytes], message: dict[str, Any], content: bytes = b"") -> None:
    """Write a message."""
    text = json.dumps({**message, "bytes": len(content)}).encode()
    pipe.write(len(text).to_bytes(LENGTH_BYTES, "little") + text)
    pipe.write(content)
    pipe.flush()


def receive(pipe: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """Read a message; None: the other end has closed the pipe."""
    length = pipe.read(LENGTH_BYTES)
    if len(length) < LENGTH_BYTES:
        return None
    message: dict[str, Any] = json.loads(pipe.read(int.from_bytes(length, "little")))
    return message, pipe.read(message["bytes"])


def main(name: str) -> int:
    """Answer requests until the pipe ends."""
    # Ctrl-C is for the command, which ends this process afterwards
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # libraries print where they like: not between the answers
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    import cv2

    from ..core.errors import KincapError

    cv2.setNumThreads(1)
    try:
        answer = _ready(name)
    except KincapError as error:
        send(answers, {"error": str(error), "exit_code": error.exit_code})
        return 1
    send(answers, {})
    while (request := receive(sys.stdin.buffer)) is not None:
        try:
            send(answers, *answer(*request))
        except BrokenPipeError:
            break
    return 0


def _ready(name: str) -> Any:
    """Load the nets and return the function that answers a request."""
    import numpy as np

    from .blazepose.selfie import SelfieMask
    from .teachers import make_teacher

    def image_of(request: dict[str, Any], content: bytes) -> Any:
        return np.frombuffer(content, np.uint8).reshape(request["shape"])

    if name == MASK:
        selfie = SelfieMask()
        return lambda request, content: (
            {},
            selfie.mask(image_of(request, content)).tobytes(),
        )
    teacher = make_teacher(name)

    def answer(request: dict[str, Any], content: bytes) -> tuple[dict[str, Any]]:
        what = request["what"]
        if what == "begin":
            teacher.begin()
            return ({},)
        image = image_of(request, content)
        if what == "detect":
            found = teacher.detect(image) if hasattr(teacher, "detect") else []
            return ({"boxes": [[*one.bbox_xyxy_px.tolist(), one.score] for one in found]},)
        pose = (
            teacher.pose_in_box(image, np.array(request["box"]))
            if what == "box"
            else teacher.follow(image)
        )
        return (
            {
                "cpu_s": teacher.cpu_s,
                "pose": pose
                and {
                    "keypoints_px": pose.keypoints_px.tolist(),
                    "confidence": pose.confidence.tolist(),
                    "score": pose.score,
                },
            },
        )

    return answer


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
