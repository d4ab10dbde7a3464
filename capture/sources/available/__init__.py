"""The sources: each module here has a value ``SOURCE`` and is found by the registry.

These modules import no heavy library when they are loaded: the help of ``kincap record`` is made
from them.
"""
