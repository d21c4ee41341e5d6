# One network per cell of the grid, trained to interpolation.


rule train:
    input:
        # ancient: the recipe and the code say what is in it, not its date
        data=ancient(LAYOUT.data(STUDY.dataset)),
    output:
        weights=LAYOUT.weights(),
        record=LAYOUT.record(),
        curve=LAYOUT.curve(),
    log:
        LAYOUT.log("train"),
    benchmark:
        LAYOUT.benchmark("train")
    priority: expected_seconds
    group:
        cost_class
    conda:
        "../environment.yml"
    resources:
        runtime=training_minutes,
        mem_mb=training_memory_mb,
        checkpoint_seconds=60,
    params:
        # one value for all settings: Snakemake compares params as a set and would not notice a swap
        recipe=recipe,
        # text: Snakemake fills in the wildcards of text only
        checkpoint=str(LAYOUT.checkpoint()),
        code=training_code,
    message:
        "Training: pair {wildcards.pair}, size {wildcards.size}, seed {wildcards.seed},"
        " {wildcards.regularizer} λ = {wildcards.lambda}, learning rate {wildcards.learning_rate}"
    shell:
        "python -m workflow_scripts.train"
        " --pair {wildcards.pair} --size {wildcards.size} --seed {wildcards.seed}"
        " --regularizer {wildcards.regularizer} --lambda {wildcards.lambda}"
        " --learning-rate {wildcards.learning_rate} --recipe {params.recipe:q}"
        " --data {input.data:q} --weights {output.weights:q} --record {output.record:q}"
        " --curve {output.curve:q} --checkpoint {params.checkpoint:q}"
        " --checkpoint-seconds {resources.checkpoint_seconds} > {log:q} 2>&1"
