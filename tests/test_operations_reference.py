import subprocess
import sys
from pathlib import Path


def test_the_reference_of_the_operations_is_up_to_date() -> None:
    script = Path(__file__).parents[1] / "scripts" / "write_operations_reference.py"
    checked = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
