"""The keys of ``simulator:key=value,...``, each with its help."""

from typing import Final

KEYS: Final = {
    "outfit": "the person's clothes: 0 to 7 are made by hand, others are drawn from a seed",
    "seed": "motion, noise, clocks, slot; the same keys give the same bytes",
    "frames": "colour frames; without it the take has no end",
    "fps": "frames a second of device time, of both streams",
    "pace": "live: frames come when a sensor would give them; fast: as soon as they are drawn",
    "persons": "number of people, 1 to 6",
    "subject": "the person: bones, skin, hair, face",
    "room": "walls, floor, furniture, posters, light",
    "scene": "room: one scene; wild: another scene every `hold` frames, for pretraining",
    "hold": "frames between two changes of a wild scene",
    "noise": "factor on the joints' noise; 0 gives ground truth",
    "clock": "steps of the device times: laban, irds or steady",
    "skips": "factor on the share of frames that are missing in real logs; 0: none is missing",
    "device": "the sensor's intrinsics; 0 is the usual sensor",
    "faults": "faults, each with its time: NAME@FROM-TO",
    "acts": "what the person does on purpose, each with its time: NAME@FROM-TO",
    "log": "file that lists every item handed over, one JSON object a line",
}
