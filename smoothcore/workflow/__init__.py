"""What the Snakemake workflow needs of the library; nothing else knows Snakemake."""
