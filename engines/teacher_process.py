"""A teacher in a process of its own.

Its libraries print to the terminal, keep threads, and may end the process that loads them; none of
that reaches the command that asks it.
"""

import subprocess
import sys
import tempfile
import weakref
from types import TracebackType
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from ..core.errors import KincapError
from .detection import Detection
from .engine import Images
from .teacher import TeacherPose
from .teacher_worker import MASK, receive, send

_END_S: Final = 5.0


class _Worker:
    """The process, started and ready.

    Args:
        name: Of the teacher, or ``MASK``.

    Raises:
        KincapError: The worker could not begin; as it said.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end()
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.teacher_worker", name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
        )  # fmt: skip
        self.end = weakref.finalize(self, _end, self._process, self._errors)
        self._receive()

    def ask(self, request: dict[str, Any], image: Images | None = None) -> tuple[Any, bytes]:
        """Return the answer to a request."""
        assert self._process.stdin is not None
        content = b""
        if image is not None:
            request, content = {**request, "shape": image.shape}, image.tobytes()
        try:
            send(self._process.stdin, request, content)
        except OSError:
            raise self._lost() from None
        return self._receive()

    def _receive(self) -> tuple[Any, bytes]:
        assert self._process.stdout is not None
        message = receive(self._process.stdout)
        if message is None:
            raise self._lost()
        answer, content = message
        if "error" in answer:
            self.end()
            raise KincapError(answer["error"], exit_code=answer["exit_code"])
        return answer, content

    def _lost(self) -> KincapError:
        code = self._process.wait()
        self._errors.seek(0)
        text = self._errors.read().decode(errors="replace").strip()
        lines = [line for line in text.splitlines() if not line.startswith("INFO")]
        said = lines[-1][:160] if lines else "it said nothing"
        self.end()
        return KincapError(f"{self._name}: its process ended with {code} ({said})", exit_code=1)


def _end(process: "subprocess.Popen[bytes]", errors: IO[bytes]) -> None:
    """Close the pipes and wait for the process."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:
                continue
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    errors.close()


class TeacherProcess:
    """A teacher, and a detector if it has one; closed at the end of a ``with``.

    Args:
        text: As ``teachers.make_teacher`` takes it.

    Attributes:
        name: As given.
        cpu_s: CPU time of all calls so far, in the other process, without the way there.

    Raises:
        KincapError: There is no such teacher, or its file can't be used.
        MissingPartError: A library or the weights are missing (exit 3).
    """

    def __init__(self, text: str) -> None:
        self.name = text
        self.cpu_s = 0.0
        self._worker = _Worker(text)

    def __enter__(self) -> "TeacherProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._worker.end()

    def begin(self) -> None:
        """Forget the person who is followed."""
        self._worker.ask({"what": "begin"})

    def pose_in_box(self, image: Images, bbox_xyxy_px: npt.NDArray[np.float64]) -> TeacherPose:
        """Return the pose of the person in a square box (4,) of an image (H, W, 3) uint8, RGB."""
        pose = self._pose({"what": "box", "box": bbox_xyxy_px.tolist()}, image)
        assert pose is not None
        return pose

    def follow(self, image: Images) -> TeacherPose | None:
        """Return the pose of the person who is followed; None where no one is found."""
        return self._pose({"what": "follow"}, image)

    def detect(self, image: Images) -> list[Detection]:
        """Return tight boxes of the people in an image, the surest first."""
        found, _ = self._worker.ask({"what": "detect"}, image)
        return [Detection(np.array(one[:4]), one[4]) for one in found["boxes"]]

    def _pose(self, request: dict[str, Any], image: Images) -> TeacherPose | None:
        answer, _ = self._worker.ask(request, image)
        self.cpu_s = answer["cpu_s"]
        found = answer["pose"]
        if found is None:
            return None
        return TeacherPose(
            np.array(found["keypoints_px"]), np.array(found["confidence"]), found["score"]
        )


class MaskProcess:
    """The selfie segmentation net; closed at the end of a ``with``.

    Raises:
        MissingPartError: LiteRT or the weights are missing (exit 3).
    """

    def __init__(self) -> None:
        self._worker = _Worker(MASK)

    def __enter__(self) -> "MaskProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._worker.end()

    def mask(self, crop: Images) -> npt.NDArray[np.float32]:
        """Return the share (S, S) of each pixel of a crop (S, S, 3) that belongs to the person."""
        _, content = self._worker.ask({}, crop)
        return np.frombuffer(content, np.float32).reshape(crop.shape[:2])
