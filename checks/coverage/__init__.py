"""Coverage: where wrists and elbows have been, at which distances and turns, and what is missing.

One definition for the live dashboard, the report, ``kincap sessions coverage``, the data set's page
and ``kincap build --balance``::

    grid = CoverageGrid()
    grid.add(rows)  # body rows, as they come
    grid.missing()  # ["left hand above the shoulder: 2 % of frames", ...]

- ``places.py``: the place of a wrist or elbow about its shoulder, in trunk lengths; cells, zones.
- ``reach.py``: the cells that an arm can reach.
- ``grid.py``: ``CoverageGrid``, which counts.
- ``missing.py``: targets, and what falls short of them, in words.
"""
