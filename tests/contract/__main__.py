"""The contract of events: JSON Schemas, the AsyncAPI document and samples, made of the code.

``python -m tests.contract record``  stores a message of each new fact, as its sample
``python -m tests.contract write``   writes schemas/contract/, unless that would break a reader
``python -m tests.contract check``   says what differs, exit code 1 if anything does
"""

import argparse
import sys

from tests.contract import released, samples


def main() -> int:
    """Do what is asked; print what was written, or what is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.contract",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=("record", "write", "check"))
    verb = parser.parse_args().verb
    if verb == "record":
        return _say([f"recorded {path.name}" for path in samples.record(samples.missing())], 0)
    if broken := released.breaks():
        return _say(broken, 1)
    if verb == "write":
        return _say([f"written {path}" for path in released.write()], 0)
    found = [*released.differences(), *samples.problems()]
    return _say(found, int(bool(found)))


def _say(lines: list[str], code: int) -> int:
    for line in lines:
        sys.stdout.write(line + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
