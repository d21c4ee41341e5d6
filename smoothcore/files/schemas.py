"""The columns and types of the tables of a study."""

import pyarrow as pa

_COORDINATES = [
    ("pair", pa.string()),
    ("size", pa.int64()),
    ("seed", pa.int64()),
    ("regularizer", pa.string()),
    ("lambda", pa.float64()),
    ("learning_rate", pa.float64()),
]

#: one row per run
RUNS = pa.schema(
    [
        *_COORDINATES,
        ("status", pa.string()),
        ("interpolates", pa.bool_()),
        ("epochs", pa.int64()),
        ("steps", pa.int64()),
        ("running_loss", pa.float64()),
        ("training_loss", pa.float64()),
        ("test_loss", pa.float64()),
        ("seconds", pa.float64()),
        ("resumes", pa.int64()),
        ("d", pa.int64()),
        ("dataset", pa.string()),
        ("engine", pa.string()),
        ("hidden_units", pa.int64()),
        ("alpha", pa.float64()),
        ("batch_size", pa.int64()),
        ("epsilon", pa.float64()),
        ("max_epochs", pa.int64()),
        ("grid_points", pa.int64()),
        ("versions", pa.string()),
        ("processor", pa.string()),
        ("code", pa.string()),
        ("data_sha256", pa.string()),
        ("weights_sha256", pa.string()),
    ]
)

#: one row per epoch kept
CURVES = pa.schema([*_COORDINATES, ("epoch", pa.int64()), ("running_loss", pa.float64())])

#: one row per run, network (trained, initial), measure, estimator and set of images
MEASURES = pa.schema(
    [
        *_COORDINATES,
        ("measure", pa.string()),
        ("estimator", pa.string()),
        ("images", pa.string()),
        ("network", pa.string()),
        ("main", pa.bool_()),
        ("value", pa.float64()),
        ("stderr", pa.float64()),
        ("n_samples", pa.int64()),
        ("interpolates", pa.bool_()),
        ("code", pa.string()),
    ]
)
