"""Does SGD implicitly optimize for smoothness? Config → grid → data → train → measure → results."""

from pathlib import Path

from snakemake.utils import min_version

min_version("9.17")


# the config of the working directory, else the one that comes with the workflow; as a module of
# another workflow it has only the config that it is given, over the one that comes with it
if workflow.modifier.is_main_snakefile():

    configfile: "config.yaml" if Path("config.yaml").exists() else f"{workflow.basedir}/config.yaml"


include: "rules/common.smk"


# needed by --sdm apptainer only, which takes no path with a space; built from smoothcore.def
if "apptainer" in str(workflow.deployment_settings.deployment_method).lower():

    container: f"{HERE}/containers/smoothcore.sif"


include: "rules/data.smk"
include: "rules/train.smk"
include: "rules/measure.smk"
include: "rules/collect.smk"
include: "rules/shown.smk"
include: "rules/results.smk"


rule all:
    default_target: True
    input:
        results_of(STUDY_FOLDER),
        LAYOUT.grid,
        SESSION.files_of_runs(),
    message:
        f"The whole study lies in {STUDY_FOLDER}"


rule partial:
    input:
        results_of(f"{STUDY_FOLDER}/partial"),
    message:
        f"Results of the runs that are there lie in {STUDY_FOLDER}/partial"


# one target per pair, such as `snakemake pair_4_9`: its runs, trained and measured
for pair in STUDY.pairs:

    rule:
        name:
            f"pair_{pair.replace('-', '_')}"
        input:
            SESSION.files_of_runs(pair),
        message:
            f"All runs of pair {pair}"
