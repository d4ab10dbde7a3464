"""Commands of ``kincap sessions`` that have a file of their own."""
