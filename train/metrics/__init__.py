"""Metrics of poses, a file each: PCK and PDJ, PCP, OKS and AP, exchanged sides, intervals."""
