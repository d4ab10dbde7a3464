"""Run a net of several people over a split: what training validates and ``evaluate`` measures."""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ...core.oks_sigmas import oks_sigmas
from ...core.skeleton import Skeleton
from ..batch_source import PeopleBatch
from ..data import to_pixels
from ..metrics.oks import ImagePeople, oks
from ..mirror import Floats, Images
from ..nets.transfer import PeopleMaps
from .assembly import AssembledPeople, assemble
from .batches import FAR
from .find import MapNet, in_image_px, nearest_people
from .fit import fit_height
from .frames import PeopleFrames, PeopleSamples
from .loss import maps_loss

BATCH: Final = 4
"""Whole frames at a time."""
SAME_OKS: Final = 0.1
"""A prediction that is less similar to a person is not of the person."""

OnBatch = Callable[[int, int], None]


def torch_maps(net: nn.Module, device: torch.device) -> MapNet:
    """Return what gives the maps of images by a net of torch.

    Args:
        net: Put into evaluation mode; on the device.
        device: Its device.
    """
    net.eval()

    def run(images: Images) -> tuple[Floats, Floats]:
        with torch.inference_mode():
            last: PeopleMaps = net(to_pixels(images, device))[-1]
        return last.joints.float().cpu().numpy(), last.limbs.float().cpu().numpy()

    return run


def validate_people(
    net: nn.Module,
    samples: PeopleSamples,
    device: torch.device,
    on_batch: OnBatch | None = None,
) -> tuple[Floats, float]:
    """Return the pose of each labelled person, and the mean loss of the frames.

    Args:
        net: The net; left in evaluation mode.
        samples: The split.
        device: Device of the net.
        on_batch: Called after each batch with frames done and frames in all; may raise.

    Returns:
        (N, K, 2) float32 in units of the people's boxes, NaN where nothing was found; the loss.
    """
    net.eval()
    frames, total = samples.frames, 0.0
    found: list[AssembledPeople] = []
    for start in range(0, len(frames), BATCH):
        part = np.arange(start, min(start + BATCH, len(frames)))
        batch, scale = frame_batch(frames, part, samples.height)
        batch = PeopleBatch(*(tensor.to(device) for tensor in batch))
        with torch.inference_mode():
            outputs: tuple[PeopleMaps, ...] = net(to_pixels(batch.images.cpu().numpy(), device))
            total += float(maps_loss(outputs, batch, frames.skeleton)) * len(part)
        joints, limbs = (maps.float().cpu().numpy() for maps in outputs[-1])
        for n in range(len(part)):
            people = assemble(joints[n], limbs[n], frames.skeleton.bone_indices)
            found.append(in_image_px(people, scale))
        if on_batch:
            on_batch(start + len(part), len(frames))
    return poses_of_people(samples, found), total / len(frames)


def frame_batch(
    frames: PeopleFrames, rows: npt.NDArray[np.int64], height: int
) -> tuple[PeopleBatch, tuple[float, float]]:
    """Return whole frames as a batch, and their pixels for one of the stored frames."""
    fitted = [fit_height(image, height) for image in frames.images(rows)]
    images, scale = np.stack([image for image, _ in fitted]), fitted[0][1]
    factors = np.array(scale, np.float32)
    known = frames.known[rows]
    points = (frames.keypoints_px[rows] + 0.5) * factors - 0.5
    boxes = (frames.box_px[rows] + 0.5) * np.tile(factors, 2) - 0.5
    return PeopleBatch(
        torch.from_numpy(images),
        torch.from_numpy(np.where(known[..., None], points, FAR).astype(np.float32)),
        torch.from_numpy(known.astype(np.float32)),
        _tensor(np.where(frames.there[rows][..., None], boxes, -FAR)),
    ), scale


def poses_of_people(samples: PeopleSamples, found: list[AssembledPeople]) -> Floats:
    """Return the pose that is most like each labelled person's, in units of the person's box.

    Args:
        samples: N people.
        found: Those found in each frame, pixels of the stored frames.
    """
    poses = np.full(samples.targets.shape, np.nan, np.float32)
    sigma = oks_sigmas(samples.skeleton)
    rows_of = np.split(
        np.arange(len(samples)), np.searchsorted(samples.frame, np.arange(1, len(found)))
    )
    for frame, (rows, people) in enumerate(zip(rows_of, found, strict=True)):
        if not len(rows) or not len(people.score):
            continue
        truth = image_people(samples.frames, frame, people, samples.skeleton)
        places = samples.place[rows]
        similar = oks(truth.pred_px, truth, sigma)[:, places]
        for p, g in nearest_people(similar, SAME_OKS):
            poses[rows[g]] = people.keypoints_px[p]
    return samples.to_boxes(poses)


def image_people(
    frames: PeopleFrames, frame: int, people: AssembledPeople, skeleton: Skeleton
) -> ImagePeople:
    """Return the true and the found people of a frame, pixels of the stored frame.

    Only true people who are there are of any weight: the others have no known keypoint.
    """
    box = frames.box_px[frame].astype(np.float64)
    return ImagePeople(
        truth_px=frames.keypoints_px[frame].astype(np.float64),
        counted=frames.known[frame],
        area_px2=np.prod(box[:, 2:] - box[:, :2], axis=1),
        box_xyxy_px=box,
        pred_px=people.keypoints_px.astype(np.float64),
        score=people.score.astype(np.float64),
    )


def _tensor(values: npt.NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
