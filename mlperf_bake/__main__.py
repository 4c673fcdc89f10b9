"""``python -m mlperf_bake``: the command, where the program itself is not on the path."""

from mlperf_bake.cli.app import main

main()
