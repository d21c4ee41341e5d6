"""TensorFlow without Keras, for jobs that only train: the import is the larger half of a short job.

``import tensorflow`` imports Keras at its end (and with it scikit-learn, pandas and matplotlib),
1.5 of 4.5 s. A job that trains with the `tensorflow` engine uses none of it. TensorFlow skips that
step when told to use the legacy package ``tf_keras`` and that is not installed; the telling is
undone right after the import, so that ``import keras`` and ``tf.keras`` later find Keras as ever.
"""

import os
import sys


def _import_without_keras():
    os.environ.setdefault(
        "TF_CPP_MIN_LOG_LEVEL", "3"
    )  # "no CUDA driver" is no news to a CPU engine
    switch = "TF_USE_LEGACY_KERAS"
    if "tensorflow" in sys.modules or switch in os.environ:
        import tensorflow

        return tensorflow
    os.environ[switch] = "1"
    try:
        import tensorflow
    finally:
        del os.environ[switch]
    # the folder of the package that was not found
    tensorflow.__path__ = [folder for folder in tensorflow.__path__ if folder is not None]
    return tensorflow


tf = _import_without_keras()
