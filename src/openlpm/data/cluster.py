"""The same workers on many machines, through Ray. All machines see the sources under the same paths."""

import importlib
import os
from collections.abc import Iterator
from typing import Any, final

from openlpm.core.errors import ConfigError
from openlpm.data.crew import Finished, LocalCrew
from openlpm.data.records import Record, read_line
from openlpm.data.worker import Task

_QUIET: dict[str, Any] = {"log_to_driver": False, "include_dashboard": False, "configure_logging": False}


@final
class _Place:
    """What runs on a machine of the cluster: one worker process, with the same limits as at home."""

    def __init__(self, task: Task, longest_s: float) -> None:
        self._crew = LocalCrew(task, workers=1, longest_s=longest_s)

    def work(self, line: str) -> Finished | ConfigError:
        try:
            return next(iter(self._crew.work(iter([read_line(line)]))))
        except ConfigError as error:
            return error


@final
class RayCrew:
    """Actors of a Ray cluster, each with one record at a time.

    Raises:
        ConfigError: Ray is not installed, or its cluster cannot be reached.
    """

    def __init__(self, task: Task, *, address: str, workers: int, longest_s: float) -> None:
        # Ray otherwise reports its use to its makers, and warns about how it will treat accelerators some day.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            ray: Any = importlib.import_module("ray")  # by name: its types are there only where it is
        except ModuleNotFoundError as error:
            raise ConfigError(f"the package {error.name} is not installed; pip install 'openlpm[ray]'") from error
        self._ray = ray
        self._began_here = not ray.is_initialized()
        if self._began_here:
            try:
                if address == "ray":
                    ray.init(num_cpus=workers, **_QUIET)
                else:
                    ray.init(address=address, log_to_driver=False)
            except (ConnectionError, RuntimeError) as error:
                raise ConfigError(f"on={address}: no Ray cluster answers there ({error})") from error
        actor: Any = ray.remote(num_cpus=1)(_Place)
        self._actors: list[Any] = [actor.remote(task, longest_s) for _ in range(workers)]

    def work(self, records: Iterator[Record]) -> Iterator[Finished]:
        """See ``crew.Crew``."""
        free, busy = list(self._actors), dict[Any, Any]()
        while True:
            while free and (record := next(records, None)) is not None:
                actor = free.pop()
                busy[actor.work.remote(record.line())] = actor
            if not busy:
                return
            ready, _ = self._ray.wait(list(busy), num_returns=1)
            for reference in ready:
                free.append(busy.pop(reference))
                finished: Finished | ConfigError = self._ray.get(reference)
                if isinstance(finished, ConfigError):
                    raise finished
                yield finished

    def close(self) -> None:
        """End the actors, and the cluster if it was begun for them."""
        for actor in self._actors:
            self._ray.kill(actor)
        if self._began_here:
            self._ray.shutdown()
