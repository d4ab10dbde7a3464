"""Measure nets on a data set: figures, baselines, comparisons, a report and a sheet."""
