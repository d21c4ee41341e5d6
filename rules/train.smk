# One network per run of the grid, trained to interpolation.


rule train:
    input:
        # ancient: the settings and the code say what is in it, not its date
        data=ancient(SESSION.data),
    output:
        weights=LAYOUT.weights(),
        record=LAYOUT.record(),
        curve=LAYOUT.curve(),
    log:
        LAYOUT.log("train"),
    benchmark:
        LAYOUT.benchmark("train")
    priority: SESSION.priority
    group:
        SESSION.cost_class
    conda:
        "../environment.yml"
    resources:
        runtime=SESSION.asks(costs.training_minutes),
        mem_mb=SESSION.asks(costs.training_memory_mb),
        checkpoint_seconds=60,
    params:
        settings=SESSION.training_settings,
        code=SESSION.training_code,
        # text: Snakemake fills in the wildcards of text only
        checkpoint=str(LAYOUT.checkpoint()),
    message:
        "Training: pair {wildcards.pair}, size {wildcards.size}, seed {wildcards.seed},"
        " {wildcards.regularizer} λ = {wildcards.lambda}, learning rate {wildcards.learning_rate}"
    shell:
        "python -P -m workflow_scripts.train --settings {params.settings:q} --code {params.code}"
        " --data {input.data:q} --weights {output.weights:q} --record {output.record:q}"
        " --curve {output.curve:q} --checkpoint {params.checkpoint:q}"
        " --checkpoint-seconds {resources.checkpoint_seconds} > {log:q} 2>&1"
