"""The columns of the tables of a study: their types, units and meaning."""

from typing import NamedTuple

import pyarrow as pa


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: in the file.
        type: in the file.
        meaning: in a sentence, for the reference.
        unit: of its values; empty for text, counts and numbers without one.
    """

    name: str
    type: pa.DataType
    meaning: str
    unit: str = ""


TEXT, NUMBER, COUNT, TRUTH = pa.string(), pa.float64(), pa.int64(), pa.bool_()

COORDINATES = (
    Column("pair", TEXT, "The two digits, `4-9`: target −1 for the first, +1 for the second."),
    Column("size", COUNT, "Training images n, half of them of each digit.", "images"),
    Column("seed", COUNT, "Drives the initialisation and every permutation."),
    Column("regularizer", TEXT, "The penalty S, or `none`."),
    Column("lambda", NUMBER, "Its weight λ; 0 for `none`."),
    Column("learning_rate", NUMBER, "Step size of SGD."),
)

RUN_COLUMNS = (
    *COORDINATES,
    Column(
        "status",
        TEXT,
        "How the run ended: `interpolated`; `max_epochs`, given up; `diverged`, its loss exploded.",
    ),
    Column("interpolates", TRUTH, "Whether the exact training loss is below ε."),
    Column("epochs", COUNT, "Epochs until it ended.", "epochs"),
    Column("steps", COUNT, "Updates until it ended, one per batch.", "steps"),
    Column(
        "running_loss",
        NUMBER,
        "Mean of the batch losses of the last epoch, each taken before its update.",
        "squared error",
    ),
    Column(
        "training_loss",
        NUMBER,
        "L(f), without the penalty, on the whole training set, at the end.",
        "squared error",
    ),
    Column("test_loss", NUMBER, "The same on the test images of the pair.", "squared error"),
    Column("seconds", NUMBER, "Time in the engine, all starts together.", "s"),
    Column("resumes", COUNT, "How often the run continued from a checkpoint."),
    Column("d", COUNT, "Pixels of an image.", "pixels"),
    Column("dataset", TEXT, "Where the images come from."),
    Column("engine", TEXT, "What carried out the steps."),
    Column("hidden_units", COUNT, "Hidden units h.", "units"),
    Column("alpha", NUMBER, "Scale α of the initial weights."),
    Column("batch_size", COUNT, "Samples per batch.", "images"),
    Column("epsilon", NUMBER, "The loss ε to reach.", "squared error"),
    Column("max_epochs", COUNT, "Epochs after which it would have been given up.", "epochs"),
    Column(
        "grid_points",
        COUNT,
        "Points n of the penalty on a segment; empty where it has no grid.",
        "points",
    ),
    Column("versions", TEXT, "Versions of the libraries that computed it, as JSON."),
    Column("processor", TEXT, "The kinds of processor, mostly one: it decides about last bits."),
    Column("code", TEXT, "Fingerprint of the code that determines the network."),
    Column("data_sha256", TEXT, "SHA-256 of its training images and targets."),
    Column("weights_sha256", TEXT, "SHA-256 of its parameters."),
)

CURVE_COLUMNS = (
    *COORDINATES,
    Column("epoch", COUNT, "Counted from 1; thinned to about 50 of a run.", "epochs"),
    Column(
        "running_loss",
        NUMBER,
        "Mean of the batch losses of that epoch, each taken before its update.",
        "squared error",
    ),
)

MEASURE_COLUMNS = (
    *COORDINATES,
    Column("measure", TEXT, "Its name, such as `GPL`."),
    Column("estimator", TEXT, "How it was computed: `sampled`, `exact`, or another of its own."),
    Column("images", TEXT, "On which images: `test`, `training`; `none` where it needs no data."),
    Column("network", TEXT, "Of which network: `trained`, or `initial`, before the first step."),
    Column(
        "main",
        TRUTH,
        "Whether it is of the trained network on the images that the measure is defined on: the "
        "rows that tables and figures show.",
    ),
    Column("value", NUMBER, "The measure; NaN of a network that diverged."),
    Column("stderr", NUMBER, "Its standard error; 0 where nothing was sampled.", "as the value"),
    Column("n_samples", COUNT, "Points or segments averaged; 0 where it needs no data."),
    Column("interpolates", TRUTH, "Whether the run interpolates."),
    Column("code", TEXT, "Fingerprint of the code that determines the value."),
)


def _schema(columns: tuple[Column, ...]) -> pa.Schema:
    return pa.schema([(column.name, column.type) for column in columns])


#: one row per run
RUNS = _schema(RUN_COLUMNS)

#: one row per epoch kept
CURVES = _schema(CURVE_COLUMNS)

#: one row per run, network (trained, initial), measure, estimator and set of images
MEASURES = _schema(MEASURE_COLUMNS)
