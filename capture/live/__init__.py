"""A recording that is watched and steered from outside while it runs.

``control.RecordingControl`` steers it, ``status.LiveStatus`` describes it twice a second,
``observers`` follow its frames and bodies.
"""
