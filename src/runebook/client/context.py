"""What a run knows of where it was started, captured once per process."""

from __future__ import annotations

import os
import re
import sys
from itertools import pairwise
from pathlib import Path

from runebook.core import tags

MASK = "***"

_SECRET_WORDS = {"password", "passwd", "passphrase", "pwd", "token", "secret", "apikey", "credential", "credentials"}
_SECRET_PAIRS = {("api", "key"), ("access", "key"), ("private", "key"), ("account", "key")}
_URL_PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]+@")


def user_name() -> str:
    """The login name, as `getpass.getuser` finds it."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        if os.environ.get(name):
            return os.environ[name]
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError, OSError):
        return "unknown"


def source_path() -> Path | None:
    """The script that runs; None at a prompt, with `-c` and in a notebook."""
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    return Path(file).absolute() if file and not _notebook_name() else None


def source_folder() -> Path:
    """Where the source is that git should be asked about; of an installed command such as `pytest`, where it runs."""
    source = source_path()
    if source is None or source.suffix != ".py" or "site-packages" in source.parts:
        return Path.cwd()
    return source.parent


def command_line() -> str:
    """How the process was started, without what looks like a secret."""
    import shlex

    return shlex.join(mask_secrets(getattr(sys, "orig_argv", sys.argv)))


def mask_secrets(words: list[str]) -> list[str]:
    """Hide the values of options named like a secret (`--token x`, `--db-password=x`) and passwords in URLs."""
    masked: list[str] = []
    hides_next = False
    for word in words:
        option, equals, _ = word.partition("=")
        if hides_next and not word.startswith("--"):
            masked.append(MASK)
            hides_next = False
        elif (equals or option.startswith("-")) and _is_secret(option):
            masked.append(f"{option}={MASK}" if equals else word)
            hides_next = not equals
        else:
            masked.append(_URL_PASSWORD.sub(rf"\1:{MASK}@", word))
            hides_next = False
    return masked


def _is_secret(option: str) -> bool:
    """Whether a word of the name says so: `--db-password` and `hub.token` do; `--tokenizer`, `--max-tokens` do not."""
    words = [word for word in re.split(r"[-_.]+", option.lower()) if word]
    return bool(_SECRET_WORDS.intersection(words) or _SECRET_PAIRS.intersection(pairwise(words)))


def platform_name() -> str:
    """Such as `Linux-6.1.0-x86_64`. The `platform` module would start a process to say it."""
    if hasattr(os, "uname"):
        system = os.uname()
        return f"{system.sysname}-{system.release}-{system.machine}"
    return sys.platform


def host_name() -> str:
    if hasattr(os, "uname"):
        return os.uname().nodename
    return os.environ.get("COMPUTERNAME", "unknown")


def process_tags() -> dict[str, str]:
    """All but git's state; the same for every run of the process."""
    notebook = _notebook_name()
    source = source_path()
    found = {
        tags.USER: user_name(),
        tags.SOURCE_NAME: notebook or (str(source) if source else sys.argv[0] if sys.argv else ""),
        tags.SOURCE_TYPE: "NOTEBOOK" if notebook else "LOCAL",
        tags.COMMAND: command_line(),
        tags.PYTHON_VERSION: ".".join(map(str, sys.version_info[:3])),
        tags.PLATFORM: platform_name(),
        tags.HOSTNAME: host_name(),
    }
    return {key: _readable(value) for key, value in found.items() if value}


def _readable(value: str) -> str:
    """Names that are no UTF-8 come from the system with lone surrogates, which no store keeps."""
    return value.encode(errors="surrogateescape").decode(errors="replace")


def _notebook_name() -> str | None:
    """The notebook's path where its server or editor tells it, else `notebook`; None outside of notebooks."""
    interactive = sys.modules.get("IPython")
    if "ipykernel" not in sys.modules or interactive is None:
        return None
    shell = getattr(interactive, "get_ipython", lambda: None)()
    from_editor = getattr(shell, "user_ns", {}).get("__vsc_ipynb_file__")
    return str(from_editor or os.environ.get("JPY_SESSION_NAME") or "notebook")
