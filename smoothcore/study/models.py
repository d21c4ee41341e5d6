"""The configuration of a study as models: each key with its meaning, type, range and source.

The checks and their messages, the schema for editors and ``docs/config.md`` all derive from these
models. `smoothcore.study.config.load_study` makes a `Study`: it also checks what joins several
keys. ``config.yaml`` states the paper's values; a default is here only where null is one there.
"""

import itertools
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from smoothcore.datasets import all_datasets
from smoothcore.engines import ENGINES
from smoothcore.measures import all_measures
from smoothcore.regularizers import all_regularizers

ALL_PAIRS = tuple(f"{a}-{b}" for a, b in itertools.combinations(range(10), 2))

#: the largest λ; file names stay free of a + in the exponent
MAX_LAMBDA = 1_000_000

#: what a name can be looked up in; a room that grows changes neither schema nor reference
ROOMS: dict[str, Callable[[], Collection[str]]] = {
    "smoothcore/datasets": all_datasets,
    "smoothcore/measures": all_measures,
    "smoothcore/regularizers": all_regularizers,
}

#: names that Windows reserves, and what already has a place in results/
_RESERVED_NAMES = {
    "data", "readme.md", "con", "prn", "aux", "nul",
    *(f"{port}{i}" for port in ("com", "lpt") for i in range(1, 10)),
}  # fmt: skip


_NO_NOTE: Mapping = {}


def _key(meaning: str, source: str = "", note: Mapping = _NO_NOTE, **limits: Any) -> Any:
    """Describe a key: its meaning, where the paper has it, notes for the schema, its range.

    The note ``x-allowed`` says what is allowed where type and range do not, ``x-hint`` why.
    """
    where = {"x-source": source} if source else {}
    return Field(description=meaning, json_schema_extra={**where, **note}, **limits)


def _list(meaning: str, source: str, at_least: int, at_most: int, note: Mapping = _NO_NOTE) -> Any:
    """Describe a key with a list of different values."""
    return _key(
        meaning, source, {"uniqueItems": True, **note}, min_length=at_least, max_length=at_most
    )


def _refuse(kind: str, **about: Any) -> PydanticCustomError:
    return PydanticCustomError(kind, "{text}", about)


def _named_in(names: Callable[[], Collection[str]]) -> AfterValidator:
    """Accept the names that ``names`` returns, at the time of the check."""

    def check(name: str) -> str:
        if name not in names():
            raise _refuse("unknown_name", text="", names=list(names()))
        return name

    return AfterValidator(check)


def _folder_name(name: str) -> str:
    taken = {name.lower(), name.split(".")[0].lower()} & _RESERVED_NAMES
    if taken or ".." in name or name.endswith("."):
        raise _refuse("own", text="cannot be the name of a folder of results; choose another")
    return name


def _smaller_first(pair: str) -> str:
    if pair not in ALL_PAIRS:
        a, b = pair.split("-")
        way_out = "the two digits must differ" if a == b else f'write "{b}-{a}"'
        raise _refuse("own", text=f"the smaller digit comes first: {way_out}")
    return pair


def _without_those_off(grids: dict) -> dict:
    on = {name: grid for name, grid in grids.items() if grid is not None}
    if not on:
        raise _refuse("own", text="no regularizer is on: give one its λ, or set optimality to null")
    return on


#: a list of YAML, kept as a tuple; a set has no order and is refused
LIST = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)

Pair = Annotated[
    str,
    _key(
        "Two digits, the smaller first.",
        note={"x-allowed": 'two digits a-b with a < b, such as "3-5"'},
        pattern="^[0-9]-[0-9]$",
    ),
    AfterValidator(_smaller_first),
]
Size = Annotated[
    int,
    _key(
        "Number of training images, half of each digit; at most what the dataset has for a pair.",
        "§4.2, §4.3",
        {"x-hint": "half of the images come from each digit"},
        ge=2,
        multiple_of=2,
    ),
]
Seed = Annotated[int, _key("A seed.", ge=0, le=2**31 - 1)]
Seeds = Annotated[
    tuple[Seed, ...],
    _list(
        "One run per seed; a seed drives the initialisation and every permutation.",
        "§4.2, §4.3", 1, 1000,
    ),
    LIST,
]  # fmt: skip
LearningRate = Annotated[float, _key("Step size of SGD.", "§4.1, §4.3", ge=1e-9, le=100)]
Lambda = Annotated[
    float,
    _key(
        "A weight λ > 0.",
        note={
            "x-hint": "the runs at λ = 0 are made anyway, for every learning rate: do not list 0"
        },
        ge=1e-12,
        le=MAX_LAMBDA,
    ),
]
RegularizerName = Annotated[str, _named_in(all_regularizers)]
MeasureName = Annotated[
    str,
    _key("The name of a measure.", note={"x-room": "smoothcore/measures"}),
    _named_in(all_measures),
]


class Keys(BaseModel):
    """A mapping of the configuration: unknown keys are refused, nothing is converted."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class Network(Keys):
    """The two-layer ReLU network d–h–1 (§4.1)."""

    hidden_units: int = _key("h, the number of hidden units.", "§4.1", ge=1, le=65536)
    alpha: float = _key(
        "α of the initial weights: uniform on ±sqrt(6 α / (n_in + n_out)).",
        "§4.1",
        ge=1e-12,
        le=100,
    )


class Training(Keys):
    """Mini-batch SGD on the mean squared error, and when it stops (§4.1)."""

    engine: Annotated[str, _named_in(lambda: ENGINES)] = _key(
        "What carries out the steps: sparse (NumPy and Numba, the fast one) or tensorflow.",
        note={"x-allowed": "one of " + ", ".join(ENGINES)},
    )
    batch_size: int = _key(
        "Samples per mini-batch; the short last batch of an epoch is kept.", "§4.1", ge=1, le=10_000
    )
    epsilon: float = _key(
        "ε: a run stops, and interpolates, once the unregularized loss L(f) on its whole training "
        "set is below it.",
        "§4.1",
        ge=1e-12,
        le=1,
    )
    max_epochs: int = _key(
        "Epochs after which a run is given up; it does not interpolate.", ge=1, le=10_000_000
    )


class Monotonicity(Keys):
    """Table 1: is a measure monotone in the number of training images? λ = 0 everywhere."""

    sizes: Annotated[tuple[Size, ...], LIST] = _list(
        "n of the nested balanced training sets D_n; one run per pair, size and seed.",
        "§4.2", 2, 1000, {"x-hint": "Kendall's τ needs at least two sizes"},
    )  # fmt: skip
    seeds: Seeds
    learning_rate: LearningRate


class RegularizerGrid(Keys):
    """The λ of one regularizer and the learning rate of its runs; null leaves it out."""

    lambdas: Annotated[Annotated[tuple[Lambda, ...], LIST], Field(alias="lambda")] = _list(
        "The weights λ of L_reg = L + λ S.", "§4.3, equation 15", 1, 100
    )
    learning_rate: LearningRate


class Search(Keys):
    """λ beyond the grid, until fewer than half of the pairs interpolate; {} switches it on."""

    factor: float = _key("λ rises by this factor a step.", default=10**0.5, ge=1.1, le=100)
    max_steps: int = _key("Steps after which the search ends.", default=6, ge=1, le=20)


class Optimality(Keys):
    """Figure 2 and Table 2: how far can a measure be lowered while the network interpolates?"""

    size: Size
    seeds: Seeds
    grid_points: int = _key(
        "n of the penalties that are sampled on a grid, in training.", "§4.3", ge=2, le=1000
    )
    regularizers: Annotated[
        dict[RegularizerName, RegularizerGrid | None], AfterValidator(_without_those_off)
    ] = _key(
        "The penalties S by name. Runs at λ = 0 are added for every learning rate.",
        "§4.3",
        {"x-room": "smoothcore/regularizers"},
    )
    search: Search | None = None

    @property
    def grids(self) -> dict[str, RegularizerGrid]:
        """The regularizers that are on."""
        return {name: grid for name, grid in self.regularizers.items() if grid is not None}


class Measures(Keys):
    """The measures of every trained model, on test images of its pair (§3.2)."""

    names: Annotated[tuple[MeasureName, ...], LIST] = _list(
        "The measures that are computed.", "§3", 1, 100
    )
    n_samples: int = _key(
        "N: images, or segments, that a sampled measure is the mean of.", "§3.2", ge=2, le=1_000_000
    )
    grid_points: int = _key("n: grid points on a segment.", "§3.2", ge=2, le=100_000)


class Study(Keys):
    """What is trained and measured: everything that changes a result, and nothing else."""

    # `pairs` is written out, never "all"; an experiment that is off is None

    name: Annotated[str, AfterValidator(_folder_name)] = _key(
        "Name of the study; its results go to `results/<name>/`.",
        note={
            "x-allowed": "a name of 1 to 64 letters, digits, dots, hyphens and underscores that "
            "starts with a letter or digit"
        },
        pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
    )
    dataset: Annotated[str, _named_in(all_datasets)] = _key(
        "Where the images come from.", "§4.1", {"x-room": "smoothcore/datasets"}
    )
    mnist_dir: str | None = _key(
        "Folder with the four original MNIST files (train-images-idx3-ubyte.gz, …). null: the "
        "environment variable SMOOTHCORE_MNIST_DIR if set, else one download to `data/mnist`.",
        note={"x-allowed": "the path of a folder"},
        default=None,
        pattern=r"^[^\u0000-\u001f\u007f]+$",
        max_length=4096,
    )
    published: bool = _key(
        "Whether runs that are published in `results/<name>/` count as there in a fresh checkout. "
        "false: everything is trained again.",
        note={"x-allowed": "true or false"},
        default=True,
    )
    pairs: Annotated[
        Annotated[tuple[Pair, ...], LIST],
        BeforeValidator(lambda value: ALL_PAIRS if value == "all" else value),
    ] = _list(
        "The regression problems: pairs of digits a-b with the targets −1 for a and +1 for b; all: "
        "the 45 of them.",
        "§4.1",
        *(1, 45),
        {
            "type": ["array", "string"],
            "pattern": "^all$",
            "x-allowed": 'all, or a list of pairs such as ["0-1", "3-5"]',
        },
    )
    network: Network
    training: Training
    monotonicity: Monotonicity | None
    optimality: Optimality | None
    measures: Measures

    def to_dict(self) -> dict[str, Any]:
        """Return the study as plain values that `load_study` turns into an equal study."""
        return self.model_dump(mode="json", by_alias=True)
