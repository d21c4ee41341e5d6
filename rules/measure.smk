# GN, FPL, GPL and WP of one network, on its pair's test images.


rule measure:
    input:
        data=ancient(LAYOUT.data(STUDY.dataset)),
        weights=LAYOUT.weights(),
        record=LAYOUT.record(),
    output:
        LAYOUT.measured(),
    log:
        LAYOUT.log("measure"),
    priority: expected_seconds
    group:
        cost_class
    conda:
        "../environment.yml"
    resources:
        runtime=lambda wildcards, attempt: costs.measuring_minutes(attempt),
        mem_mb=750,
    params:
        options=f"--dataset {STUDY.dataset} --n-samples {STUDY.measures.n_samples}"
        f" --grid-points {STUDY.measures.grid_points}",
        checkpoint=str(LAYOUT.checkpoint()),
        code=fingerprint(
            SCRIPTS / "measure.py", extra_modules=registry.modules("smoothcore.measures")
        ),
    message:
        "Measuring: pair {wildcards.pair}, size {wildcards.size}, seed {wildcards.seed},"
        " {wildcards.regularizer} λ = {wildcards.lambda}, learning rate {wildcards.learning_rate}"
    shell:
        "python -m workflow_scripts.measure"
        " --pair {wildcards.pair} --size {wildcards.size} --seed {wildcards.seed}"
        " --regularizer {wildcards.regularizer} --lambda {wildcards.lambda}"
        " --learning-rate {wildcards.learning_rate} {params.options}"
        " --data {input.data:q} --weights {input.weights:q} --record {input.record:q}"
        " --output {output:q} --checkpoint {params.checkpoint:q} > {log:q} 2>&1"
