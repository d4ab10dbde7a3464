"""The lag of joints against images, measured from the images."""
