# The images of the dataset, checked and sorted by digit: one file for all runs.


rule prepare_data:
    output:
        # the old file stays until the new one is whole: without it every network would be stale
        update(LAYOUT.data(STUDY.dataset)),
    log:
        f"{STUDY_FOLDER}/logs/prepare_data.log",
    conda:
        "../environment.yml"
    params:
        dataset=STUDY.dataset,
        # a function of the input: another folder with the same checked files changes nothing
        source=lambda wildcards, input: (
            f"--mnist-dir {shlex.quote(STUDY.mnist_dir)}" if STUDY.mnist_dir else ""
        ),
        code=fingerprint(
            SCRIPTS / "prepare_data.py", extra_modules=[module_of(STUDY.dataset)]
        ),
    message:
        f"Preparing the images of {STUDY.dataset}"
    shell:
        "python -m workflow_scripts.prepare_data --dataset {params.dataset} {params.source}"
        " --output {output:q} > {log:q} 2>&1"
