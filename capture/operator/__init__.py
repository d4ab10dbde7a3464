"""Tools for one operator: live dashboard, keys, triggers, cue cards, protocol, preview window.

``conductor`` runs triggers and cue cards on the side that records; ``display`` shows a recording's
``LiveStatus`` on a terminal; ``keys`` reads the keyboard. A client of the daemon needs the last
two only.
"""
