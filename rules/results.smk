# Tables, figures and the report, of the whole grid or of the part that is there.
#
# One label per report() output: of labels with two values each, Snakemake's page makes switches,
# and it fails where a combination of their values has no file.


rule make_tables:
    input:
        grid=LAYOUT.grid,
        runs="{folder}/runs.parquet",
        measures="{folder}/measures.parquet",
    output:
        table1=report(
            "{folder}/table1.csv",
            caption="../report/table1.rst",
            category="Tables",
            labels={"table": "Table 1: Kendall's τ"},
        ),
        table2=report(
            "{folder}/table2.csv",
            caption="../report/table2.rst",
            category="Tables",
            labels={"table": "Table 2: r_norm"},
        ),
        taus="{folder}/kendall_tau.csv",
    log:
        "{folder}/logs/make_tables.log",
    benchmark:
        "{folder}/benchmarks/make_tables.tsv"
    conda:
        "../environment.yml"
    params:
        code=fingerprint(SCRIPTS / "make_tables.py"),
        about=DESCRIPTIONS,
    message:
        "Making Table 1 and Table 2"
    shell:
        "python -P -m workflow_scripts.make_tables --grid {input.grid:q} --runs {input.runs:q}"
        " --measures {input.measures:q} --table1 {output.table1:q} --table2 {output.table2:q}"
        " --taus {output.taus:q} > {log:q} 2>&1"


rule train_toy:
    output:
        f"{STUDY_FOLDER}/toy.npz",
    log:
        f"{STUDY_FOLDER}/logs/train_toy.log",
    benchmark:
        f"{STUDY_FOLDER}/benchmarks/train_toy.tsv"
    conda:
        "../environment.yml"
    params:
        code=fingerprint(SCRIPTS / "train_toy.py", ENGINES["sparse"]),
    message:
        "Training the two one-dimensional networks of Figure 1"
    shell:
        "python -P -m workflow_scripts.train_toy --output {output:q} > {log:q} 2>&1"


rule make_figure1:
    input:
        f"{STUDY_FOLDER}/toy.npz",
    output:
        report(
            f"{STUDY_FOLDER}/figure1.svg",
            caption="../report/figure1.rst",
            category="Figures",
            labels={"figure": "Figure 1: smooth and not smooth"},
        ),
        f"{STUDY_FOLDER}/figure1.png",
        f"{STUDY_FOLDER}/figure1.pdf",
    log:
        f"{STUDY_FOLDER}/logs/make_figure1.log",
    benchmark:
        f"{STUDY_FOLDER}/benchmarks/make_figure1.tsv"
    conda:
        "../environment.yml"
    params:
        code=fingerprint(SCRIPTS / "make_figure1.py"),
    message:
        "Drawing Figure 1"
    shell:
        "python -P -m workflow_scripts.make_figure1 --networks {input:q} --output {output:q}"
        " > {log:q} 2>&1"


rule make_figure2:
    input:
        grid=LAYOUT.grid,
        runs="{folder}/runs.parquet",
        measures="{folder}/measures.parquet",
    output:
        report(
            "{folder}/figure2.svg",
            caption="../report/figure2.rst",
            category="Figures",
            labels={"figure": "Figure 2: measures by λ"},
        ),
        "{folder}/figure2.png",
        "{folder}/figure2.pdf",
    log:
        "{folder}/logs/make_figure2.log",
    benchmark:
        "{folder}/benchmarks/make_figure2.tsv"
    conda:
        "../environment.yml"
    params:
        code=fingerprint(SCRIPTS / "make_figure2.py"),
        about=DESCRIPTIONS,
    message:
        "Drawing Figure 2"
    shell:
        "python -P -m workflow_scripts.make_figure2 --grid {input.grid:q} --runs {input.runs:q}"
        " --measures {input.measures:q} --output {output:q} > {log:q} 2>&1"


rule make_report:
    input:
        grid=LAYOUT.grid,
        runs="{folder}/runs.parquet",
        measures="{folder}/measures.parquet",
        table1="{folder}/table1.csv",
        table2="{folder}/table2.csv",
        taus="{folder}/kendall_tau.csv",
        figure2="{folder}/figure2.svg",
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
    conda:
        "../environment.yml"
    params:
        tables=lambda wildcards: wildcards.folder,
        page=PAGE_DIGEST,
        code=fingerprint(SCRIPTS / "make_report.py"),
        about=DESCRIPTIONS,
    message:
        "Making the report"
    shell:
        "python -P -m workflow_scripts.make_report --grid {input.grid:q} --tables {params.tables:q}"
        " --output {output:q} > {log:q} 2>&1"
