"""The speed of the review page, side by side with an earlier one."""
