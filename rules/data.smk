# The images of the dataset, checked and sorted by digit: one file for all runs.


rule prepare_data:
    output:
        # the old file stays until the new one is whole: without it every network would be stale
        update(SESSION.data),
    log:
        f"{STUDY_FOLDER}/logs/prepare_data.log",
    benchmark:
        f"{STUDY_FOLDER}/benchmarks/prepare_data.tsv"
    localrule: True
    conda:
        "../environment.yml"
    params:
        # a function of the input: another folder with the same checked files changes nothing
        settings=lambda wildcards, input: to_settings(
            dataset=DataSettings(STUDY.dataset, STUDY.mnist_dir)
        ),
        code=fingerprint(
            SCRIPTS / "prepare_data.py", f"smoothcore.datasets.{STUDY.dataset}"
        ),
    message:
        f"Preparing the images of {STUDY.dataset}"
    shell:
        "python -P -m workflow_scripts.prepare_data --settings {params.settings:q}"
        " --output {output:q} > {log:q} 2>&1"
