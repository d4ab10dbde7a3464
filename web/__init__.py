"""Pages that kincap serves on this machine, and the one guard that they share.

Entry points: ``server.serve_page`` runs a page until Ctrl-C; ``app.guarded_app`` makes the
application: a page's own routes, its files and the opening of the page, guarded by
``guard.Guard``.
The browser's side is ``static/guarded.js``.
"""
