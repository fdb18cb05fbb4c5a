"""The experiment of the report on winged horses; run it as `python -m experiments.winged_horses`."""
