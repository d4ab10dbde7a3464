"""Run trained nets: images in, poses out; and the audit of labels by nets."""
