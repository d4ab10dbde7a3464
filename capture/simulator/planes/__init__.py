"""Masks and depth images of the simulated depth camera; ``plane_renderer`` draws them."""
