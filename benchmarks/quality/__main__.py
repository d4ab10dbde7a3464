"""Measure the filters of build on known faults: python -m benchmarks.quality FOLDER.

Records clean simulator sessions and sessions with the simulator's own faults into FOLDER/recordings
(what is there already stays), injects faults of every kind and of seven sizes into copies of the
clean ones, and counts which wrong labels build finds and which clean ones it loses. Thresholds were
tuned on the seeds of --group tuning; --group report is what docs/quality.md has. Percentages.
Goals: recall >= 95 for faults of 0.2 torso and more, false alarms <= 2.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kincap.dataset.filters import FilterSettings

from .audit import audit_tables, measure_audit
from .faults import FAULTS
from .measure import measure
from .real import judge_real, real_tables
from .recordings import REPORT, TUNING, record_missing
from .tables import tables
from .training import measure_training, training_tables

SCHEMA = "kincap/benchmark-quality/1"


def main() -> int:
    """Measure what was asked for and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="for recordings and copies, some gigabytes")
    parser.add_argument("--group", choices=(TUNING, REPORT), default=REPORT, help="which seeds")
    parser.add_argument("--seeds", type=int, help="this many of each kind")
    parser.add_argument("--faults", help=f"only these, by commas: {','.join(FAULTS)}")
    parser.add_argument("--real", type=Path, metavar="DATA", help="real recordings instead")
    parser.add_argument("--training", action="store_true", help="finetune on the labels instead")
    parser.add_argument("--audit", type=Path, metavar="CKPT", help="precision of kincap audit")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    args = parser.parse_args()
    faults = tuple(FAULTS) if args.faults is None else tuple(args.faults.split(","))
    for name in faults:
        if name not in FAULTS:
            parser.error(f"--faults {name}: expected some of {', '.join(FAULTS)}")
    if args.real is not None:
        return _real(args.real, args.folder, args.json)
    if args.training:
        report = measure_training(args.folder / "training")
        print(json.dumps(report) if args.json else "\n".join(training_tables(report)))
        return 0
    if args.audit is not None:
        record_missing(args.folder / "recordings", (REPORT,), args.seeds)
        found = measure_audit(args.folder, args.audit, faults)
        print(json.dumps(found) if args.json else "\n".join(audit_tables(found)))
        return 0
    recordings = args.folder / "recordings"
    recordings.mkdir(parents=True, exist_ok=True)
    record_missing(recordings, (args.group,), args.seeds)
    quality = measure(recordings, args.group, FilterSettings(), faults=faults, seeds=args.seeds)
    report: dict[str, Any] = {"schema": SCHEMA, "group": args.group, **quality.to_json()}
    if args.json:
        print(json.dumps(report))
    else:
        print("\n".join(tables(quality)))
    return 0


def _real(data: Path, folder: Path, as_json: bool) -> int:
    """Print the filters' verdict on real recordings."""
    recordings = folder / "real"
    recordings.mkdir(parents=True, exist_ok=True)
    verdicts = list(judge_real(data, recordings, FilterSettings()))
    if as_json:
        print(json.dumps({"schema": SCHEMA, "real": [asdict(one) for one in verdicts]}))
    else:
        print("\n".join(real_tables(verdicts)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
