"""Malformed configurations: what a person may well write, and what the message must then say.

Each case is YAML laid over ``config.yaml`` as ``snakemake --configfile`` would, and keys to delete.
"""

from typing import NamedTuple


class Case(NamedTuple):
    """One malformed configuration.

    Attributes:
        id: name of the test.
        overlay: YAML text laid over config.yaml.
        key: path of the key that the message must name.
        says: what else the line of that key must contain.
        delete: path of a key to remove before the overlay is merged.
    """

    id: str
    overlay: str
    key: str
    says: str
    delete: tuple[str, ...] = ()


def _regularizer(name: str, text: str) -> str:
    return f"optimality: {{regularizers: {{{name}: {text}}}}}"


_GN = "optimality.regularizers.GN"

CASES = [
    # unknown keys
    Case("unknown_top_level", "colour: red", "colour", "unknown key"),
    Case("misspelled_size", "monotonicity: {size: [64, 128]}", "monotonicity.size", "'sizes'"),
    Case("misspelled_seeds", "monotonicity: {seed: [0]}", "monotonicity.seed", "'seeds'"),
    Case("misspelled_section", "trainning: {epsilon: 0.1}", "trainning", "'training'"),
    Case("misplaced_key", "epsilon: 1.0e-5", "epsilon", "did you mean 'training.epsilon'"),
    Case("lambdas", _regularizer("GN", "{lambdas: [0.1]}"), f"{_GN}.lambdas", "'lambda'"),
    Case("lower_case", _regularizer("gn", "null"), "optimality.regularizers.gn", "'GN'"),
    Case(
        "unknown_regularizer",
        _regularizer("L2", "{lambda: [0.1], learning_rate: 0.1}"),
        "optimality.regularizers.L2",
        "the keys here are GN, FPL, GPL, GPL-exact, WP",
    ),
    Case("number_as_key", "3: 4", "3", "the key is not text"),
    Case("boolean_as_key", "network: {no: 4}", "network.false", "the key is not text (YAML reads"),
    Case("null_as_key", "training: {~: 4}", "training.null", "the key is not text"),
    Case("odd_key", '"a\\nb": 1', '"a\\nb"', "unknown key"),
    Case("empty_key", '"": 1', '""', "unknown key"),
    # missing keys, null where a value is needed
    Case("no_name", "{}", "name", "missing", ("name",)),
    Case("no_dataset", "{}", "dataset", "missing", ("dataset",)),
    Case("no_pairs", "{}", "pairs", "missing", ("pairs",)),
    Case("no_network", "{}", "network", "missing", ("network",)),
    Case("no_monotonicity", "{}", "monotonicity", "or null", ("monotonicity",)),
    Case("no_epsilon", "{}", "training.epsilon", "missing", ("training", "epsilon")),
    Case("no_seeds", "{}", "optimality.seeds", "missing", ("optimality", "seeds")),
    Case(
        "grid_without_learning_rate",
        _regularizer("GPL-exact", "{lambda: [0.1]}"),
        "optimality.regularizers.GPL-exact.learning_rate",
        "missing",
    ),
    Case("null_name", "name:", "name", "got null"),
    Case("null_pairs", "pairs:", "pairs", "got null"),
    Case("null_network", "network:", "network", "got null"),
    Case("null_epsilon", "training: {epsilon: }", "training.epsilon", "got null"),
    Case("null_in_list", "monotonicity: {seeds: [0, ]}\npairs: [~]", "pairs[0]", "got null"),
    Case("null_measures", "measures: null", "measures", "a mapping with the keys names, n_samples"),
    Case("both_off", "{monotonicity: null, optimality: null}", "optimality", "both experiments"),
    Case(
        "no_regularizer_on",
        "optimality: {regularizers: {GN: null, WP: null, FPL: null, GPL: null}}",
        "optimality.regularizers",
        "set optimality to null",
    ),
    # wrong types
    Case("name_off", "name: off", "name", "YAML reads yes, on, no, off as true, false"),
    Case("name_number", "name: 2024", "name", 'put text in quotes: "2024"'),
    Case("name_list", "name: [a]", "name", "a list of 1"),
    Case("dataset_boolean", "dataset: no", "dataset", "got false"),
    Case("mnist_dir_number", "mnist_dir: 7", "mnist_dir", "the path of a folder, or null"),
    Case("mnist_dir_list", "mnist_dir: [data]", "mnist_dir", "a list of 1"),
    Case("mnist_dir_empty", 'mnist_dir: ""', "mnist_dir", "the path of a folder"),
    Case("mnist_dir_nul", 'mnist_dir: "a\\0b"', "mnist_dir", "the path of a folder"),
    Case("mnist_dir_lines", 'mnist_dir: "a\\nb"', "mnist_dir", "the path of a folder"),
    Case("network_list", "network: [256, 0.01]", "network", "got a list of 2"),
    Case("network_text", "network: big", "network", 'got "big"'),
    Case("training_number", "training: 3", "training", "a mapping with the keys engine"),
    Case("monotonicity_off", "monotonicity: off", "monotonicity", "to switch it off write null"),
    Case("optimality_on", "optimality: yes", "optimality", "got true"),
    Case("regularizer_off", _regularizer("GN", "off"), _GN, "write null"),
    Case("regularizer_number", _regularizer("GN", "0.1"), _GN, "got 0.1"),
    Case("regularizer_list", _regularizer("GN", "[0.1]"), _GN, "got a list of 1"),
    Case(
        "regularizers_list",
        "optimality: {regularizers: [GN, WP]}",
        "optimality.regularizers",
        "got a list of 2",
    ),
    Case("sizes_number", "monotonicity: {sizes: 64}", "monotonicity.sizes", "write a list: [64]"),
    Case("sizes_mapping", "monotonicity: {sizes: {a: 64}}", "monotonicity.sizes", "a mapping"),
    Case("sizes_text", 'monotonicity: {sizes: "64, 128"}', "monotonicity.sizes", "must be a list"),
    Case("lambda_number", _regularizer("GN", "{lambda: 0.1}"), f"{_GN}.lambda", "write a list"),
    Case("lambda_nested", _regularizer("GN", "{lambda: [[0.1]]}"), f"{_GN}.lambda[0]", "a list of"),
    Case("seeds_boolean", "monotonicity: {seeds: [true]}", "monotonicity.seeds[0]", "got true"),
    Case("units_boolean", "network: {hidden_units: yes}", "network.hidden_units", "got true"),
    Case("alpha_boolean", "network: {alpha: true}", "network.alpha", "got true"),
    Case("units_quoted", 'network: {hidden_units: "64"}', "network.hidden_units", "without quotes"),
    Case("alpha_quoted", 'network: {alpha: "0.01"}', "network.alpha", "without quotes"),
    Case("units_float", "network: {hidden_units: 64.0}", "network.hidden_units", "write 64"),
    Case("units_fraction", "network: {hidden_units: 64.5}", "network.hidden_units", "whole number"),
    Case("size_float", "optimality: {size: 1.0e+4}", "optimality.size", "write 10000"),
    Case("epochs_exponent", "training: {max_epochs: 1e4}", "training.max_epochs", "write 10000"),
    Case("epsilon_exponent", "training: {epsilon: 1e-5}", "training.epsilon", "write 1.0e-5"),
    Case("no_exponent_sign", "training: {epsilon: 1.5e1}", "training.epsilon", "write 15.0"),
    Case(
        "lambda_exponent",
        _regularizer("GN", "{lambda: [1.0e-5, 3e-6]}"),
        f"{_GN}.lambda[1]",
        "YAML reads 3e-6 as text: write 3.0e-6",
    ),
    Case("alpha_words", "network: {alpha: small}", "network.alpha", 'got "small"'),
    Case("nan", "network: {alpha: .nan}", "network.alpha", "got nan; must be a number"),
    Case("infinite", "training: {epsilon: .inf}", "training.epsilon", "got inf; must be a number"),
    Case(
        "infinite_int",
        "training: {max_epochs: -.inf}",
        "training.max_epochs",
        "got -inf; must be a whole",
    ),
    Case("date", "pairs: [2001-01-02]", "pairs[0]", "YAML reads 2001-01-02 as a date"),
    Case("timestamp", "name: 2001-01-02 03:04:05", "name", "as a date"),
    Case(
        "set", "pairs: !!set {0-1, 3-5}", "pairs", "got a value of type set; must be all, or a list"
    ),
    Case("binary", "name: !!binary aGVsbG8=", "name", "got a value of type bytes; must be a name"),
    # names
    Case("name_empty", 'name: ""', "name", "1 to 64 letters"),
    Case("name_slash", "name: results/demo", "name", "1 to 64 letters"),
    Case("name_backslash", "name: 'a\\b'", "name", "1 to 64 letters"),
    Case("name_up", "name: a..b", "name", "cannot be the name of a folder"),
    Case("name_parent", "name: ..", "name", "starts with a letter or digit"),
    Case("name_hidden", "name: .hidden", "name", "starts with a letter or digit"),
    Case("name_option", "name: -n", "name", "starts with a letter or digit"),
    Case("name_space", "name: my study", "name", "1 to 64 letters"),
    Case("name_line_end", 'name: "demo\\n"', "name", "1 to 64 letters"),
    Case("name_wildcard", 'name: "{pair}"', "name", "1 to 64 letters"),
    Case("name_greek", "name: λ-study", "name", "1 to 64 letters"),
    Case("name_long", f"name: {'a' * 65}", "name", "1 to 64 letters"),
    Case("name_last_dot", "name: demo.", "name", "cannot be the name of a folder"),
    Case("name_data", "name: data", "name", "cannot be the name of a folder"),
    Case("name_windows", "name: Con", "name", "cannot be the name of a folder"),
    Case("name_windows_port", "name: lpt1.txt", "name", "cannot be the name of a folder"),
    Case("name_readme", "name: README.md", "name", "cannot be the name of a folder"),
    # choices
    Case("dataset_unknown", "dataset: cifar", "dataset", "must be one of mnist, digits"),
    Case("dataset_case", "dataset: MNIST", "dataset", "did you mean 'mnist'?"),
    Case("engine_unknown", "training: {engine: torch}", "training.engine", "sparse, tensorflow"),
    # pairs
    Case("pairs_empty", "pairs: []", "pairs", "got a list of 0"),
    Case("pairs_word", "pairs: every", "pairs", "must be all, or a list"),
    Case("pairs_one", "pairs: 3-5", "pairs", "must be all, or a list"),
    Case("pairs_in_list", "pairs: [all]", "pairs[0]", "two digits a-b"),
    Case("pair_swapped", "pairs: [5-3]", "pairs[0]", 'write "3-5"'),
    Case("pair_equal", "pairs: [3-3]", "pairs[0]", "must differ"),
    Case("pair_padded", "pairs: [04-9]", "pairs[0]", "two digits a-b"),
    Case("pair_ten", "pairs: [3-10]", "pairs[0]", "two digits a-b"),
    Case("pair_letters", "pairs: [a-b]", "pairs[0]", "two digits a-b"),
    Case("pair_digits_of_another_script", "pairs: [٣-٥]", "pairs[0]", "two digits a-b"),
    Case("pair_list", "pairs: [[3, 5]]", "pairs[0]", "got a list of 2"),
    Case("pair_number", "pairs: [35]", "pairs[0]", "two digits a-b"),
    Case("pair_twice", "pairs: [0-1, 3-5, 0-1]", "pairs[2]", "listed twice"),
    Case("pair_line_end", 'pairs: ["3-5\\n"]', "pairs[0]", "two digits a-b"),
    # sizes
    Case("size_odd", "monotonicity: {sizes: [64, 65]}", "monotonicity.sizes[1]", "even"),
    Case("size_zero", "monotonicity: {sizes: [0, 64]}", "monotonicity.sizes[0]", "from 2"),
    Case("size_negative", "monotonicity: {sizes: [-64, 64]}", "monotonicity.sizes[0]", "from 2"),
    Case("size_twice", "monotonicity: {sizes: [64, 64]}", "monotonicity.sizes[1]", "listed twice"),
    Case("sizes_empty", "monotonicity: {sizes: []}", "monotonicity.sizes", "a list of 2 to 1,000"),
    Case("sizes_single", "monotonicity: {sizes: [64]}", "monotonicity.sizes", "Kendall's τ"),
    Case(
        "size_beyond_mnist",
        "monotonicity: {sizes: [64, 10002]}",
        "monotonicity.sizes[1]",
        "at most 10,000",
    ),
    Case("optimality_size_odd", "optimality: {size: 9999}", "optimality.size", "even"),
    Case("size_beyond_digits", "dataset: digits", "optimality.size", "at most 240: digits"),
    # numbers out of range
    Case("lambda_zero", _regularizer("GN", "{lambda: [0, 0.1]}"), f"{_GN}.lambda[0]", "λ = 0"),
    Case("lambda_zero_point", _regularizer("GN", "{lambda: [0.0]}"), f"{_GN}.lambda[0]", "λ = 0"),
    Case("lambda_negative", _regularizer("GN", "{lambda: [-0.1]}"), f"{_GN}.lambda[0]", "from 1.0"),
    Case("lambda_huge", _regularizer("GN", "{lambda: [1.0e+9]}"), f"{_GN}.lambda[0]", "1,000,000"),
    Case("lambda_empty", _regularizer("GN", "{lambda: []}"), f"{_GN}.lambda", "a list of 1 to 100"),
    Case(
        "lambda_twice",
        _regularizer("GN", "{lambda: [0.001, 1.0e-3]}"),
        f"{_GN}.lambda[1]",
        "0.001 is listed twice",
    ),
    Case("rate_zero", _regularizer("GN", "{learning_rate: 0}"), f"{_GN}.learning_rate", "got 0"),
    Case(
        "rate_negative", "monotonicity: {learning_rate: -0.1}", "monotonicity.learning_rate", "0.1"
    ),
    Case("alpha_zero", "network: {alpha: 0}", "network.alpha", "from 1.0e-12"),
    Case("units_zero", "network: {hidden_units: 0}", "network.hidden_units", "from 1 to 65,536"),
    Case("units_absurd", "network: {hidden_units: 65537}", "network.hidden_units", "65,536"),
    Case("batch_zero", "training: {batch_size: 0}", "training.batch_size", "from 1"),
    Case("epsilon_negative", "training: {epsilon: -1.0e-5}", "training.epsilon", "got -1e-05"),
    Case("epsilon_above_loss", "training: {epsilon: 2}", "training.epsilon", "to 1"),
    Case("epochs_absurd", "training: {max_epochs: 10000001}", "training.max_epochs", "10,000,000"),
    Case("epochs_zero", "training: {max_epochs: 0}", "training.max_epochs", "from 1"),
    Case("seed_negative", "optimality: {seeds: [-1]}", "optimality.seeds[0]", "from 0"),
    Case("seed_absurd", "optimality: {seeds: [2147483648]}", "optimality.seeds[0]", "to 2,147"),
    Case("seed_twice", "optimality: {seeds: [1, 0, 1]}", "optimality.seeds[2]", "listed twice"),
    Case("seeds_empty", "optimality: {seeds: []}", "optimality.seeds", "a list of 1 to 1,000"),
    Case("grid_of_one", "optimality: {grid_points: 1}", "optimality.grid_points", "from 2"),
    Case("samples_of_one", "measures: {n_samples: 1}", "measures.n_samples", "from 2"),
    Case("samples_absurd", "measures: {n_samples: 1000001}", "measures.n_samples", "1,000,000"),
    Case("grid_absurd", "measures: {grid_points: 1000000}", "measures.grid_points", "100,000"),
    Case(
        "huge_integer",
        f"network: {{hidden_units: 0x{'F' * 9000}}}",
        "network.hidden_units",
        "too l",
    ),
    # measures
    Case("measures_null", "measures: {names: null}", "measures.names", "got null; must be a list"),
    Case("measures_all", "measures: {names: all}", "measures.names", 'got "all"; must be a list'),
    Case("measures_empty", "measures: {names: []}", "measures.names", "a list of 1 to 100"),
    Case("measure_twice", "measures: {names: [GN, GN]}", "measures.names[1]", "listed twice"),
    Case("measure_case", "measures: {names: [gn]}", "measures.names[0]", "did you mean 'GN'?"),
    Case("measure_unknown", "measures: {names: [XY]}", "measures.names[0]", "one of GN, FPL, GPL"),
    Case(
        "measure_of_a_penalty_left_out",
        "measures: {names: [GN, FPL, WP]}",
        "optimality.regularizers.GPL",
        "it lowers GPL, which measures.names leaves out",
    ),
    # the search for the edge
    Case("search_on", "optimality: {search: yes}", "optimality.search", "the keys factor, max_st"),
    Case("search_off", "optimality: {search: off}", "optimality.search", "off write null"),
    Case(
        "search_down",
        "optimality: {search: {factor: 0.5}}",
        "optimality.search.factor",
        "from 1.1 to 100",
    ),
    Case(
        "search_without_end",
        "optimality: {search: {max_steps: 100}}",
        "optimality.search.max_steps",
        "a whole number from 1 to 20",
    ),
    Case("search_step", "optimality: {search: {steps: 5}}", "optimality.search.steps", "unknown k"),
    Case(
        "batch_without_segments",
        "training: {batch_size: 1}",
        "optimality.regularizers.FPL",
        "training.batch_size is 1",
    ),
]
