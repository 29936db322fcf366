"""The container's work: it ends in order when it is told to."""

import os
import signal
import threading

told = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: told.set())
print("working, fenced by", os.environ["INCUMBENT_TOKEN"], flush=True)
told.wait()
print("done", flush=True)
