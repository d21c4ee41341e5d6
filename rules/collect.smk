# From a file per run to one table for all: the grid, its runs, its measures.


rule write_grid:
    output:
        LAYOUT.grid,
    log:
        f"{STUDY_FOLDER}/logs/write_grid.log",
    benchmark:
        f"{STUDY_FOLDER}/benchmarks/write_grid.tsv"
    localrule: True
    conda:
        "../environment.yml"
    params:
        # a function: Snakemake looks for wildcards in text, and a path may hold braces
        settings=lambda wildcards: to_settings(
            study=STUDY.to_dict(), search=SESSION.search
        ),
        code=fingerprint(SCRIPTS / "write_grid.py"),
    message:
        "Writing the table of all runs"
    shell:
        "python -P -m workflow_scripts.write_grid --settings {params.settings:q} --output {output:q}"
        " > {log:q} 2>&1"


rule collect:
    input:
        grid=LAYOUT.grid,
        records=[LAYOUT.record(run) for run in RUNS],
        measures=[LAYOUT.measured(run) for run in RUNS],
        curves=[LAYOUT.curve(run) for run in RUNS],
    output:
        [f"{STUDY_FOLDER}/{name}" for name in COLLECTED],
    log:
        f"{STUDY_FOLDER}/logs/collect.log",
    benchmark:
        f"{STUDY_FOLDER}/benchmarks/collect.tsv"
    localrule: True
    conda:
        "../environment.yml"
    params:
        defined_on=SESSION.defined_on,
        code=fingerprint(SCRIPTS / "collect.py"),
    message:
        f"Collecting all {len(RUNS)} runs"
    shell:
        f"python -P -m workflow_scripts.collect --folder {STUDY_FOLDER}"
        " --grid {input.grid:q} > {log:q} 2>&1"


# the runs are no input here: nothing missing is computed, and the tables say how much is missing
rule collect_present:
    input:
        grid=LAYOUT.grid,
    output:
        [f"{STUDY_FOLDER}/partial/{name}" for name in COLLECTED],
    log:
        f"{STUDY_FOLDER}/logs/collect_present.log",
    benchmark:
        f"{STUDY_FOLDER}/benchmarks/collect_present.tsv"
    localrule: True
    conda:
        "../environment.yml"
    params:
        present=lambda wildcards: digest_of_present_runs(LAYOUT, RUNS),
        missing=lambda wildcards: missing_in_words(LAYOUT, RUNS),
        defined_on=SESSION.defined_on,
        code=fingerprint(SCRIPTS / "collect.py"),
    message:
        "Collecting the runs that are there: {params.missing}"
    shell:
        f"python -P -m workflow_scripts.collect --allow-missing --folder {STUDY_FOLDER}/partial"
        " --grid {input.grid:q} > {log:q} 2>&1"
