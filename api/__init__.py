"""The public Python API: what ``kincap.open_session`` and its neighbours in the root return.

Everything else in kincap is private by convention and may change with any version. docs/python.md
describes these classes; its examples are run as tests.
"""
