"""A run as it was stored, decoded and checked."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_crackle.model.record import OUTCOMES
from pytest_crackle.model.strictjson import parse_json
from pytest_crackle.storage.history.facts import RunFacts
from pytest_crackle.storage.history.opening import DamagedError
from pytest_crackle.storage.history.packing import unpack_numbers
from pytest_crackle.storage.history.writing import digest_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["StoredRun", "decode_run"]


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run of a history.

    Attributes
    ----------
    number : int
    facts : RunFacts
    testset : int
        Number of its set of tests.
    outcomes : bytes, shape (n_tests,)
        Codes: places in `OUTCOMES`.
    attempts : mapping of int to tuple of str
    workers, seqs : sequence of int
    metrics : mapping of str to (str, str)
        Name to unit and kind.
    """

    number: int
    facts: RunFacts
    testset: int
    outcomes: bytes
    attempts: dict[int, tuple[str, ...]]
    workers: Sequence[int]
    seqs: Sequence[int]
    metrics: dict[str, tuple[str, str]]

    @property
    def n_tests(self) -> int:
        """The number of tests."""
        return len(self.outcomes)

    @property
    def failed(self) -> int:
        """The number of tests that failed or were in error."""
        return sum(self.outcomes.count(OUTCOMES.index(name)) for name in ("failed", "error"))


def decode_run(
    row: Sequence[object],
    sums: Sequence[tuple[str, str, str, int]],
    testset: tuple[bytes, int] | None,
) -> StoredRun:
    """Decode a row of the table of runs.

    Parameters
    ----------
    row : sequence
        Number, set of tests, facts, their checksum, outcomes, attempts, workers, seqs, digest.
    sums : sequence of (str, str, str, int)
        Name, unit, kind and checksum of each column.
    testset : (bytes, int) or None
        Digest and bytes of the set of tests.

    Raises
    ------
    DamagedError
        If it is not as it was written.
    """
    number, tests, facts, checksum, outcomes, attempts, *parts, digest = row
    workers, seqs = parts
    where = f"run {number}"
    try:
        known = RunFacts.loads(str(facts))
        blobs = [testset[0] if testset else b"", outcomes, workers, seqs]
        is_whole = (
            testset is not None
            and zlib.crc32(str(facts).encode("ascii")) == checksum
            and digest_of(known, blobs, str(attempts), sums) == digest  # type: ignore[arg-type] # wrong types raise
        )
        if not is_whole:
            raise DamagedError(f"{where} is not as it was written")  # noqa: TRY301 - as what follows
        retried = parse_json(str(attempts), where) if attempts else {}
        codes = bytes(outcomes)  # type: ignore[call-overload] # as above
        n_tests = len(codes)
        return StoredRun(
            int(str(number)),
            known,
            int(str(tests)),
            codes,
            {int(key): tuple(OUTCOMES[code] for code in some) for key, some in retried.items()},  # type: ignore[attr-defined] # as above
            unpack_numbers(workers) if workers else [0] * n_tests,  # type: ignore[arg-type] # as above
            unpack_numbers(seqs) if seqs else range(n_tests),  # type: ignore[arg-type] # as above
            {name: (unit, kind) for name, unit, kind, _ in sums},
        )
    except DamagedError:
        raise
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise DamagedError(f"{where} is not whole: {error}") from None
