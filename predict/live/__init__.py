"""The poses of a run as they come: a page in the browser and a web socket (``LivePage``)."""
