"""Sheets: pages of crops with poses (``page``); examples of a data set (``examples``)."""
