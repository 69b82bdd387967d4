"""TensorFlow, Keras and SciKeras, imported without their start-up notes."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def _silenced_stderr() -> Iterator[None]:
    """Hold back what native code writes to file descriptor 2; show it if the block fails.

    TensorFlow's C++ start-up notes are written before its own log level applies, so only the
    descriptor itself can keep them off the user's terminal.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as sink:
        saved = os.dup(2)
        os.dup2(sink.fileno(), 2)
        try:
            yield
        except BaseException:
            sink.seek(0)
            os.write(saved, sink.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def _check_backend(backend: str) -> None:
    if backend != "tensorflow":
        raise ImportError(
            f"Keras's backend must be 'tensorflow' for fit and pipeline_; received {backend!r} from "
            "KERAS_BACKEND or keras.json. Set KERAS_BACKEND=tensorflow before Keras is imported. Prediction, "
            "load_model, catalogues and fit_blocks need no backend."
        )


def _import_quietly() -> None:
    # Keras would import the backend of this name, and say no more than that it is not there.
    _check_backend(os.environ.get("KERAS_BACKEND") or "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Workers of a joblib pool announce their share of the cores so; TensorFlow has its own names for it.
    threads = os.environ.get("OMP_NUM_THREADS")
    if threads:
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", threads)
        os.environ.setdefault("TF_NUM_INTEROP_THREADS", threads)
    with _silenced_stderr():
        import tensorflow as tf

        tf.zeros(1)  # the runtime's own notes come with the first operation
    tf.get_logger().setLevel("ERROR")
    import keras

    _check_backend(keras.backend.backend())


_import_quietly()

import keras  # noqa: E402
from scikeras.utils.random_state import tensorflow_random_state  # noqa: E402
from scikeras.wrappers import KerasRegressor  # noqa: E402

__all__ = ["KerasRegressor", "keras", "tensorflow_random_state"]
