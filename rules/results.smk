# Tables, figures and the report, of the whole grid or of the part that is there.


rule make_tables:
    input:
        grid=LAYOUT.grid,
        runs="{folder}/runs.parquet",
        measures="{folder}/measures.parquet",
    output:
        [shown("table", f"{{folder}}/{name}.csv") for name in TABLES],
    log:
        "{folder}/logs/make_tables.log",
    benchmark:
        "{folder}/benchmarks/make_tables.tsv"
    localrule: True
    conda:
        "../environment.yml"
    params:
        code=fingerprint(SCRIPTS / "make_tables.py"),
        about=DESCRIPTIONS,
    message:
        "Making the tables"
    shell:
        "python -P -m workflow_scripts.make_tables --grid {input.grid:q}"
        " --folder {wildcards.folder:q} > {log:q} 2>&1"


rule make_figure1:
    output:
        figures=[
            shown("figure", f"{STUDY_FOLDER}/figure1.svg"),
            *(f"{STUDY_FOLDER}/figure1.{kind}" for kind in FORMATS if kind != "svg"),
        ],
        networks=f"{STUDY_FOLDER}/toy.npz",
    log:
        f"{STUDY_FOLDER}/logs/make_figure1.log",
    benchmark:
        f"{STUDY_FOLDER}/benchmarks/make_figure1.tsv"
    localrule: True
    conda:
        "../environment.yml"
    params:
        code=fingerprint(SCRIPTS / "make_figure1.py", ENGINES["sparse"]),
    message:
        "Training and drawing the two one-dimensional networks of Figure 1"
    shell:
        "python -P -m workflow_scripts.make_figure1 --networks {output.networks:q}"
        " --figures {output.figures:q} > {log:q} 2>&1"


rule make_figures:
    input:
        [f"{{folder}}/{name}.csv" for name in TABLES],
        grid=LAYOUT.grid,
        runs="{folder}/runs.parquet",
        measures="{folder}/measures.parquet",
    output:
        [shown("figure", f"{{folder}}/{name}.svg") for name in FIGURES],
        [f"{{folder}}/{n}.{kind}" for n in FIGURES for kind in FORMATS if kind != "svg"],
    log:
        "{folder}/logs/make_figures.log",
    benchmark:
        "{folder}/benchmarks/make_figures.tsv"
    localrule: True
    conda:
        "../environment.yml"
    params:
        code=fingerprint(SCRIPTS / "make_figures.py"),
        about=DESCRIPTIONS,
    message:
        "Drawing the figures"
    shell:
        "python -P -m workflow_scripts.make_figures --grid {input.grid:q}"
        " --folder {wildcards.folder:q} > {log:q} 2>&1"


rule make_report:
    input:
        [f"{{folder}}/{name}" for name in COLLECTED],
        [f"{{folder}}/{name}.csv" for name in TABLES],
        [f"{{folder}}/{name}.svg" for name in FIGURES],
        grid=LAYOUT.grid,
        figure1=figure1_of,
    output:
        report(
            "{folder}/report.html",
            caption="../report/report.rst",
            category="Report",
            labels={"report": "Everything on one page"},
        ),
    log:
        "{folder}/logs/make_report.log",
    benchmark:
        "{folder}/benchmarks/make_report.tsv"
    localrule: True
    conda:
        "../environment.yml"
    params:
        code=fingerprint(SCRIPTS / "make_report.py", *PAGE),
        about=DESCRIPTIONS,
    message:
        "Making the report"
    shell:
        "python -P -m workflow_scripts.make_report --grid {input.grid:q}"
        " --folder {wildcards.folder:q} > {log:q} 2>&1"
