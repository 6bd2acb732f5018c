"""The contract of `ParamStore`."""

from __future__ import annotations

import pytest

from runebook.core.errors import NotFound
from runebook.core.params import Param
from runebook.storage.base import ParamConflict, Storage
from runebook.testing.backend import Backend
from runebook.testing.records import AWKWARD_KEYS, AWKWARD_VALUES, add_run, log_params


class ParamStoreContract:
    def test_params_are_stored_as_they_were_sent(self, backend: Backend) -> None:
        run_id = add_run(backend.storage)
        sent = {f"value {place:02}": value for place, value in enumerate(AWKWARD_VALUES)}
        sent |= {key: f"of {key[:20]}" for key in AWKWARD_KEYS}
        log_params(backend.storage, run_id, [Param(key=key, value=value) for key, value in sent.items()])
        with backend.storage.read() as tx:
            read = {param.key: param.value for param in tx.runs.get(run_id).data.params}

        assert read == sent
        assert backend.raw_params(run_id) == sent

    def test_the_same_value_again_changes_nothing(self, backend: Backend) -> None:
        run_id = add_run(backend.storage)
        for _ in range(2):
            log_params(backend.storage, run_id, [Param(key="rate", value="0.1"), Param(key="depth", value="3")])
        log_params(backend.storage, run_id, [Param(key="rate", value="0.1"), Param(key="new", value="x")])

        assert backend.raw_params(run_id) == {"rate": "0.1", "depth": "3", "new": "x"}

    @pytest.mark.parametrize("value", ["0.2", "0.1 ", "0.10", ""])
    def test_another_value_is_a_conflict_and_nothing_is_written(self, backend: Backend, value: str) -> None:
        run_id = add_run(backend.storage)
        log_params(backend.storage, run_id, [Param(key="rate", value="0.1")])
        rate = Param(key="rate", value=value)
        conflicts = log_params(backend.storage, run_id, [Param(key="new", value="x"), rate])

        assert conflicts == [ParamConflict(rate, "0.1")]
        assert backend.raw_params(run_id) == {"rate": "0.1"}

    def test_two_values_of_one_param_are_refused_and_the_first_is_named(self, backend: Backend) -> None:
        run_id = add_run(backend.storage)
        params = [Param(key="rate", value=value) for value in ("1", "2", "1", "3")]
        conflicts = log_params(backend.storage, run_id, params)

        assert conflicts == [ParamConflict(params[1], "1"), ParamConflict(params[3], "1")]
        assert backend.raw_params(run_id) == {}

    def test_a_run_that_refuses_its_params_does_not_keep_others_from_theirs(self, backend: Backend) -> None:
        runs = [add_run(backend.storage) for _ in range(3)]
        log_params(backend.storage, runs[1], [Param(key="rate", value="other")])
        both = [Param(key="rate", value="1"), Param(key="depth", value="2")]
        with backend.storage.write() as tx:
            tx.runs.locked(runs)
            conflicts = tx.params.add(dict.fromkeys(runs, both))

        assert conflicts == {runs[1]: [ParamConflict(both[0], "other")]}
        assert [backend.raw_params(run_id) for run_id in runs] == [
            {"rate": "1", "depth": "2"},
            {"rate": "other"},
            {"rate": "1", "depth": "2"},
        ]

    def test_keys_that_differ_in_case_are_different_params(self, backend: Backend) -> None:
        run_id = add_run(backend.storage)
        log_params(backend.storage, run_id, [Param(key="rate", value="1")])
        log_params(backend.storage, run_id, [Param(key="Rate", value="2")])

        assert backend.raw_params(run_id) == {"rate": "1", "Rate": "2"}

    def test_params_of_runs_do_not_mix(self, backend: Backend) -> None:
        one, other = add_run(backend.storage), add_run(backend.storage)
        log_params(backend.storage, one, [Param(key="rate", value="1")])
        log_params(backend.storage, other, [Param(key="rate", value="2")])

        assert backend.raw_params(one) == {"rate": "1"}
        assert backend.raw_params(other) == {"rate": "2"}

    def test_an_unknown_run_is_not_found(self, storage: Storage) -> None:
        with pytest.raises(NotFound):
            log_params(storage, "f" * 32, [Param(key="a", value="b")])
