"""HDF5 files: checked before the first read (``reading``), made in one way (``making``).

Only this folder opens HDF5 files.
"""

import os

# must be set before HDF5 is loaded: "::" forbids it to look for plug-ins at all
os.environ["HDF5_PLUGIN_PRELOAD"] = "::"
