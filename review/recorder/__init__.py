"""A recording that runs beside the page: ``kincap daemon``, asked by ``routes.make_routes``."""
