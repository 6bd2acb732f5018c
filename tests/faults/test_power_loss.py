"""What was acknowledged is on the disk, not merely on its way there."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from tests.faults.plain_writers import KINDS
from tests.faults.small_disk import LoopDisk
from tests.faults.stored_points import is_whole, open_store, stored_points
from tests.server.running import RunningServer

SEED = 14
LOSSES = 5


def test_a_file_holds_what_was_acknowledged_when_the_power_goes(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    checked = 0
    with LoopDisk(tmp_path, "disk") as disk:
        store = f"sqlite:///{disk.path}/runebook.db"
        with RunningServer(tmp_path, backend_store_uri=store, fold_interval_s=0.2) as server:
            writers = [kind(server.port, number) for number, kind in enumerate((*KINDS, *KINDS))]
            try:
                for writer in writers:
                    writer.start()
                for loss in range(LOSSES):
                    time.sleep(rng.uniform(0.2, 0.6))
                    server.process.send_signal(signal.SIGSTOP)
                    acknowledged = [writer.acknowledged for writer in writers]
                    with LoopDisk(tmp_path, f"found-{loss}", disk.image) as found:
                        server.process.send_signal(signal.SIGCONT)
                        storage = open_store(f"sqlite:///{found.path}/runebook.db")
                        for writer, count in zip(writers, acknowledged, strict=True):
                            numbers = stored_points(storage, writer.run_id, "m", writer.writer).numbers
                            assert numbers >= count, f"seed {SEED}: {count} acknowledged, {numbers} found"
                            checked += numbers
                        storage.close()
                        assert is_whole(found.path / "runebook.db")
            finally:
                server.process.send_signal(signal.SIGCONT)
                for writer in writers:
                    writer.stop()
            for writer in writers:
                writer.join()
    assert checked > 1000
    print(f"{LOSSES} losses of power, {checked} points")
