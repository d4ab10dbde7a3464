"""Filters: which keypoints of which frames can't be trusted, each with a reason.

The report makes findings of them and ``kincap build`` takes weights and frames away by them: both
call the same functions, so that nothing that the report names is kept in silence.

- ``settings.FilterSettings``: every threshold, readable from TOML (``read_filters``).
- ``bodies.Bodies``: the arrays that filters judge.
- ``registry.FILTERS``: every filter by its name; ``judge_bodies`` runs them on arrays.
- The other files hold the filters themselves, pure functions over arrays. Nothing is deleted here.
"""
