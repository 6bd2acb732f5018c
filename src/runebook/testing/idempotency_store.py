"""The contract of `IdempotencyStore`."""

from __future__ import annotations

import pytest

from runebook.storage.base import Storage, StoredAnswer, TransactionConflict
from runebook.testing.records import NOW_MS

_DAY_MS = 24 * 60 * 60 * 1000


class IdempotencyStoreContract:
    def test_an_answer_is_found_under_its_operation_and_key(self, storage: Storage) -> None:
        answer = StoredAnswer(b"\x00digest\xff", b'{"run": "\xc3\xa9"}')
        with storage.write() as tx:
            tx.idempotency.save("CreateRun", "key", answer, NOW_MS)
        with storage.read() as tx:
            assert tx.idempotency.find("CreateRun", "key") == answer
            assert tx.idempotency.find("CreateExperiment", "key") is None
            assert tx.idempotency.find("CreateRun", "Key") is None

    def test_a_key_that_was_taken_meanwhile_is_a_conflict(self, storage: Storage) -> None:
        first, second = StoredAnswer(b"1", b"first"), StoredAnswer(b"1", b"second")
        with storage.write() as tx:
            tx.idempotency.save("CreateRun", "key", first, NOW_MS)
        with pytest.raises(TransactionConflict), storage.write() as tx:
            tx.idempotency.save("CreateRun", "key", second, NOW_MS)
        with storage.read() as tx:
            assert tx.idempotency.find("CreateRun", "key") == first

    def test_answers_are_kept_for_a_week(self, storage: Storage) -> None:
        for day in (0, 6, 8):
            with storage.write() as tx:
                answer = StoredAnswer(b"", f"{day}".encode())
                tx.idempotency.save("CreateRun", f"key {day}", answer, NOW_MS + day * _DAY_MS)
        with storage.read() as tx:
            found = [tx.idempotency.find("CreateRun", f"key {day}") for day in (0, 6, 8)]

        assert [answer and answer.reply for answer in found] == [None, b"6", b"8"]
