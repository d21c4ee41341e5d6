# The measures of one run, of the trained network and of the one it started from.


rule measure:
    input:
        data=ancient(SESSION.data),
        weights=LAYOUT.weights(),
        record=LAYOUT.record(),
    output:
        # what is there stays: a new measure is added to it, the others are not computed again
        update(LAYOUT.measured()),
    log:
        LAYOUT.log("measure"),
    benchmark:
        LAYOUT.benchmark("measure")
    priority: SESSION.priority
    group:
        SESSION.cost_class
    conda:
        "../environment.yml"
    resources:
        runtime=SESSION.asks(costs.measuring_minutes),
        mem_mb=SESSION.asks(costs.measuring_memory_mb),
    params:
        settings=SESSION.measuring_settings,
        code=SESSION.measuring_code,
        checkpoint=str(LAYOUT.checkpoint()),
    message:
        "Measuring: pair {wildcards.pair}, size {wildcards.size}, seed {wildcards.seed},"
        " {wildcards.regularizer} λ = {wildcards.lambda}, learning rate {wildcards.learning_rate}"
    shell:
        "python -P -m workflow_scripts.measure --settings {params.settings:q}"
        " --code {params.code:q} --data {input.data:q} --weights {input.weights:q}"
        " --record {input.record:q} --output {output:q} --checkpoint {params.checkpoint:q}"
        " > {log:q} 2>&1"
