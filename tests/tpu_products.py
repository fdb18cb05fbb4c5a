"""The matrix products and convolutions of a program as it is lowered for TPUs, which need not be there."""

import re

PRODUCT = re.compile(r"stablehlo\.(?:dot_general|dot|convolution)\b")
EXACT = re.compile(r"HIGHEST.*HIGHEST")


def rounded(program, *arguments, **static):
    """Products whose float32 operands a TPU would round, and how many products there are."""
    text = program.trace(*arguments, **static).lower(lowering_platforms=("tpu",)).as_text()
    products = [line.strip() for line in text.splitlines() if PRODUCT.search(line)]
    return [line for line in products if not EXACT.search(line)], len(products)
