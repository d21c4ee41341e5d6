# From a file per cell to one table for all: the grid, its runs, its measures.


rule write_grid:
    output:
        LAYOUT.grid,
    log:
        f"{STUDY_FOLDER}/logs/write_grid.log",
    conda:
        "../environment.yml"
    params:
        study=study_config.study_to_json(STUDY),
        code=fingerprint(SCRIPTS / "write_grid.py"),
    message:
        "Writing the table of all cells"
    shell:
        "python -m workflow_scripts.write_grid --study {params.study:q} --output {output:q}"
        " > {log:q} 2>&1"


rule collect:
    input:
        grid=LAYOUT.grid,
        records=[LAYOUT.record(run) for run in RUNS],
        measures=[LAYOUT.measured(run) for run in RUNS],
    output:
        runs=f"{STUDY_FOLDER}/runs.parquet",
        measures=f"{STUDY_FOLDER}/measures.parquet",
    log:
        f"{STUDY_FOLDER}/logs/collect.log",
    conda:
        "../environment.yml"
    params:
        folder=lambda wildcards, input: Path(input.grid).parent,
        code=fingerprint(SCRIPTS / "collect.py"),
    message:
        f"Collecting all {len(RUNS)} cells"
    shell:
        "python -m workflow_scripts.collect --folder {params.folder:q} --grid {input.grid:q}"
        " --runs {output.runs:q} --measures {output.measures:q} > {log:q} 2>&1"


# the cells are no input here: nothing missing is computed, and the tables say how much is missing
rule collect_present:
    input:
        grid=LAYOUT.grid,
    output:
        runs=f"{STUDY_FOLDER}/partial/runs.parquet",
        measures=f"{STUDY_FOLDER}/partial/measures.parquet",
    log:
        f"{STUDY_FOLDER}/logs/collect_present.log",
    conda:
        "../environment.yml"
    params:
        folder=lambda wildcards, input: Path(input.grid).parent,
        present=cells_present,
        missing=cells_missing,
        code=fingerprint(SCRIPTS / "collect.py"),
    message:
        "Collecting the cells that are there: {params.missing}"
    shell:
        "python -m workflow_scripts.collect --allow-missing --folder {params.folder:q}"
        " --grid {input.grid:q} --runs {output.runs:q} --measures {output.measures:q}"
        " > {log:q} 2>&1"
