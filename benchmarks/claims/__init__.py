"""The claims of Linna et al. 2016, tried on simulated people."""
