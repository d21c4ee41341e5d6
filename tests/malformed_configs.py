"""Malformed configurations: what a person may well write, and what the message must then say.

Each case is YAML laid over ``config.yaml`` as ``snakemake --configfile`` would, and keys to delete.
"""

from typing import NamedTuple


class Case(NamedTuple):
    """One malformed configuration.

    Attributes:
        overlay: YAML text laid over config.yaml.
        key: path of the key that the message must name.
        says: what else the line of that key must contain.
        delete: path of a key to remove before the overlay is merged.
    """

    overlay: str
    key: str
    says: str
    delete: tuple[str, ...] = ()


def _regularizer(name: str, text: str) -> str:
    return f"optimality: {{regularizers: {{{name}: {text}}}}}"


_GN = "optimality.regularizers.GN"

CASES = [
    # unknown keys
    Case("colour: red", "colour", "unknown key"),
    Case("monotonicity: {size: [64, 128]}", "monotonicity.size", "'sizes'"),
    Case("monotonicity: {seed: [0]}", "monotonicity.seed", "'seeds'"),
    Case("trainning: {epsilon: 0.1}", "trainning", "'training'"),
    Case("epsilon: 1.0e-5", "epsilon", "did you mean 'training.epsilon'"),
    Case(_regularizer("GN", "{lambdas: [0.1]}"), f"{_GN}.lambdas", "'lambda'"),
    Case(_regularizer("gn", "null"), "optimality.regularizers.gn", "'GN'"),
    Case(
        _regularizer("L2", "{lambda: [0.1], learning_rate: 0.1}"),
        "optimality.regularizers.L2",
        "the keys here are GN, FPL, GPL, GPL-exact, WP",
    ),
    Case("3: 4", "3", "the key is not text"),
    Case("network: {no: 4}", "network.false", "the key is not text (YAML reads"),
    Case("training: {~: 4}", "training.null", "the key is not text"),
    Case('"a\\nb": 1', '"a\\nb"', "unknown key"),
    Case('"": 1', '""', "unknown key"),
    # missing keys, null where a value is needed
    Case("{}", "name", "missing", ("name",)),
    Case("{}", "dataset", "missing", ("dataset",)),
    Case("{}", "pairs", "missing", ("pairs",)),
    Case("{}", "network", "missing", ("network",)),
    Case("{}", "monotonicity", "or null", ("monotonicity",)),
    Case("{}", "training.epsilon", "missing", ("training", "epsilon")),
    Case("{}", "optimality.seeds", "missing", ("optimality", "seeds")),
    Case(
        _regularizer("GPL-exact", "{lambda: [0.1]}"),
        "optimality.regularizers.GPL-exact.learning_rate",
        "missing",
    ),
    Case("name:", "name", "got null"),
    Case("pairs:", "pairs", "got null"),
    Case("network:", "network", "got null"),
    Case("training: {epsilon: }", "training.epsilon", "got null"),
    Case("monotonicity: {seeds: [0, ]}\npairs: [~]", "pairs[0]", "got null"),
    Case("measures: null", "measures", "a mapping with the keys names, n_samples"),
    Case("{monotonicity: null, optimality: null}", "optimality", "both experiments"),
    Case(
        "optimality: {regularizers: {GN: null, WP: null, FPL: null, GPL: null}}",
        "optimality.regularizers",
        "set optimality to null",
    ),
    # wrong types
    Case("name: off", "name", "YAML reads yes, on, no, off as true, false"),
    Case("name: 2024", "name", 'put text in quotes: "2024"'),
    Case("name: [a]", "name", "a list of 1"),
    Case("dataset: no", "dataset", "got false"),
    Case("mnist_dir: 7", "mnist_dir", "the path of a folder, or null"),
    Case("mnist_dir: [data]", "mnist_dir", "a list of 1"),
    Case('mnist_dir: ""', "mnist_dir", "the path of a folder"),
    Case('mnist_dir: "a\\0b"', "mnist_dir", "the path of a folder"),
    Case('mnist_dir: "a\\nb"', "mnist_dir", "the path of a folder"),
    Case("network: [256, 0.01]", "network", "got a list of 2"),
    Case("network: big", "network", 'got "big"'),
    Case("training: 3", "training", "a mapping with the keys engine"),
    Case("monotonicity: off", "monotonicity", "to switch it off write null"),
    Case("optimality: yes", "optimality", "got true"),
    Case(_regularizer("GN", "off"), _GN, "write null"),
    Case(_regularizer("GN", "0.1"), _GN, "got 0.1"),
    Case(_regularizer("GN", "[0.1]"), _GN, "got a list of 1"),
    Case("optimality: {regularizers: [GN, WP]}", "optimality.regularizers", "got a list of 2"),
    Case("monotonicity: {sizes: 64}", "monotonicity.sizes", "write a list: [64]"),
    Case("monotonicity: {sizes: {a: 64}}", "monotonicity.sizes", "a mapping"),
    Case('monotonicity: {sizes: "64, 128"}', "monotonicity.sizes", "must be a list"),
    Case(_regularizer("GN", "{lambda: 0.1}"), f"{_GN}.lambda", "write a list"),
    Case(_regularizer("GN", "{lambda: [[0.1]]}"), f"{_GN}.lambda[0]", "a list of"),
    Case("monotonicity: {seeds: [true]}", "monotonicity.seeds[0]", "got true"),
    Case("network: {hidden_units: yes}", "network.hidden_units", "got true"),
    Case("network: {alpha: true}", "network.alpha", "got true"),
    Case('network: {hidden_units: "64"}', "network.hidden_units", "without quotes"),
    Case('network: {alpha: "0.01"}', "network.alpha", "without quotes"),
    Case("network: {hidden_units: 64.0}", "network.hidden_units", "write 64"),
    Case("network: {hidden_units: 64.5}", "network.hidden_units", "whole number"),
    Case("optimality: {size: 1.0e+4}", "optimality.size", "write 10000"),
    Case("training: {max_epochs: 1e4}", "training.max_epochs", "write 10000"),
    Case("training: {epsilon: 1e-5}", "training.epsilon", "write 1.0e-5"),
    Case("training: {epsilon: 1.5e1}", "training.epsilon", "write 15.0"),
    Case(
        _regularizer("GN", "{lambda: [1.0e-5, 3e-6]}"),
        f"{_GN}.lambda[1]",
        "YAML reads 3e-6 as text: write 3.0e-6",
    ),
    Case("network: {alpha: small}", "network.alpha", 'got "small"'),
    Case("network: {alpha: .nan}", "network.alpha", "got nan; must be a number"),
    Case("training: {epsilon: .inf}", "training.epsilon", "got inf; must be a number"),
    Case("training: {max_epochs: -.inf}", "training.max_epochs", "got -inf; must be a whole"),
    Case("pairs: [2001-01-02]", "pairs[0]", "YAML reads 2001-01-02 as a date"),
    Case("name: 2001-01-02 03:04:05", "name", "as a date"),
    Case("pairs: !!set {0-1, 3-5}", "pairs", "got a value of type set; must be all, or a list"),
    Case("name: !!binary aGVsbG8=", "name", "got a value of type bytes; must be a name"),
    # names
    Case('name: ""', "name", "1 to 64 letters"),
    Case("name: results/demo", "name", "1 to 64 letters"),
    Case("name: 'a\\b'", "name", "1 to 64 letters"),
    Case("name: a..b", "name", "cannot be the name of a folder"),
    Case("name: ..", "name", "starts with a letter or digit"),
    Case("name: .hidden", "name", "starts with a letter or digit"),
    Case("name: -n", "name", "starts with a letter or digit"),
    Case("name: my study", "name", "1 to 64 letters"),
    Case('name: "demo\\n"', "name", "1 to 64 letters"),
    Case('name: "{pair}"', "name", "1 to 64 letters"),
    Case("name: λ-study", "name", "1 to 64 letters"),
    Case(f"name: {'a' * 65}", "name", "1 to 64 letters"),
    Case("name: demo.", "name", "cannot be the name of a folder"),
    Case("name: data", "name", "cannot be the name of a folder"),
    Case("name: Con", "name", "cannot be the name of a folder"),
    Case("name: lpt1.txt", "name", "cannot be the name of a folder"),
    Case("name: README.md", "name", "cannot be the name of a folder"),
    # choices
    Case("dataset: cifar", "dataset", "must be one of mnist, digits"),
    Case("dataset: MNIST", "dataset", "did you mean 'mnist'?"),
    Case("training: {engine: torch}", "training.engine", "sparse, tensorflow"),
    # pairs
    Case("pairs: []", "pairs", "got a list of 0"),
    Case("pairs: every", "pairs", "must be all, or a list"),
    Case("pairs: 3-5", "pairs", "must be all, or a list"),
    Case("pairs: [all]", "pairs[0]", "two digits a-b"),
    Case("pairs: [5-3]", "pairs[0]", 'write "3-5"'),
    Case("pairs: [3-3]", "pairs[0]", "must differ"),
    Case("pairs: [04-9]", "pairs[0]", "two digits a-b"),
    Case("pairs: [3-10]", "pairs[0]", "two digits a-b"),
    Case("pairs: [a-b]", "pairs[0]", "two digits a-b"),
    Case("pairs: [٣-٥]", "pairs[0]", "two digits a-b"),
    Case("pairs: [[3, 5]]", "pairs[0]", "got a list of 2"),
    Case("pairs: [35]", "pairs[0]", "two digits a-b"),
    Case("pairs: [0-1, 3-5, 0-1]", "pairs[2]", "listed twice"),
    Case('pairs: ["3-5\\n"]', "pairs[0]", "two digits a-b"),
    # sizes
    Case("monotonicity: {sizes: [64, 65]}", "monotonicity.sizes[1]", "even"),
    Case("monotonicity: {sizes: [0, 64]}", "monotonicity.sizes[0]", "from 2"),
    Case("monotonicity: {sizes: [-64, 64]}", "monotonicity.sizes[0]", "from 2"),
    Case("monotonicity: {sizes: [64, 64]}", "monotonicity.sizes[1]", "listed twice"),
    Case("monotonicity: {sizes: []}", "monotonicity.sizes", "a list of 2 to 1,000"),
    Case("monotonicity: {sizes: [64]}", "monotonicity.sizes", "Kendall's τ"),
    Case("monotonicity: {sizes: [64, 10002]}", "monotonicity.sizes[1]", "at most 10,000"),
    Case("optimality: {size: 9999}", "optimality.size", "even"),
    Case("dataset: digits", "optimality.size", "at most 240: digits"),
    # numbers out of range
    Case(_regularizer("GN", "{lambda: [0, 0.1]}"), f"{_GN}.lambda[0]", "λ = 0"),
    Case(_regularizer("GN", "{lambda: [0.0]}"), f"{_GN}.lambda[0]", "λ = 0"),
    Case(_regularizer("GN", "{lambda: [-0.1]}"), f"{_GN}.lambda[0]", "from 1.0"),
    Case(_regularizer("GN", "{lambda: [1.0e+9]}"), f"{_GN}.lambda[0]", "1,000,000"),
    Case(_regularizer("GN", "{lambda: []}"), f"{_GN}.lambda", "a list of 1 to 100"),
    Case(
        _regularizer("GN", "{lambda: [0.001, 1.0e-3]}"), f"{_GN}.lambda[1]", "0.001 is listed twice"
    ),
    Case(_regularizer("GN", "{learning_rate: 0}"), f"{_GN}.learning_rate", "got 0"),
    Case("monotonicity: {learning_rate: -0.1}", "monotonicity.learning_rate", "0.1"),
    Case("network: {alpha: 0}", "network.alpha", "from 1.0e-12"),
    Case("network: {hidden_units: 0}", "network.hidden_units", "from 1 to 65,536"),
    Case("network: {hidden_units: 65537}", "network.hidden_units", "65,536"),
    Case("training: {batch_size: 0}", "training.batch_size", "from 1"),
    Case("training: {epsilon: -1.0e-5}", "training.epsilon", "got -1e-05"),
    Case("training: {epsilon: 2}", "training.epsilon", "to 1"),
    Case("training: {max_epochs: 10000001}", "training.max_epochs", "10,000,000"),
    Case("training: {max_epochs: 0}", "training.max_epochs", "from 1"),
    Case("optimality: {seeds: [-1]}", "optimality.seeds[0]", "from 0"),
    Case("optimality: {seeds: [2147483648]}", "optimality.seeds[0]", "to 2,147"),
    Case("optimality: {seeds: [1, 0, 1]}", "optimality.seeds[2]", "listed twice"),
    Case("optimality: {seeds: []}", "optimality.seeds", "a list of 1 to 1,000"),
    Case("optimality: {grid_points: 1}", "optimality.grid_points", "from 2"),
    Case("measures: {n_samples: 1}", "measures.n_samples", "from 2"),
    Case("measures: {n_samples: 1000001}", "measures.n_samples", "1,000,000"),
    Case("measures: {grid_points: 1000000}", "measures.grid_points", "100,000"),
    Case(f"network: {{hidden_units: 0x{'F' * 9000}}}", "network.hidden_units", "too l"),
    # measures
    Case("measures: {names: null}", "measures.names", "got null; must be a list"),
    Case("measures: {names: all}", "measures.names", 'got "all"; must be a list'),
    Case("measures: {names: []}", "measures.names", "a list of 1 to 100"),
    Case("measures: {names: [GN, GN]}", "measures.names[1]", "listed twice"),
    Case("measures: {names: [gn]}", "measures.names[0]", "did you mean 'GN'?"),
    Case("measures: {names: [XY]}", "measures.names[0]", "one of GN, FPL, GPL"),
    Case(
        "measures: {names: [GN, FPL, WP]}",
        "optimality.regularizers.GPL",
        "it lowers GPL, which measures.names leaves out",
    ),
    # the search for the edge
    Case("optimality: {search: yes}", "optimality.search", "the keys factor, max_st"),
    Case("optimality: {search: off}", "optimality.search", "off write null"),
    Case("optimality: {search: {factor: 0.5}}", "optimality.search.factor", "from 1.1 to 100"),
    Case(
        "optimality: {search: {max_steps: 100}}",
        "optimality.search.max_steps",
        "a whole number from 1 to 20",
    ),
    Case("optimality: {search: {steps: 5}}", "optimality.search.steps", "unknown k"),
    Case("training: {batch_size: 1}", "optimality.regularizers.FPL", "training.batch_size is 1"),
]
