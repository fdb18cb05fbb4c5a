"""One script per report; run them with `python -m experiments.NAME`."""
