"""The configuration of a study as models: each key with its type, range, source and meaning.

The checks and their messages, the schema for editors and ``docs/config.md`` all derive from these
models. `smoothcore.study.config.load_study` makes a `Study`: it also checks what joins several
keys. ``config.yaml`` states the paper's values; a default is here only for what is off there.
"""

import itertools
import re
from collections.abc import Callable, Collection
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from smoothcore.datasets import all_datasets
from smoothcore.engines import ENGINES
from smoothcore.measures import all_measures
from smoothcore.regularizers import all_regularizers

ALL_PAIRS = tuple(f"{a}-{b}" for a, b in itertools.combinations(range(10), 2))

#: the largest λ
MAX_LAMBDA = 1_000_000

#: where a name is looked up; an entry more in a room changes neither schema nor reference
ROOMS: dict[str, Callable[[], Collection[str]]] = {
    "smoothcore/datasets": all_datasets,
    "smoothcore/measures": all_measures,
    "smoothcore/regularizers": all_regularizers,
}

#: what Windows reserves, what has a place in results/ already, what hides or ends in a dot
_NO_FOLDER = r"(?i)(data|readme|con|prn|aux|nul|com\d|lpt\d)(\..*)?|.*\.\..*|.*\."


def _key(meaning: str = "", source: str = "this project", **about: Any) -> Any:
    """Describe a key: its meaning, where the paper has it, its range, and notes for the schema.

    Of the notes ``allowed`` says what is allowed where type and range do not, ``hint`` why, and
    ``room`` where the names are looked up.
    """
    notes = {name: about.pop(name) for name in ("allowed", "hint", "room") if name in about}
    schema = {f"x-{name}": note for name, note in notes.items()} | about.pop("schema", {})
    if meaning:
        schema |= {"x-source": source}
    if "min_length" in about:
        schema |= {"uniqueItems": True}  # only lists have one
    return Field(description=meaning or None, json_schema_extra=schema, **about)


def _named_in(names: Callable[[], Collection[str]]) -> AfterValidator:
    """Accept the names that ``names`` returns at the time of the check."""

    def check(name: str) -> str:
        if name not in names():
            raise PydanticCustomError("unknown_name", "unknown", {"names": list(names())})
        return name

    return AfterValidator(check)


def _folder_name(name: str) -> str:
    if re.fullmatch(_NO_FOLDER, name):
        raise PydanticCustomError(
            "custom", "cannot be the name of a folder of results; choose another"
        )
    return name


def _smaller_first(pair: str) -> str:
    if pair not in ALL_PAIRS:
        a, b = pair.split("-")
        way_out = "the two digits must differ" if a == b else f'write "{b}-{a}"'
        raise PydanticCustomError("custom", "the smaller digit comes first: {o}", {"o": way_out})
    return pair


def _without_those_off(grids: dict) -> dict:
    on = {name: grid for name, grid in grids.items() if grid is not None}
    if not on:
        text = "no regularizer is on: give one its λ, or set optimality to null"
        raise PydanticCustomError("custom", text)
    return on


#: a list of YAML, kept as a tuple; a set has no order and is refused
_LIST = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)
_ALL = BeforeValidator(lambda value: ALL_PAIRS if value == "all" else value)

Pair = Annotated[
    str,
    _key(pattern="^[0-9]-[0-9]$", allowed='two digits a-b with a < b, such as "3-5"'),
    AfterValidator(_smaller_first),
]
Size = Annotated[int, _key(ge=2, multiple_of=2, hint="half of the images come from each digit")]
Seed = Annotated[int, _key(ge=0, le=2**31 - 1)]
Lambda = Annotated[
    float,
    _key(ge=1e-12, le=MAX_LAMBDA, hint="do not list 0: every learning rate gets runs at λ = 0"),
]
LearningRate = Annotated[float, _key("Step size of SGD.", "§4.1, §4.3", ge=1e-9, le=100)]
RegularizerName = Annotated[str, _named_in(all_regularizers)]
MeasureName = Annotated[str, _key(room="smoothcore/measures"), _named_in(all_measures)]


class Keys(BaseModel):
    """A mapping of the configuration: unknown keys are refused, nothing is converted."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class Network(Keys):
    """The two-layer ReLU network d–h–1 (§4.1)."""

    hidden_units: int = _key("h, the number of hidden units.", "§4.1", ge=1, le=65536)
    alpha: float = _key(
        "α: initial weights are uniform on ±sqrt(6 α / (n_in + n_out)).", "§4.1", ge=1e-12, le=100
    )


class Training(Keys):
    """Mini-batch SGD on the mean squared error, and when it stops (§4.1)."""

    engine: Annotated[str, _named_in(lambda: ENGINES)] = _key(
        "What carries out the steps: sparse (NumPy and Numba, the fast one) or tensorflow.",
        allowed="one of " + ", ".join(ENGINES),
    )
    batch_size: int = _key(
        "Samples per mini-batch; the short last batch of an epoch is kept.", "§4.1", ge=1, le=10_000
    )
    epsilon: float = _key(
        "ε: a run interpolates and stops once its unregularized training loss L(f) is below it.",
        "§4.1",
        ge=1e-12,
        le=1,
    )
    max_epochs: int = _key(
        "Epochs after which a run is given up; it does not interpolate.", ge=1, le=10_000_000
    )


class Monotonicity(Keys):
    """Table 1: is a measure monotone in the number of training images? λ = 0 everywhere."""

    sizes: Annotated[tuple[Size, ...], _LIST] = _key(
        "n of the nested balanced training sets D_n; at most what the dataset has for a pair.",
        "§4.2",
        min_length=2,
        max_length=1000,
        hint="Kendall's τ needs at least two sizes",
    )
    seeds: Annotated[tuple[Seed, ...], _LIST] = _key(
        "Initialisation and order of the samples; one run per pair, size and seed.",
        "§4.2",
        min_length=1,
        max_length=1000,
    )
    learning_rate: LearningRate


class RegularizerGrid(Keys):
    """The λ of one regularizer and the learning rate of its runs; null leaves it out."""

    lambdas: Annotated[tuple[Lambda, ...], _LIST, Field(alias="lambda")] = _key(
        "The weights λ of L_reg = L + λ S.", "§4.3, equation 15", min_length=1, max_length=100
    )
    learning_rate: LearningRate


class Search(Keys):
    """λ beyond the grid, until fewer than half of the pairs interpolate: {max_steps: 6}."""

    factor: float = _key("λ rises by this factor a step.", default=10**0.5, ge=1.1, le=100)
    max_steps: int = _key("Steps after which the search ends.", default=6, ge=1, le=20)


class Optimality(Keys):
    """Figure 2 and Table 2: how far can a measure be lowered while the network interpolates?"""

    size: Size = _key(
        "Training images, half of each digit; at most what the dataset has for a pair.", "§4.3"
    )
    seeds: Annotated[tuple[Seed, ...], _LIST] = _key(
        "One run per pair, seed, regularizer and λ.", "§4.3", min_length=1, max_length=1000
    )
    grid_points: int = _key(
        "n of the penalties that are sampled on a grid, in training.", "§4.3", ge=2, le=1000
    )
    regularizers: Annotated[
        dict[RegularizerName, RegularizerGrid | None], AfterValidator(_without_those_off)
    ] = _key(
        "The penalties S by name. Runs at λ = 0 are added for every learning rate.",
        "§4.3",
        room="smoothcore/regularizers",
    )
    search: Search | None = None

    @property
    def grids(self) -> dict[str, RegularizerGrid]:
        """The regularizers that are on."""
        return {name: grid for name, grid in self.regularizers.items() if grid is not None}


class Measures(Keys):
    """The measures of every network, trained and at its initialisation (§3.2)."""

    names: Annotated[tuple[MeasureName, ...], _LIST] = _key(
        "What is computed.", "§3", min_length=1, max_length=100
    )
    n_samples: int = _key(
        "N: images, or segments, that a sampled measure is the mean of.", "§3.2", ge=2, le=1_000_000
    )
    grid_points: int = _key("n: grid points on a segment.", "§3.2", ge=2, le=100_000)


class Study(Keys):
    """What is trained and measured: everything that changes a result, and little else."""

    # an experiment that is off is None, a regularizer that is off is absent
    name: Annotated[str, AfterValidator(_folder_name)] = _key(
        "Name of the study; its results go to `results/<name>/`.",
        allowed="a name of 1 to 64 letters, digits, dots, hyphens and underscores that starts "
        "with a letter or digit",
        pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
    )
    dataset: Annotated[str, _named_in(all_datasets)] = _key(
        "Where the images come from.", "§4.1", room="smoothcore/datasets"
    )
    mnist_dir: str | None = _key(
        "Folder with the four original MNIST files (train-images-idx3-ubyte.gz, …). null: the "
        "environment variable SMOOTHCORE_MNIST_DIR if set, else one download to `data/mnist`.",
        allowed="the path of a folder",
        default=None,
        pattern=r"^[^\u0000-\u001f\u007f]+$",
        max_length=4096,
    )
    published: bool = _key(
        "Whether runs that are published in `results/<name>/` count as there in a fresh checkout. "
        "false: everything is trained again.",
        allowed="true or false",
        default=True,
    )
    pairs: Annotated[tuple[Pair, ...], _LIST, _ALL] = _key(
        "The regression problems a-b, target −1 for digit a and +1 for digit b; all: the 45.",
        "§4.1",
        min_length=1,
        max_length=45,
        allowed='all, or a list of pairs such as ["0-1", "3-5"]',
        schema={"type": ["array", "string"], "pattern": "^all$"},
    )
    network: Network
    training: Training
    monotonicity: Monotonicity | None
    optimality: Optimality | None
    measures: Measures

    def to_dict(self) -> dict[str, Any]:
        """Return the study as plain values that `load_study` turns into an equal study."""
        return self.model_dump(mode="json", by_alias=True)
