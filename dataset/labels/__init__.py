"""Labels of bodies: ``LabelSettings`` decides about them, ``label_bodies`` makes them."""
