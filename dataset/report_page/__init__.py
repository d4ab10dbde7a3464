"""The HTML report of a data set: ``page.report_page`` makes it, ``rejected`` chooses examples."""
