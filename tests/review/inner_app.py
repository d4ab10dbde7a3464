"""The routes of the review page without their guard, for tests that enumerate them."""

from starlette.applications import Starlette

from kincap.review.api import error_answer, make_routes
from kincap.review.server import COMMAND, DEFAULT_PORT, STATIC_FOLDER
from kincap.review.session_list import SessionList
from kincap.web.access import Access
from kincap.web.app import inner_app
from kincap.web.static_files import PageFiles


def make_inner_app(sessions: SessionList) -> Starlette:
    """Return the routes alone."""
    access, files = Access(DEFAULT_PORT, COMMAND), PageFiles(STATIC_FOLDER)
    return inner_app(make_routes(sessions), files, access, error_answer(sessions))
