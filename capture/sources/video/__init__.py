"""Videos as part of a source: decoding, and a video beside a log of joints."""
