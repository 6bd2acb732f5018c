from __future__ import annotations

from .conftest import Script


def test_a_child_forked_while_a_thread_imports_can_import_too(script: Script) -> None:
    script(
        """
        import os, sys, threading, time
        import runebook as rb
        is_importing = threading.Event()
        class Slowly:
            def find_spec(self, name, path=None, target=None):
                if name == "runebook.client.fluent.tags":
                    is_importing.set()
                    time.sleep(0.3)
        sys.meta_path.insert(0, Slowly())
        thread = threading.Thread(target=lambda: rb.set_tag)
        thread.start()
        is_importing.wait()
        child = os.fork()
        if child == 0:
            rb.set_tag
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        thread.join()
        """
    )
