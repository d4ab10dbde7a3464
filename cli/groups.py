"""All groups of commands, in the order of the help."""

from . import (
    audit,
    build,
    doctor,
    export,
    import_recordings,
    protocol,
    record,
    report,
    review,
    sessions,
)
from .daemon import daemon
from .demo import demo
from .learning import evaluate, train
from .session_commands import consent, copy, forget

GROUPS = (
    record, daemon, protocol, import_recordings, doctor, sessions, report, consent, copy, forget,
    review, build, export, train, evaluate, audit, demo,
)  # fmt: skip
