"""A process that holds the sensor open between recordings, and the client that uses it.

Entry points: ``server.run_daemon`` runs it in the foreground, ``background`` starts and stops it,
``remote.record_by_daemon`` records through it. ``discovery``, ``connection`` and ``remote`` import
no heavy library: a command that uses a daemon begins at once.
"""
