"""``kincap audit``: labels that nets disagree with, out of fold, as suggestions."""

import json
from dataclasses import asdict, replace

import pytest
import torch

from kincap.core.errors import CheckpointError, KincapError, SessionError
from kincap.predict.audit import AuditSettings, audit
from kincap.sessions.session_file import load_session
from kincap.sessions.suggestions import load_suggestions, save_suggestions
from kincap.train.checkpoint import load_checkpoint, save_checkpoint

from .conftest import SWAPPED, WRONG, Audited


def settings(audited: Audited, *nets, **more) -> AuditSettings:
    """Return the settings of an audit in the folder."""
    data, recordings = audited.folder / "kinect13.h5", audited.folder / "recordings"
    return AuditSettings(checkpoints=nets, data=data, recordings=recordings, **more)


def test_wrong_labels_are_the_strongest_suggestions(audited: Audited) -> None:
    """The six frames of one wrong wrist and the exchanged sides come first, as ranges."""
    done = audit(settings(audited, audited.without_b, sessions="b"))
    first = done.suggestions[:4]
    wrist = [one for one in first if "l_wrist" in one.keypoints and one.kind == "keypoints"]
    assert wrist, first
    assert (WRONG[0], WRONG[-1]) == (wrist[0].seq_first, wrist[0].seq_last)
    sides = [one for one in done.suggestions if one.kind == "sides"]
    assert [(one.seq_first, one.seq_last) for one in sides[:1]] == [(SWAPPED[0], SWAPPED[-1])]
    uuid = load_session(audited.folder / "recordings" / "b").uuid
    assert {(one.session, one.session_uuid, one.take) for one in first} == {("b", uuid, 0)}
    assert first[0].tracking_id == 7_002
    assert "without_b.ckpt" in first[0].source


def test_a_net_judges_no_session_that_it_was_trained_on(audited: Audited) -> None:
    """The session that the net has seen is skipped and named; with no other net nothing is done."""
    done = audit(settings(audited, audited.without_b))
    skipped = {one.session: one.skipped for one in done.sessions}
    assert skipped == {"a": "every net was trained on it", "b": None}
    assert not (audited.folder / "recordings" / "a" / "suggestions.json").exists()
    with pytest.raises(KincapError, match="must not judge what it has learnt"):
        audit(settings(audited, audited.saw_both))
    mixed = audit(settings(audited, audited.saw_both, audited.without_b))
    assert [len(one.nets) for one in mixed.sessions] == [0, 1]


def test_a_checkpoint_that_does_not_say_its_sessions_is_refused(audited: Audited, tmp_path) -> None:
    """An older kincap's; so is one that was finetuned from such."""
    old = load_checkpoint(audited.without_b)
    trained = {key: value for key, value in old.trained.items() if key != "sessions"}
    path = tmp_path / "old.ckpt"
    save_checkpoint(path, replace(old, trained=trained))
    with pytest.raises(CheckpointError, match="does not say which sessions"):
        audit(settings(audited, path))


def test_suggestions_are_kept_in_the_session_and_replaced_by_the_next_audit(
    audited: Audited,
) -> None:
    """The file holds what was returned; ``--top`` keeps fewer; dry runs write nothing."""
    folder = audited.folder / "recordings" / "b"
    audit(settings(audited, audited.without_b, dry_run=True))
    assert load_suggestions(folder) == ()
    done = audit(settings(audited, audited.without_b))
    assert list(load_suggestions(folder)) == done.suggestions
    fewer = audit(settings(audited, audited.without_b, top=2))
    assert list(load_suggestions(folder)) == fewer.suggestions == done.suggestions[:2]


@pytest.mark.parametrize("text", ["{}", "mine", '{"suggestions": []}'])
def test_a_file_that_kincap_did_not_make_is_never_replaced(audited: Audited, text: str) -> None:
    """It is refused before any work."""
    path = audited.folder / "recordings" / "b" / "suggestions.json"
    path.write_text(text)
    with pytest.raises(SessionError, match=r"suggestions\.json"):
        audit(settings(audited, audited.without_b))
    assert path.read_text() == text


def test_a_flipped_bit_in_suggestions_shows(audited: Audited) -> None:
    """The checksum covers the whole file."""
    folder = audited.folder / "recordings" / "b"
    done = audit(settings(audited, audited.without_b, top=1))
    path = save_suggestions(folder, tuple(done.suggestions))
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 3] ^= 1
    path.write_bytes(raw)
    with pytest.raises(SessionError, match="damaged, or not written by kincap"):
        load_suggestions(folder)


def test_a_session_of_the_same_name_but_another_uuid_gets_no_suggestions(
    audited: Audited, tmp_path
) -> None:
    """Neither does one that is not there, except in a dry run."""
    asked = settings(audited, audited.without_b)
    with pytest.raises(KincapError, match="no such session"):
        audit(replace(asked, recordings=tmp_path))
    assert audit(replace(asked, recordings=tmp_path, dry_run=True)).suggestions
    other = tmp_path / "recordings"
    (other / "b").mkdir(parents=True)
    source = audited.folder / "recordings" / "a" / "session.json"
    (other / "b" / "session.json").write_bytes(source.read_bytes())
    with pytest.raises(KincapError, match="another session"):
        audit(replace(asked, recordings=other))


def test_the_command_trains_folds_and_judges_every_session(audited: Audited) -> None:
    """``--folds 2`` judges both sessions, each by the net without it; the report says so."""
    done = audited.kincap("audit", "--folds", 2, "--steps", 2, "--model", "compact",
                          "--size", 32, "--json", "--dry-run")  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["schema"] == "kincap/audit/1"
    assert [(one["session"], one["rows"] > 0, one["skipped"]) for one in report["sessions"]] == [
        ("a", True, None),
        ("b", True, None),
    ]
    (of_a,), (of_b,) = (one["nets"] for one in report["sessions"])
    assert of_a != of_b
    assert "fold 1 of 2: trained without" in done.stderr


BAD = (
    ((), "name a checkpoint, or --folds K"),
    (("--folds", 3), "has sessions of 2 outfits, expected 2; sessions of one outfit"),
    (("--folds", 2, "--init", "without_b.ckpt"), "was trained on session a"),
    (("without_b.ckpt", "--folds", 2), "not both"),
    (("without_b.ckpt", "--steps", 5), "only with --folds"),
    (("without_b.ckpt", "--top", 0), "--top 0"),
    (("without_b.ckpt", "--sessions", "z*"), "--sessions z*: matches none of a, b"),
    (("both.ckpt",), "must not judge"),
    (("no.ckpt",), "no.ckpt"),
    (("without_b.ckpt", "--data", "no.h5"), "no.h5"),
)


@pytest.mark.parametrize(("words", "message"), BAD)
def test_bad_use_is_refused_in_one_line(audited: Audited, words, message, monkeypatch) -> None:
    """Nothing is written."""
    from typer.testing import CliRunner

    from kincap.cli.main import app

    monkeypatch.chdir(audited.folder)
    done = CliRunner().invoke(app, ["audit", *map(str, words)])
    assert isinstance(done.exception, KincapError)
    assert message in str(done.exception)
    assert "\n" not in str(done.exception)
    assert not list(audited.folder.glob("recordings/*/suggestions.json"))


def test_a_suggestion_is_plain_json(audited: Audited) -> None:
    """The keys of docs/format.md, and nothing that only kincap can read."""
    done = audit(settings(audited, audited.without_b, top=1))
    path = done.sessions[1].file
    assert path is not None
    kept = json.loads(path.read_text())
    assert kept["schema"] == "kincap/suggestions/1"
    assert kept["suggestions"] == [json.loads(json.dumps(asdict(done.suggestions[0])))]
    assert set(kept["suggestions"][0]) == {
        "session", "session_uuid", "take", "seq_first", "seq_last", "tracking_id", "keypoints",
        "kind", "score", "source",
    }  # fmt: skip


def test_the_net_that_made_the_suggestions_was_not_trained_on_their_session(
    audited: Audited,
) -> None:
    """The checkpoint names the sessions that the run did not leave out."""
    said = torch.load(audited.without_b, weights_only=True)["trained"]["sessions"]
    assert [one["session"] for one in said] == ["a"]
