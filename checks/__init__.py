"""Checks of colour frames and joints: pure functions, and the findings of a whole session.

Build and review take everything from one call::

    from ..checks.session_checks import check_session

    checks = check_session(folder, lag=True)  # lag=False: decode no pictures
    checks.findings  # every finding, uncapped (quality.json keeps 100 of a kind)
    checks.bodies  # flags of each tracked body, by (seq of its row, slot)
    checks.frames  # flags of each colour frame, by seq

- A ``Finding`` (``findings.py``) has ``kind``, ``stream``, ``take``, ``seq_first``, ``seq_last``,
  ``count``, ``text``, ``start_s``, ``end_s``, ``tracking_id`` and ``slot`` of the person (None for
  no one in particular) and ``keypoints`` (empty: all, or none in particular). Its kind is a key of
  ``sessions.kinds.KINDS``, which says how severe it is (``poor`` is what build repeats), to which
  group of lanes it belongs, and whether its labels are wrong (``wrong_labels``).
- ``checks.bodies.named(kind, seq, slot)`` is (N,) bool for N bodies, also where a finding would be
  too short to report; ``keypoints_named(kind, seq, slot)`` is (N, 13). Kinds: those of
  ``session_filters.JUDGED``, and ``implausible_body``.
- ``checks.frames.named(kind, seq)`` is (N,) bool: ``low_light``, ``frozen``, ``lag``.
- ``checks.bodies.is_main`` and ``person_of`` say who a body is, ``repaired`` whether its exchanged
  sides can be put back; ``checks.frames.lag_at`` gives a lag that is certain.
"""
