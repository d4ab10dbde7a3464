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
  too short to report; ``keypoints_named(kind, seq, slot)`` is (N, 13). Kinds: ``crossed_arms``,
  ``turned_away``, ``side_swap``, ``feet_noise``, ``outliers``, ``frozen``, ``implausible_body``.
- ``checks.frames.named(kind, seq)`` is (N,) bool: ``low_light``, ``frozen``, ``lag``.
- ``checks.wrong_labels(color_seq, body_seq, slot)`` gives, by each kind whose labels are wrong,
  (N,) bool: what build gives weight 0 and counts by kind.
"""
