import re
import time

from runebook.core.ids import new_model_id, new_run_id, new_uuid7


def test_a_run_id_has_32_hex_digits_and_says_version_7() -> None:
    for _ in range(100):
        run_id = new_run_id()
        assert re.fullmatch(r"[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}", run_id)
    assert re.fullmatch(r"m-[0-9a-f]{32}", new_model_id())


def test_ids_sort_by_the_millisecond_they_were_made_in() -> None:
    ids = []
    for _ in range(5):
        ids.append(new_uuid7())
        time.sleep(0.002)
    assert ids == sorted(ids)
    assert len({new_uuid7() for _ in range(10_000)}) == 10_000
