"""Which people of public sets are validation, and what never comes into two splits."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from kincap.core.errors import DatasetError
from kincap.dataset.public import dealing
from kincap.dataset.public.build import build_public
from kincap.dataset.public.dealing import Candidate, deal_people
from kincap.dataset.public.picture_facts import PictureFacts
from kincap.dataset.public.picture_groups import group_pictures

from .conftest import DrawnPerson


def candidate(complete: np.ndarray, group: np.ndarray, name: str = "lsp") -> Candidate:
    """Return people of one set; every other one is of its test part."""
    count = len(complete)
    parts = np.array([f"{name}/{'test' if k % 2 else 'train'}" for k in range(count)])
    return Candidate(complete, group, np.full(count, name), parts)


def test_a_share_of_the_complete_people_is_validation_at_most_2000(settings) -> None:
    rng = np.random.default_rng(0)
    complete = rng.random(30_000) < 0.5
    group = np.arange(30_000) // 2
    side = deal_people(candidate(complete, group), settings())
    val = side == "val"
    assert val.sum() == dealing.MOST_VAL == 2000
    assert complete[val].all()
    assert not set(group[val]) & set(group[side == "train"])
    assert set(group[side == "guard"]) <= set(group[val])
    assert (side == deal_people(candidate(complete, group), settings())).all()
    few = deal_people(candidate(complete[:100], group[:100]), settings(val="0.1"))
    assert (few == "val").sum() == round(0.1 * complete[:100].sum())


def test_whole_sets_and_their_parts_are_chosen_by_glob(settings) -> None:
    people = candidate(np.zeros(8, bool), np.array([0, 1, 2, 3, 4, 5, 6, 6]))
    side = deal_people(people, settings(val="lsp/test"))
    # the person beside one of the test part is in no split
    assert side.tolist() == ["train", "val"] * 3 + ["guard", "val"]
    with pytest.raises(DatasetError, match="nothing is left for train"):
        deal_people(people, settings(val="lsp/train", test="lsp/test"))
    with pytest.raises(DatasetError, match="--val coco: matches none of lsp, lsp/test"):
        deal_people(people, settings(val="coco"))
    with pytest.raises(DatasetError, match="expected a share between 0 and 1"):
        deal_people(people, settings(val="1.5"))
    with pytest.raises(DatasetError, match="nothing is left for val of 8 people, 0 of them with"):
        deal_people(people, settings())


def facts(look: list[int], content: list[int] | None = None) -> PictureFacts:
    """Return pictures of the same size."""
    count = len(look)
    return PictureFacts(
        np.full((count, 2), 10),
        np.array(content or range(count), np.uint64),
        np.array(look, np.uint64),
        {},
    )


def test_copies_near_copies_and_clips_are_one_group() -> None:
    base, other = 0x0123456789ABCDEF, 0x5555AAAA12345678
    look = [base, base ^ 0b10000001, base ^ 0xFFF, 0, 1, other, ~other & (1 << 64) - 1]
    # near by two bits; twelve bits are another picture; flat pictures are not alike; equal content
    groups = group_pictures(facts(look, [9, 1, 2, 3, 4, 5, 5]), [""] * 7)
    assert groups.tolist() == [0, 0, 2, 3, 4, 5, 5]
    far = np.random.default_rng(2).integers(1, 2**63, 7, dtype=np.uint64).tolist()
    groups = group_pictures(facts(far), ["", "a", "b", "a", "", "", ""])
    assert groups.tolist() == [0, 1, 2, 1, 4, 5, 6]


def test_near_copies_are_found_in_any_six_bits() -> None:
    rng = np.random.default_rng(5)
    base = rng.integers(1, 2**63, 400, dtype=np.uint64)
    flips = np.array([sum(1 << int(k) for k in rng.choice(64, 6, replace=False)) for _ in base])
    look = np.concatenate([base, base ^ flips.astype(np.uint64)])
    groups = group_pictures(facts(look.tolist()), [""] * 800)
    assert np.array_equal(groups[400:], np.arange(400))


def test_two_people_of_a_picture_and_a_scaled_copy_stay_on_one_side(
    people_folder, settings, tmp_path: Path
) -> None:
    people = [DrawnPerson(f"{k}.png", x=45 + k) for k in range(20)]
    folder = people_folder(*people)
    copies = []
    for k in range(20):
        image = cv2.imread(str(folder / f"{k}.png"))
        larger = cv2.resize(image, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_CUBIC)
        assert cv2.imwrite(str(folder / f"copy{k}.jpg"), larger)
        copies.append(DrawnPerson(f"copy{k}.jpg", x=60, without=("head",)))
    shutil.copy(folder / "3.png", folder / "same3.png")
    seconds = [DrawnPerson(f"{k}.png", x=70, without=("l_wrist",)) for k in range(20)]
    people_folder(*people, *copies, *seconds, DrawnPerson("same3.png", without=("r_knee",)))
    done = build_public(settings(dry_run=True, val="0.25"))
    # each validation person leaves out its own copy and its neighbour
    assert done.splits["val"] == 5
    assert 10 <= done.rejected["guard"] <= 11
    assert done.kept + done.rejected["guard"] == 61


def test_a_clip_is_never_in_two_splits(people_folder, settings) -> None:
    people_folder(*(DrawnPerson(f"{k}.png", clip=f"clip{k % 4}") for k in range(20)))
    done = build_public(settings(dry_run=True, val="0.3"))
    assert done.splits == {"train": 15, "val": 5}
    assert not any(done.rejected.values())
