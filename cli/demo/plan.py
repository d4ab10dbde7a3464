"""The plan of a demo: its commands, in the order in which they run."""

import shlex
from dataclasses import dataclass

TEST_OUTFIT = 7
"""The outfit that no training session, wild ones included, ever shows."""
TEST_SEED = 9001
VIDEO = "predicted.mp4"
VIDEO_SHEET = "predicted.png"
"""Its motion seed, likewise."""


@dataclass(frozen=True)
class DemoSettings:
    """Size of the demo.

    Attributes:
        outfits: How many outfits are recorded for training.
        frames: Frames of each, taken at 10 Hz: neighbours at 30 Hz are near-copies.
        wild_frames: Frames of random outfits, rooms and framings, for pretraining.
        test_frames: Frames of the outfit that is never trained on.
        size: The net's input in pixels.
        pretrain_epochs: Passes over the wild scenes.
        epochs: Passes over the recorded outfits.
    """

    outfits: int = 6
    frames: int = 600
    wild_frames: int = 2400
    test_frames: int = 300
    size: int = 64
    pretrain_epochs: int = 8
    epochs: int = 10


@dataclass(frozen=True)
class Step:
    """One command of the demo.

    Attributes:
        key: Its name in ``demo.json``.
        words: Typed after ``kincap``, run inside the demo's folder.
    """

    key: str
    words: tuple[str, ...]


def plan(settings: DemoSettings) -> list[list[Step]]:
    """Return the demo's steps; those of one inner list may run at the same time."""
    sessions = [
        _recording("wild1", f"scene=wild,seed=501,frames={settings.wild_frames // 2}"),
        _recording("wild2", f"scene=wild,seed=502,frames={settings.wild_frames // 2}"),
        *(
            _recording(
                f"clothing{outfit + 1}", f"outfit={outfit},seed={outfit},frames={settings.frames}"
            )
            for outfit in range(settings.outfits)
        ),
        _recording(
            "unseen", f"outfit={TEST_OUTFIT},seed={TEST_SEED},frames={settings.test_frames}"
        ),
    ]
    size = ("--size", str(settings.size))
    evaluate = ("evaluate", "--data", "kinect13.h5", "--split", "test", "--json")
    return [
        sessions,
        [
            Step("build wild", ("build", "--sessions", "wild*", "--out", "wild13.h5", "--json")),
        ],
        [
            Step(
                "build",
                ("build", "--sessions", "[cu]*", "--test", "unseen", "--out", "kinect13.h5",
                 "--json"),
            ),
        ],
        [
            Step(
                "pretrain",
                ("pretrain", "--data", "wild13.h5", "--model", "compact", *size, "--epochs",
                 str(settings.pretrain_epochs), "--out", "pretrain.ckpt", "--json"),
            ),
        ],
        [
            Step(
                "finetune",
                ("finetune", "--init", "pretrain.ckpt", "--data", "kinect13.h5", "--epochs",
                 str(settings.epochs), "--out", "finetuned.ckpt", "--json"),
            ),
        ],
        [
            Step("evaluate pretrained", (*evaluate[:1], "pretrain.ckpt", *evaluate[1:])),
        ],
        [
            Step(
                "evaluate",
                (*evaluate[:1], "finetuned.ckpt", *evaluate[1:], "--sheet", "unseen.png"),
            ),
        ],
        [
            # unsmoothed, so that the video is the same with and without the extra "predict"
            Step(
                "predict",
                ("predict", "recordings/unseen", "--weights", "finetuned.ckpt", "--no-smooth",
                 "--out", VIDEO, "--sheet", VIDEO_SHEET, "--json"),
            ),
        ],
    ]  # fmt: skip


def _recording(session: str, scene: str) -> Step:
    """Return the step that records one simulated session as fast as it is drawn, at 10 Hz."""
    source = f"simulator:{scene},fps=10,pace=fast"
    return Step(
        f"record {session}",
        ("record", "--session", session, "--source", source, "--shard-mib", "256", "--json"),
    )


def command_line(step: Step) -> str:
    """Return a step as a person would type it, without ``--json``."""
    return shlex.join(("kincap", *(word for word in step.words if word != "--json")))
