"""Does SGD implicitly optimize for smoothness?

The library behind the workflow: data, training, smoothness measures, statistics, figures. It knows
nothing of Snakemake and can be used alone. Importing the package imports none of its parts;
TensorFlow is imported only by the TensorFlow engine and by ``keras_models``.
"""

import time

__version__ = "1.0.0"
#: what the files of this package said then is what the process holds, unless they were edited since
IMPORTED_AT = time.time()
