"""Parts of many requests, added to their runs together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from runebook.core.errors import NotFound, RunebookError
from runebook.core.params import Param, param_conflict
from runebook.core.runs import RunInfo
from runebook.core.tags import Tag
from runebook.services.context import Context
from runebook.services.datasets import add_outputs
from runebook.services.leases import FRAMES_WORTH_FOLDING_AT_END
from runebook.services.log_requests import Part
from runebook.services.run_endings import RunEndings
from runebook.services.run_rules import check_active, renamed_to
from runebook.services.run_starts import start_runs
from runebook.storage.base import Series, Transaction


class LoggingGroup:
    """Adds parts to runs, in their order, within one transaction."""

    def __init__(self, tx: Transaction, context: Context, *, folds: bool) -> None:
        self._tx = tx
        self._context = context
        self._folds = folds
        self._infos: dict[str, RunInfo] = {}

    def add(self, parts: Sequence[Part]) -> None:
        """What is refused of a part is noted in it."""
        if not parts:
            return
        self._infos = self._tx.runs.locked({part.run_id for part in parts}, _keys(parts))
        self._infos |= start_runs(self._tx, parts, self._infos, self._context)
        for part in parts:
            self._check_run(part)
        self._check_models(parts)
        self._add_params(parts)
        taken = [part for part in parts if part.error is None]
        endings = RunEndings(self._tx, self._context.now_ms, self._infos)
        endings.follow(taken)
        self._add_tags(taken)
        self._tx.metrics.append(_by_run(taken))
        self._add_links(taken)
        ended = endings.write()
        for run_id in ended if self._folds else ():
            self._tx.metrics.fold(run_id, at_least=FRAMES_WORTH_FOLDING_AT_END)

    def _check_run(self, part: Part) -> None:
        if part.error is not None:
            return
        try:
            info = self._infos.get(part.run_id)
            if info is None:
                raise NotFound(f"Run with id={part.run_id} not found")
            check_active(info)
            renamed_to(part.tags)
        except RunebookError as error:
            part.error = error

    def _check_models(self, parts: Iterable[Part]) -> None:
        """A point of a model that does not exist refuses a request, and loses this link in a frame."""
        linked = [part for part in parts if any(one.model_id for one in part.series)]
        if not linked:
            return
        models = {one.model_id for part in linked for one in part.series if one.model_id}
        there = self._tx.logged_models.existing(models)
        for part in linked:
            unknown = sorted({one.model_id for one in part.series if one.model_id} - there)
            errors: list[RunebookError] = [NotFound(f"Logged model with ID '{name}' not found.") for name in unknown]
            if part.frame is not None:
                part.refused += errors
                part.series = [one._replace(model_id=None) if one.model_id in unknown else one for one in part.series]
            elif errors and part.error is None:
                part.error = errors[0]

    def _add_params(self, parts: Iterable[Part]) -> None:
        """Decide in order which params are taken, as if no run had any; then anew with what turns out to be there."""
        asking = [part for part in parts if part.params and part.error is None]
        there: dict[tuple[str, str], str] = {}
        while asking:
            conflicts = self._tx.params.add(_chosen(asking, there))
            if not conflicts:
                break
            for run_id, found in conflicts.items():
                there.update(((run_id, param.key), value) for param, value in found)
        for part in asking:
            if part.conflicts and part.frame is None:
                part.error = part.conflicts[0][1]

    def _add_tags(self, parts: Iterable[Part]) -> None:
        tags: dict[str, list[Tag]] = {}
        for part in parts:
            if part.tags:
                tags.setdefault(part.run_id, []).extend(part.tags)
        for run_id, those in tags.items():
            name = renamed_to(those)
            if name is not None:
                self._infos[run_id] = msgspec.structs.replace(self._infos[run_id], run_name=name)
        if tags:
            self._tx.tags.set(tags)

    def _add_links(self, parts: Iterable[Part]) -> None:
        """Inputs and outputs, which are few."""
        for part in parts:
            if part.frame is None:
                continue
            if part.frame.datasets or part.frame.models:
                self._tx.datasets.log_inputs(part.run_id, part.frame.datasets, part.frame.models)
            if part.frame.outputs:
                try:
                    add_outputs(self._tx, part.run_id, part.frame.outputs)
                except RunebookError as error:
                    part.refused.append(error)


def _keys(parts: Iterable[Part]) -> set[str]:
    return {item.key for part in parts for items in (part.series, part.params, part.tags) for item in items}


def _chosen(parts: Iterable[Part], there: dict[tuple[str, str], str]) -> dict[str, list[Param]]:
    """The params to add by run, when these are there already; those with another value are noted in their parts."""
    values = dict(there)
    chosen: dict[str, list[Param]] = {}
    for part in parts:
        new: dict[tuple[str, str], Param] = {}
        part.conflicts = []
        for param in part.params:
            place = (part.run_id, param.key)
            value = values[place] if place in values else new.setdefault(place, param).value
            if value != param.value:
                part.conflicts.append((param, param_conflict(param, value, part.run_id)))
        if part.frame is None and part.conflicts:
            continue
        values.update((place, param.value) for place, param in new.items())
        chosen.setdefault(part.run_id, []).extend(new.values())
    return {run_id: params for run_id, params in chosen.items() if params}


def _by_run(parts: Iterable[Part]) -> dict[str, list[Series]]:
    found: dict[str, list[Series]] = {}
    for part in parts:
        if part.series:
            found.setdefault(part.run_id, []).extend(part.series)
    return found
