"""Speed of the review page beside an earlier one."""
